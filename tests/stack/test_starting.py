"""Starting that goes wrong, and servers that go later: with fakes, which die, hang and answer wrongly when they are told to."""

import os
import shutil
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness import clock
from harness.address import free_port
from harness.errors import MissingToolError, StackError, UsageError
from harness.stack import localstack, native, probe
from harness.stack.listeners import listener, listens
from harness.stack.model import Stack
from harness.stack.rabbitmq import rabbitmq
from harness.warden import Warden, running_in
from tests.stack.fakes import tools


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    for variable in native.VARIABLES.values():
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def warden(tmp_path: Path) -> Iterator[Warden]:
    one = Warden.start(tmp_path / "run")
    yield one
    one.end()


def hurried(patch: pytest.MonkeyPatch, name: str, seconds: float, *, once: Path | None = None) -> None:
    """Wait for one server only so long, from its first word in this log on; for the others as long as they need."""

    def eventually(look: Callable[[], str], *, awaited: str, within: float) -> str:
        if awaited == name and once is not None:
            clock.eventually(lambda: once.exists() and once.read_text(), awaited="its first word", within=60)
        return clock.eventually(look, awaited=awaited, within=within if awaited == name else 60)

    patch.setattr(native, "WITHIN", seconds)
    patch.setattr(native, "clock", SimpleNamespace(now=clock.now, eventually=eventually))


def test_progress_names_each_server_with_its_version(warden: Warden, tmp_path: Path):
    lines: list[str] = []
    stack = native.start(warden, tools(tmp_path), progress=lines.append)
    assert sorted(line.partition(" is ready after")[0] for line in lines) == [
        "LocalStack 0.0.1",
        "RabbitMQ 0.0.2",
        "Toxiproxy 0.0.3",
    ]
    assert stack.versions == {"localstack": "0.0.1", "rabbitmq": "0.0.2", "toxiproxy": "0.0.3"}
    assert (warden.folder / "stack" / "toxiproxy.log").read_text() == "fake is up\n"


@pytest.mark.parametrize(("speed", "timeout"), [(1, 10_000), (20, 200_000)])
def test_clients_have_as_long_for_their_handshake_however_fast_the_clock_runs(tmp_path: Path, speed: int, timeout: int):
    ports = dict.fromkeys(("rabbitmq", "management", "distribution"), 1)
    rabbitmq(tools(tmp_path), tmp_path, ports, speed=speed)
    assert f"handshake_timeout = {timeout}" in (tmp_path / "rabbitmq.conf").read_text().splitlines()


def test_the_embedded_toxiproxy_is_a_server_of_the_stack(warden: Warden, tmp_path: Path):
    stack = native.start(warden, replace(tools(tmp_path), embedded=True))
    assert (stack.toxiproxy_kind, stack.versions["toxiproxy"]) == ("embedded", "2.12.0")
    assert probe.toxiproxy_kind(stack.toxiproxy) == "embedded"
    assert Stack.from_json(stack.to_json()) == stack


@pytest.mark.parametrize(
    ("name", "server"), [("localstack", "LocalStack"), ("rabbitmq", "RabbitMQ"), ("toxiproxy", "Toxiproxy")], ids=str
)
def test_a_server_that_dies_at_start_is_named_with_its_last_lines(warden: Warden, tmp_path: Path, name: str, server: str):
    broken = tools(tmp_path, **{name: "echo first; echo the reason >&2; exit 7"})
    with pytest.raises(
        StackError, match=rf"{server} ended during its start \(status 7\); [\s\S]+\.log:\n    first\n    the reason$"
    ):
        native.start(warden, broken)
    assert running_in(warden.run_id) == [warden.pid]


def test_a_server_that_dies_without_a_word_is_said_to(warden: Warden, tmp_path: Path):
    with pytest.raises(StackError, match=r"Toxiproxy ended during its start \(signal 15\); [\s\S]+\(it wrote nothing\)"):
        native.start(warden, tools(tmp_path, toxiproxy="kill -15 $$"))


def test_a_server_that_does_not_exist_is_named_and_the_others_are_ended(warden: Warden, tmp_path: Path):
    without = tools(tmp_path)
    without.toxiproxy.unlink()
    with pytest.raises(MissingToolError, match=r"Toxiproxy: there is no command .*toxiproxy; install it"):
        native.start(warden, without)
    assert running_in(warden.run_id) == [warden.pid]


