from pathlib import Path

import pytest

from harness.errors import StackError
from harness.stack import cache
from harness.stack import provision_localstack as localstack
from tests.stack.programs import private_cache, program, silent


def fake_uv(path: Path, python: str) -> Path:
    """uv whose environments hold the given script for an interpreter."""
    script = f"""
    [ "$1" = venv ] || exit 0
    for venv in "$@"; do :; done
    mkdir -p "$venv/bin"
    printf '#!/bin/sh\\n{python}\\n' > "$venv/bin/python"
    chmod +x "$venv/bin/python"
    """
    return program(path, script)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return private_cache(tmp_path / "cache", monkeypatch)


def test_the_environment_that_set_up_made_says_its_version():
    program = localstack.provided(silent)

    assert program.version == "4.13.1"
    assert localstack.inspected() == program.component("localstack")


def test_an_environment_is_made_where_there_is_none(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cache, "uv", lambda: fake_uv(tmp_path / "uv", "echo 4.13.1"))
    before = localstack.inspected()
    told: list[str] = []

    program = localstack.provided(told.append)

    assert (before.state, before.mend[:17]) == ("missing", "harness provision")
    assert program.path == folder / localstack.place() / "bin" / "python"
    assert told == ["installing its environment from requirements/localstack.txt", "seeing whether it can be imported"]


def test_what_cannot_be_imported_is_not_left_behind(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cache, "uv", lambda: fake_uv(tmp_path / "uv", "echo No component plugins found; exit 1"))

    with pytest.raises(StackError, match=r"^LocalStack was installed but cannot be imported: .*No component plugins found$"):
        localstack.provided(silent)

    assert not (folder / localstack.place()).exists()


def test_an_environment_whose_interpreter_was_broken_since(folder: Path):
    program(folder / localstack.place() / "bin" / "python", "exit 1")

    assert localstack.inspected().state == "missing"
    with pytest.raises(
        StackError, match=r"^LocalStack's environment does not work any more; remove .* and run the set-up again$"
    ):
        localstack.provided(silent)
