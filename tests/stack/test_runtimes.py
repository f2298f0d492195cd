from pathlib import Path

import pytest

from harness.stack import runtimes
from harness.stack.found import Component
from tests.stack.programs import bare_path, program


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return bare_path(tmp_path / "bin", monkeypatch)


def of(name: str) -> Component:
    return next(one for one in runtimes.inspect() if one.name == name)


@pytest.mark.parametrize(
    ("name", "says", "version"),
    [
        ("java", 'openjdk version "17.0.15" 2025-04-15', "17.0.15"),
        ("node", "v20.20.2", "20.20.2"),
        ("go", "go version go1.26.8 linux/amd64", "1.26.8"),
        ("docker", "28.2.2", "28.2.2"),
    ],
)
def test_a_runtime_is_found_with_its_version(path: Path, name: str, says: str, version: str):
    command = program(path / name, f"echo '{says}' >&2")

    assert of(name) == Component(name, "found", version, command, needed=False)


@pytest.mark.parametrize(("name", "says"), [("java", 'openjdk version "11.0.2"'), ("node", "v18.1.0"), ("node", "nonsense")])
def test_a_runtime_that_is_too_old_is_missing(path: Path, name: str, says: str):
    program(path / name, f"echo '{says}'")

    assert of(name).state == "missing"
    assert of(name).mend.startswith("install ")


def test_a_docker_whose_daemon_does_not_answer_is_missing(path: Path):
    program(path / "docker", "echo 28.2.2; exit 1")

    assert of("docker").state == "missing"


def test_nothing_is_there(path: Path):
    assert path.exists()
    assert {one.state for one in runtimes.inspect()} == {"missing"}
