"""Which stack a run gets; the native and the kept one are tested where they are made."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.errors import StackError, UsageError
from harness.recorder.client import Recorder
from harness.run import Run
from harness.stack import probe, provision_faketime
from harness.stack.choice import Wanted, choose, in_range
from harness.stack.model import Stack
from harness.warden import Warden, running_in


@pytest.fixture
def warden(tmp_path: Path) -> Iterator[Warden]:
    one = Warden.start(tmp_path / "run")
    yield one
    one.end()


def test_a_stack_that_there_is_not_is_refused(warden: Warden, tmp_path: Path):
    with pytest.raises(
        UsageError, match="--harness-stack=cloud: there is no such stack; there are: auto, native, containers, external"
    ):
        choose(Wanted("cloud"), warden, logs=tmp_path, progress=print, lost=print)


def test_an_external_stack_is_attached_to(stack: Stack, warden: Warden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name, value in stack.environment().items():
        monkeypatch.setenv(name, value)
    found = choose(Wanted("external"), warden, logs=tmp_path, progress=print, lost=print)
    assert (found.kind, found.localstack, found.toxiproxy) == ("external", stack.localstack, stack.toxiproxy)


def test_the_embedded_toxiproxy_takes_the_place_of_a_server_in_each_run_s_recorder(
    stack: Stack, warden: Warden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name, value in stack.environment().items():
        monkeypatch.setenv(name, value)
    found = choose(Wanted("external", toxiproxy="embedded"), warden, logs=tmp_path, progress=print, lost=print)
    assert (found.toxiproxy_kind, found.toxiproxy_in_recorder, found.versions["toxiproxy"]) == ("embedded", True, "2.12.0")
    assert (found.localstack, found.rabbitmq) == (stack.localstack, stack.rabbitmq)
    assert Stack.from_json(found.to_json()) == found


def test_a_stack_with_the_embedded_toxiproxy_gets_a_server_beside_it(
    stack: Stack, warden: Warden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    told: list[str] = []
    recorder = Recorder.start(None)
    for name, value in stack.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HARNESS_TOXIPROXY_ADDRESS", f"127.0.0.1:{recorder.toxiproxy()}")
    server = choose(Wanted("external", toxiproxy="server"), warden, logs=tmp_path, progress=told.append, lost=told.append)
    recorder.end()
    assert (server.toxiproxy_kind, server.toxiproxy_in_recorder) == ("server", False)
    assert probe.toxiproxy_kind(server.toxiproxy) == "server"
    assert told[0] == "stack: its Toxiproxy is the embedded one, so one is started beside it (server, as asked)"
    assert told[1].startswith("Toxiproxy 2.12.0 is ready after ")
    assert running_in(warden.run_id) != [warden.pid]
    warden.end()
    assert running_in(warden.run_id) == []


def test_an_external_stack_with_another_broker_than_asked_for_is_refused(
    stack: Stack, warden: Warden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name, value in stack.environment().items():
        monkeypatch.setenv(name, value)
    with pytest.raises(StackError, match=r"the external stack has RabbitMQ [0-9.]+, not 2\.0; leave out --harness-rabbitmq"):
        choose(Wanted("external", rabbitmq="2.0"), warden, logs=tmp_path, progress=print, lost=print)


@pytest.mark.parametrize(
    ("versions", "fits"), [(">=3.12,<5", True), ("<4", False), ("==4.0.*", True)], ids=["between", "below", "series"]
)
def test_a_range_of_versions_holds_a_version(versions: str, *, fits: bool):
    assert in_range("4.0.5", versions) is fits


def test_a_range_that_is_none_is_refused():
    with pytest.raises(UsageError, match="rabbitmq='new' is no range of versions; write it as"):
        in_range("4.0.5", "new")


def test_where_time_cannot_be_compressed_scenarios_take_theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def missing(_: object) -> None:
        message = "time cannot be compressed: libfaketime needs cc to be built"
        raise StackError(message)

    told: list[str] = []
    monkeypatch.setattr(provision_faketime, "provided", missing)
    run = Run(tmp_path / "run", progress=told.append)
    speeds = [run.speed_for(1), run.speed_for(20), run.speed_for(100)]
    run.end()

    assert speeds == [1, 1, 1]
    assert told == ["stack: time cannot be compressed: libfaketime needs cc to be built; scenarios take their real time"]


@pytest.mark.parametrize(
    ("wanted", "allowed", "speed"),
    [
        (Wanted(), 20, 20),
        (Wanted(speed=20), 100, 20),
        (Wanted(speed=100), 20, 20),
        (Wanted(speed=1), 20, 1),
        (Wanted("external"), 20, 1),
    ],
    ids=["as allowed", "capped", "cap above", "real", "external"],
)
def test_a_scenario_runs_at_the_speed_that_it_allows_and_the_run_wants(wanted: Wanted, allowed: int, speed: int):
    assert wanted.speed_for(allowed) == speed
