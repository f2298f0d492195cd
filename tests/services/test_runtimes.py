"""What a service needs: a runtime of some age, or any program on PATH."""

from pathlib import Path

import pytest

from harness.services.runtimes import problem
from tests.stack.programs import bare_path, program


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return bare_path(tmp_path / "bin", monkeypatch)


def test_a_runtime_that_is_there_and_new_enough_is_no_problem(path: Path):
    program(path / "node", "echo v20.1.0")

    assert problem("node") == ""


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("echo v18.20.4", "of which 18.20.4 is there; install Node.js 20 or newer and put node on PATH, or leave"),
        ("exit 1", "of which no version is there; install Node.js 20 or newer"),
    ],
)  # fmt: skip
def test_a_runtime_that_is_too_old_or_broken_is_said_with_its_mend(path: Path, text: str, sentence: str):
    program(path / "node", text)

    assert problem("node").startswith(sentence)


def test_a_runtime_that_is_missing_is_said_with_its_mend(path: Path):
    assert path.exists()
    assert problem("java") == (
        "which is not on PATH; install a JDK 17 or newer and put java on PATH, or leave these scenarios out"
    )


def test_any_other_tool_only_has_to_be_there(path: Path):
    program(path / "jq", "exit 1")

    assert problem("jq") == ""
    assert problem("yq") == "which is not on PATH; install it, or leave these scenarios out"