def test_a_server_that_never_listens_is_reported_after_a_while(warden: Warden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    hurried(monkeypatch, "Toxiproxy", 0.5)
    with pytest.raises(StackError, match=r"Toxiproxy was not ready within 0\.5 s: it does not listen on port \d+;"):
        native.start(warden, tools(tmp_path, toxiproxy="echo hm; sleep 600"))
    assert running_in(warden.run_id) == [warden.pid]


def test_a_server_that_answers_what_it_should_not_is_reported(warden: Warden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    hurried(monkeypatch, "LocalStack", 0.5, once=tmp_path / "logs" / "localstack.log")
    ready = tools(tmp_path)
    script = ready.localstack_python.read_text()
    ready.localstack_python.write_text(script.replace("exec", "FAKE_SQS=error exec"))
    with pytest.raises(
        StackError, match=r"LocalStack was not ready within 0\.5 s: it answers, but its SQS is error; it needs SERVICES"
    ):
        native.start(warden, ready, logs=tmp_path / "logs")


def test_somebody_elses_server_is_not_taken_for_ours(warden: Warden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    hurried(monkeypatch, "Toxiproxy", 1, once=tmp_path / "log")
    port = free_port()
    other = tools(tmp_path, toxiproxy="sleep 600")
    impostor = f"{tmp_path / 'fake.py'} -port {port}"
    warden.spawn(
        "impostor", ["sh", "-c", f"sleep 0.3; exec python3 {impostor}"], environment=dict(os.environ), log=tmp_path / "log"
    )
    with pytest.raises(StackError, match=f"Toxiproxy was not ready within 1 s: it does not listen on port {port}"):
        native.start(warden, other, ports={"toxiproxy": port})


def test_a_server_that_ends_later_is_reported_once_and_the_end_of_the_run_is_not(warden: Warden, tmp_path: Path):
    told: list[str] = []
    lost = threading.Event()

    def tell(sentence: str) -> None:
        told.append(sentence)
        lost.set()

    stack = native.start(warden, tools(tmp_path), lost=tell)
    os.kill(int(listener(stack.toxiproxy.port).split()[1]), signal.SIGKILL)
    assert lost.wait(60)
    warden.end()
    assert len(told) == 1
    assert told[0].startswith("Toxiproxy ended while it was needed (signal 9)")


def test_ports_can_be_fixed(warden: Warden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    wanted = {name: free_port() for name in native.VARIABLES}
    for name, variable in native.VARIABLES.items():
        monkeypatch.setenv(variable, str(wanted[name]))
    stack = native.start(warden, tools(tmp_path))
    assert {name: getattr(stack, name).port for name in wanted} == wanted


@pytest.mark.parametrize("text", ["http", "0", "65536", "-1", "4566x"])
def test_a_fixed_port_that_is_no_port_is_refused(text: str):
    with pytest.raises(UsageError, match=f"HARNESS_LOCALSTACK_PORT={text} is not a port"):
        native.fixed_ports({"HARNESS_LOCALSTACK_PORT": text, "HARNESS_RABBITMQ_PORT": ""})


def test_a_fixed_port_that_is_taken_is_named_with_who_has_it(warden: Warden, tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(
            StackError,
            match=rf"port {port} .*\(HARNESS_RABBITMQ_PORT\) cannot be used: process {os.getpid()} \(.+\); stop that program",
        ):
            native.start(warden, tools(tmp_path), ports={"rabbitmq": port})
    assert running_in(warden.run_id) == [warden.pid]


def test_a_port_that_two_servers_were_given_is_refused():
    with pytest.raises(UsageError, match="HARNESS_LOCALSTACK_PORT and HARNESS_TOXIPROXY_PORT are both 4566"):
        native.fixed_ports({"HARNESS_LOCALSTACK_PORT": "4566", "HARNESS_TOXIPROXY_PORT": "4566"})


def test_what_localstack_builds_once_is_kept_for_the_next_start(warden: Warden, tmp_path: Path):
    building = tools(tmp_path)
    index = f'"$FILESYSTEM_ROOT/{localstack.CACHE}"'
    script = building.localstack_python.read_text()
    building.localstack_python.write_text(
        script.replace("exec", f"mkdir -p {index}; ls {index}; echo built > {index}/service-catalog-1.dill; exec")
    )
    native.start(warden, building, logs=tmp_path / "first")
    second = Warden.start(tmp_path / "second-run")
    native.start(second, building, logs=tmp_path / "second")
    second.end()
    assert (tmp_path / "cache" / "localstack-index" / "service-catalog-1.dill").read_text() == "built\n"
    assert "service-catalog-1.dill" not in (tmp_path / "first" / "localstack.log").read_text()
    assert "service-catalog-1.dill" in (tmp_path / "second" / "localstack.log").read_text()
    assert not list((tmp_path / "cache").glob("localstack-index.*"))


def test_two_first_starts_at_once_keep_one_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    made, seed = tmp_path / "made", tmp_path / "seed"
    made.mkdir()
    (made / "service-catalog-1.dill").write_text("mine")
    copy = shutil.copytree

    def slow_copy(source: Path, target: Path) -> None:
        copy(source, target)
        copy(source, seed)  # the other one was quicker

    monkeypatch.setattr(shutil, "copytree", slow_copy)
    localstack.keep_index(made, seed)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made", "seed"]


def test_a_localstack_that_refuses_its_first_call_is_not_ready(warden: Warden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    hurried(monkeypatch, "LocalStack", 0.5, once=tmp_path / "logs" / "localstack.log")
    refusing = tools(tmp_path)
    script = refusing.localstack_python.read_text()
    refusing.localstack_python.write_text(script.replace("exec", "FAKE_STATUS=500 exec"))
    with pytest.raises(
        StackError, match=r"LocalStack was not ready within 0\.5 s: it answers, but its SQS refuses ListQueues with status 500"
    ):
        native.start(warden, refusing, logs=tmp_path / "logs")


def test_without_ipv6_localstack_listens_where_it_can(monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as patch:
        patch.setattr(socket, "AF_INET6", 99)
        without = localstack.gateway()
    assert without == "127.0.0.1"
    assert localstack.gateway() == "[::ffff:127.0.0.1]"


def test_who_listens_is_told_by_proc():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        mine, others = listens(os.getpid(), port), listens(os.getppid(), port)
        who = listener(port)
    clock.eventually(lambda: not listener(port), awaited="the listener's end", within=60)
    assert mine
    assert not others
    assert who.startswith(f"process {os.getpid()} (")
    assert not listens(2**22 + 1, port)
