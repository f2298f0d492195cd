import os
import sys
from pathlib import Path

import pytest

from harness.clock import eventually
from harness.errors import StackError
from harness.stack import commands
from tests.stack.programs import program, silent


def test_what_a_command_says_is_returned(tmp_path: Path):
    both = program(tmp_path / "both", "echo out; echo err >&2; pwd")

    assert commands.call([both], "it failed", progress=silent, cwd=tmp_path) == f"out\nerr\n{tmp_path}\n"


def test_a_failure_is_the_complaint_and_what_was_said_last(tmp_path: Path):
    fails = program(tmp_path / "fails", "echo the\necho reason >&2\nexit 7")

    with pytest.raises(StackError, match=r"^no cake today: fails ended with 7: the reason$"):
        commands.call([fails], "no cake today", progress=silent)


def test_a_command_that_is_silent_and_one_that_is_missing(tmp_path: Path):
    fails = program(tmp_path / "fails", "exit 1")

    with pytest.raises(StackError, match=r"ended with 1: without a word$"):
        commands.call([fails], "no", progress=silent)
    with pytest.raises(StackError, match=r"^no: /not/there cannot be run \(No such file or directory\)$"):
        commands.call(["/not/there"], "no", progress=silent)


def test_a_long_command_gives_signs_of_life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(commands, "SIGN_OF_LIFE", 0.02)
    told: list[str] = []
    go = tmp_path / "go"
    waits = program(tmp_path / "waits", f"until [ -e {go} ]; do sleep 0.01; done")

    def tell(line: str) -> None:
        told.append(line)
        go.touch()

    commands.call([waits], "no", progress=tell)

    assert told[0].startswith("still at it after ")


def test_an_interrupted_command_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(commands, "SIGN_OF_LIFE", 0.02)
    pid = tmp_path / "pid"
    waits = program(tmp_path / "waits", f"echo $$ > {pid}; exec sleep 600")

    def interrupt(line: str) -> None:
        eventually(lambda: pid.exists() and pid.read_text(), awaited="the command to be under way", within=60)
        raise KeyboardInterrupt(line)

    with pytest.raises(KeyboardInterrupt, match="still at it"):
        commands.call([waits], "no", progress=interrupt)

    assert not Path(f"/proc/{pid.read_text().strip()}").exists()


def test_the_version_a_program_says(tmp_path: Path):
    assert commands.said([sys.executable, "-c", "print('1.2')"]) == "1.2"
    assert commands.said([sys.executable, "-c", "raise SystemExit(1)"]) is None
    assert commands.said([tmp_path / "missing"]) is None


def test_the_environment_without_what_leads_astray(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONPATH", "/astray")
    monkeypatch.setenv("KEPT", "yes")

    environment = commands.plain_environment(MORE="too")

    assert "PYTHONPATH" not in environment
    assert (environment["KEPT"], environment["MORE"]) == ("yes", "too")
    assert os.environ["PYTHONPATH"] == "/astray"
