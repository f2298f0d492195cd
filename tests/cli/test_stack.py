"""up, down and status as commands: what they print, and their exit codes."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.cli import main
from harness.stack import running
from tests.stack.fakes import tools


@pytest.fixture(autouse=True)
def own_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    fakes = tools(tmp_path)
    monkeypatch.setattr(running, "provisioned", lambda _, **_more: fakes)
    yield
    running.down()


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit, match=r"^\d$") as exit_:
        main(arguments)
    return int(str(exit_.value.code))


def test_up_prints_what_to_export_and_shows_progress_beside_it(capsys: pytest.CaptureFixture[str]):
    assert run("up") == 0
    said = capsys.readouterr()
    stack = running.find_running()
    assert stack is not None
    assert said.out.splitlines() == [f"export {name}={value}" for name, value in stack.environment().items()]
    assert "Toxiproxy 0.0.3 is ready" in said.err


def test_another_toxiproxy_than_that_of_the_stack_that_is_up_is_an_error(capsys: pytest.CaptureFixture[str]):
    run("up", "--toxiproxy=server")
    capsys.readouterr()
    assert (run("up", "--toxiproxy=server"), run("up", "--toxiproxy=embedded"), run("up", "--toxiproxy=none")) == (0, 3, 3)
    assert capsys.readouterr().err.splitlines() == [
        "harness: the stack that is up has the server Toxiproxy, not the embedded one; end it with `harness down`",
        "harness: --toxiproxy=none: choose one of server, embedded, auto",
    ]


def test_status_shows_versions_and_addresses(capsys: pytest.CaptureFixture[str]):
    run("up")
    stack = running.find_running()
    capsys.readouterr()
    assert run("status") == 0
    assert stack is not None
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["LocalStack", "0.0.1", str(stack.localstack)],
        ["RabbitMQ", "0.0.2", str(stack.rabbitmq)],
        ["management", str(stack.management)],
        ["Toxiproxy", "0.0.3", str(stack.toxiproxy)],
    ]


def test_all_three_can_be_read_by_programs(capsys: pytest.CaptureFixture[str]):
    run("up", "--json")
    up = json.loads(capsys.readouterr().out)
    run("status", "--json")
    status = json.loads(capsys.readouterr().out)
    run("down", "--json")
    down = json.loads(capsys.readouterr().out)
    assert up == status
    assert up["stack"]["kind"] == "native"
    assert down == {"schema": 1, "ended": True}


def test_without_a_stack_status_is_3_and_down_is_0(capsys: pytest.CaptureFixture[str]):
    assert run("status") == 3
    assert capsys.readouterr().err == "harness: no stack is up; `harness up` starts one\n"
    assert run("status", "--json") == 3
    assert json.loads(capsys.readouterr().out) == {"schema": 1, "up": False}
    assert run("down") == 0
    assert capsys.readouterr().out == "no stack was up\n"


def test_a_cache_folder_that_is_a_file_is_one_sentence_and_3(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "file").touch()
    with monkeypatch.context() as patch:
        patch.setenv("HARNESS_CACHE", str(tmp_path / "file"))
        code = run("up")
    assert code == 3
    assert "is a file" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["up", "down", "status"])
def test_help_ends_with_an_example(capsys: pytest.CaptureFixture[str], command: str):
    assert run(command, "--help") == 0
    assert "Example: " in capsys.readouterr().out.rstrip().splitlines()[-1]
