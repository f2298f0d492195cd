import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from harness import cli
from tests.stack.programs import bare_path, private_cache


class Ran(NamedTuple):
    code: int
    out: str
    err: str


def harness(capsys: pytest.CaptureFixture[str], *arguments: str) -> Ran:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    seen = capsys.readouterr()
    code = ended.value.code
    return Ran(code if isinstance(code, int) else -1, seen.out, seen.err)


def test_doctor_on_a_machine_that_was_set_up(capsys: pytest.CaptureFixture[str]):
    ran = harness(capsys, "doctor")

    lines = {line.split()[1]: line for line in ran.out.splitlines()}
    assert (ran.code, ran.err) == (0, "")
    assert lines["localstack"].split()[:3] == ["provisioned", "localstack", "4.13.1"]
    assert {"rabbitmq", "toxiproxy", "docker", "java", "node", "go"} < lines.keys()


def test_doctor_on_a_bare_machine(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    bare_path(tmp_path / "bin", monkeypatch)
    private_cache(tmp_path / "cache", monkeypatch)

    ran = harness(capsys, "doctor")

    assert ran.code == 3
    assert ran.err.startswith("harness: localstack is missing: harness provision (it needs a Python package index); rabbitmq is")
    assert len(ran.err.splitlines()) == 1
    assert "docker is missing" not in ran.err
    assert "toxiproxy is missing" not in ran.err
    assert re.search(r"^missing +toxiproxy +the embedded one is used; for the original: harness provision", ran.out, re.MULTILINE)


def test_doctor_for_a_program(capsys: pytest.CaptureFixture[str]):
    ran = harness(capsys, "doctor", "--json")

    data = json.loads(ran.out)
    assert data["schema"] == 1
    assert {one["name"]: one["needed"] for one in data["components"]}["rabbitmq"] is True
    assert set(data["components"][0]) == {"name", "state", "version", "path", "mend", "needed"}


def test_what_is_required_and_missing_is_an_error(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    bare_path(tmp_path / "bin", monkeypatch)

    ran = harness(capsys, "doctor", "--require", "java, node")

    assert ran.code == 3
    assert "java is missing: install a JDK 17" in ran.err
    assert "node is missing: install Node.js 20" in ran.err


def test_a_requirement_nobody_knows(capsys: pytest.CaptureFixture[str]):
    ran = harness(capsys, "doctor", "--require", "cobol")

    assert ran.code == 3
    assert ran.err.startswith("harness: --require does not know cobol; it knows docker, go, ")


def test_a_cache_that_is_a_file(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").touch()
    private_cache(tmp_path / "file", monkeypatch)

    ran = harness(capsys, "doctor")

    assert ran.code == 3
    assert "is a file" in ran.err
    assert len(ran.err.splitlines()) == 1


def test_provision_has_nothing_to_say_on_a_machine_that_was_set_up(capsys: pytest.CaptureFixture[str]):
    assert harness(capsys, "provision") == Ran(0, "", "")


def test_progress_is_shown_a_line_at_a_time(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("harness.stack.provision.provisioned", lambda tell: tell("localstack: installing"))

    assert harness(capsys, "provision").err == "localstack: installing\n"


def test_the_installed_command_is_the_same(tmp_path: Path):
    command = [str(Path(sys.executable).with_name("harness")), "doctor", "--require", "cobol"]

    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env=dict(os.environ))

    assert ran.returncode == 3
    assert "does not know cobol" in ran.stderr
