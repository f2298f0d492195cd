"""A stack kept between runs: found, ended, not believed when it is gone; once with the real servers and the real commands."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pika
import pytest

from harness.errors import StackError
from harness.stack import cache, running
from harness.stack.listeners import listener
from harness.stack.provision import provisioned
from harness.stack.tools import Tools
from harness.warden import running_in
from harness.warden.processes import below, processes
from tests.stack.fakes import tools


@pytest.fixture
def fakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tools]:
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    yield tools(tmp_path)
    running.down()


def written(tmp_path: Path) -> dict[str, object]:
    data: dict[str, object] = json.loads((tmp_path / "cache" / "running.json").read_text())
    return data


def test_a_stack_that_is_up_is_found_and_up_leaves_it_as_it_is(fakes: Tools, tmp_path: Path):
    nothing = running.find_running()
    stack = running.up(tools=fakes)
    before = written(tmp_path)
    assert nothing is None
    assert running.find_running() == stack
    assert running.up(tools=fakes) == stack
    assert written(tmp_path) == before
    assert (tmp_path / "cache" / "logs" / "rabbitmq.log").read_text() == "fake is up\n"


def test_down_leaves_no_process_no_listener_and_no_state(fakes: Tools, tmp_path: Path):
    stack = running.up(tools=fakes)
    run = str(written(tmp_path)["run"])
    assert running.down()
    assert not running.down()
    assert running_in(run) == []
    assert [listener(address.port) for address in (stack.localstack, stack.rabbitmq, stack.management, stack.toxiproxy)] == [
        ""
    ] * 4
    assert running.find_running() is None
    assert not (tmp_path / "cache" / "running.json").exists()


def test_a_stack_that_has_lost_a_server_is_reported_and_up_starts_it_anew(fakes: Tools):
    stack = running.up(tools=fakes)
    os.kill(int(listener(stack.toxiproxy.port).split()[1]), signal.SIGKILL)
    with pytest.raises(
        StackError, match=r"the stack that is up is not whole: Toxiproxy at .* does not answer.* run `harness up` again"
    ):
        running.find_running()
    lines: list[str] = []
    again = running.up(lines.append, tools=fakes)
    assert lines[0].startswith("the stack that was up is started anew, because Toxiproxy at")
    assert running.find_running() == again


def test_a_start_that_fails_leaves_nothing(fakes: Tools, tmp_path: Path):
    fakes.toxiproxy.write_text("#!/bin/sh\nexit 1\n")
    before = below([os.getpid()], processes())
    with pytest.raises(StackError, match="Toxiproxy ended during its start"):
        running.up(tools=fakes)
    assert not (tmp_path / "cache" / "running.json").exists()
    assert below([os.getpid()], processes()) == before


def test_a_warden_that_was_killed_takes_its_stack_with_it_and_is_not_believed(fakes: Tools, tmp_path: Path):
    running.up(tools=fakes)
    data = written(tmp_path)
    warden = int(str(data["warden"]))
    forked = subprocess.Popen(["sleep", "600"], env={**os.environ, "HARNESS_RUN": str(data["run"])})
    os.kill(warden, signal.SIGKILL)
    os.waitpid(warden, 0)
    folder = Path(str(data["folder"]))
    left = folder.exists()
    assert running.find_running() is None
    assert not running.down()
    assert not (tmp_path / "cache" / "running.json").exists()
    assert left
    assert not folder.exists()
    assert forked.wait(60) == -signal.SIGKILL


@pytest.mark.parametrize("change", [{"started": 1}, {"run": "another"}, {"stack": 3}, {"warden": 2**22 + 1}], ids=str)
def test_a_recycled_pid_and_a_broken_file_are_not_believed(fakes: Tools, tmp_path: Path, change: dict[str, object]):
    running.up(tools=fakes)
    file = tmp_path / "cache" / "running.json"
    data = written(tmp_path)
    file.write_text(json.dumps({**data, **change}))
    found = running.find_running()
    file.write_text(json.dumps(data))
    assert found is None
    assert running.find_running() is not None


def test_a_half_written_file_is_not_believed(fakes: Tools, tmp_path: Path):
    cache.folder()
    (tmp_path / "cache" / "running.json").write_text('{"schema": 1')
    assert running.find_running() is None
    assert not running.down()
    assert fakes.toxiproxy.exists()


def test_the_embedded_toxiproxy_is_kept_where_it_is_asked_for(fakes: Tools, monkeypatch: pytest.MonkeyPatch):
    asked: list[str] = []

    def provided(_: object, *, toxiproxy: str) -> Tools:
        asked.append(toxiproxy)
        return replace(fakes, toxiproxy=Path(sys.executable), embedded=True)

    monkeypatch.setattr(running, "provisioned", provided)
    stack = running.up(toxiproxy="embedded")
    assert asked == ["embedded"]
    assert (stack.toxiproxy_kind, stack.versions["toxiproxy"]) == ("embedded", "2.12.0")
    assert running.up() == stack


def test_the_real_stack_outlives_the_command_that_started_it_and_down_ends_it(tmp_path: Path):
    provisioned()
    own = tmp_path / "cache"
    own.mkdir()
    state = ("running", "logs")  # the tools of this machine's cache, but a state of our own
    for tool in [entry for entry in cache.folder().iterdir() if not entry.name.startswith(state)]:
        (own / tool.name).symlink_to(tool)

    def harness(*arguments: str) -> tuple[int, str]:
        code = "from harness.cli import main; main()"
        environment = {**os.environ, "HARNESS_CACHE": str(own)}
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments], env=environment, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout

    up = harness("up")
    try:
        status = harness("status", "--json")
        exported = dict(line.removeprefix("export ").split("=", 1) for line in up[1].splitlines())
        with pika.BlockingConnection(pika.URLParameters(exported["HARNESS_RABBITMQ_URL"] + "/%2F")) as connection:
            opened = connection.is_open
        run = json.loads((own / "running.json").read_text())["run"]
    finally:
        down = harness("down")
    assert (up[0], status[0], down) == (0, 0, (0, "the stack has ended\n"))
    assert json.loads(status[1])["environment"] == exported
    assert opened
    assert running_in(run) == []
    assert harness("status", "--json") == (3, '{"schema": 1, "up": false}\n')
