"""Where benchmarks are played: one native stack, one sandbox, a recorder of each kind, and the roads through them."""

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from harness.address import LOOPBACK
from harness.clock import utc
from harness.history import History
from harness.history.events import Declaration, Header
from harness.model import Link
from harness.recorder.client import Recorder, World
from harness.run import Run, Story
from harness.sandbox.sandbox import Sandbox
from harness.services.service import Service
from harness.stack.choice import Wanted
from harness.toxiproxy.client import Toxiproxy
from harness.wire.rules import Rule
from tests.bench.measures.forwarder import ForwarderProcess

HOW = ("process", "thread")
ROADS = ("tap", "taps", "link")
Wire = Literal["amqp", "sqs"]


class Stage:
    """Made on first use, gone when `end` returns.

    Roads: `direct`; `toxiproxy` alone; `forwarder`, a loop in Python that only forwards, and `forwarders`, such a loop before and
    behind Toxiproxy, which is what any tap and any link in Python costs at least. For each kind of recorder `tap` (one tap: the
    client connects to the port where Toxiproxy would), `taps` (near and far, without Toxiproxy between them), `link` (the whole
    link), `embedded` (the whole link with the embedded Toxiproxy), `armed` (one tap, with a rule for a message that never comes).
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open = contextlib.ExitStack()
        self.run = Run(folder, stack=Wanted("native"))
        self._open.callback(self.run.end)

    @cached_property
    def toxiproxy(self) -> Toxiproxy:
        """The stack's Toxiproxy."""
        return Toxiproxy(self.run.stack.toxiproxy.host, self.run.stack.toxiproxy.port)

    @cached_property
    def recorders(self) -> Mapping[str, Recorder]:
        """A recorder of each kind."""
        thread = Recorder.start(None)
        self._open.callback(thread.end)
        return {"process": self.run.recorder, "thread": thread}

    @cached_property
    def embedded(self) -> Mapping[str, Toxiproxy]:
        """The embedded Toxiproxy, in each recorder."""
        return {how: Toxiproxy(LOOPBACK, one.toxiproxy()) for how, one in self.recorders.items()}

    @cached_property
    def sandbox(self) -> Sandbox:
        """The vhost and the account that all roads lead to."""
        return self._open.enter_context(self.run.scenario(Story("bench", None, "bench", ""))).sandbox

    @cached_property
    def worlds(self) -> Mapping[str, World]:
        """A recording by each kind of recorder."""
        header = {how: Header(sandbox=f"bench-{how}", started=utc().isoformat()) for how in HOW}
        return {how: self.recorders[how].world(header[how], self._folder / f"{how}.jsonl") for how in HOW}

    @cached_property
    def forwarder(self) -> ForwarderProcess:
        """What only forwards."""
        forwarder = ForwarderProcess()
        self._open.callback(forwarder.end)
        return forwarder

    @cached_property
    def load(self) -> "LoadProcess":
        """The service."""
        load = LoadProcess()
        self._open.callback(load.end)
        return load

    @cached_property
    def amqp(self) -> tuple[str, ...]:
        """The roads to RabbitMQ, connected."""
        _ = self.sandbox.rabbitmq.queue("bench-amqp")
        ports = self._ports("amqp")
        self.load.ask("open_amqp", roads={name: self.sandbox.rabbitmq.parts(port).value for name, port in ports.items()})
        return tuple(ports)

    @cached_property
    def sqs(self) -> tuple[str, ...]:
        """The roads to SQS, connected."""
        queue = self.sandbox.aws.queue("bench", key="/id")
        ports = self._ports("sqs")
        parts = {name: self.sandbox.aws.parts(port) for name, port in ports.items()}
        roads = {name: (one.value, queue.url_at(ports[name]), one.account) for name, one in parts.items()}
        self.load.ask("open_sqs", roads=roads)
        return tuple(ports)

    def _ports(self, wire: Wire) -> dict[str, int]:
        stack = self.run.stack
        target = (stack.rabbitmq if wire == "amqp" else stack.localstack).port
        ports = {"direct": target, "toxiproxy": self.toxiproxy.create(f"bench.{wire}", ("127.0.0.1", target))}
        ports["forwarder"] = self.forwarder.to(target)
        between = self.toxiproxy.create(f"bench.{wire}.forwarders", ("127.0.0.1", self.forwarder.to(target)))
        ports["forwarders"] = self.forwarder.to(between)
        for how, world in self.worlds.items():
            for road in (*ROADS, "embedded", "armed"):
                ports[f"{how}.{road}"] = self._tapped(world, wire, how, road, target)
        return ports

    def _tapped(self, world: World, wire: Wire, how: str, road: str, target: int) -> int:
        link = Link(f"{how}.{road}", wire)
        queue = "bench" if wire == "sqs" else f"bench.{how}.{road}"
        world.declare(Declaration(what="queue", name=queue, broker="aws" if wire == "sqs" else "rabbitmq", key="/id"))
        ports = world.open_link(link, wire, ("127.0.0.1", target))
        match road:
            case "taps":
                world.connect_link(link, ports.far)
            case "link":
                world.connect_link(link, self.toxiproxy.create(proxy(wire, how), ("127.0.0.1", ports.far)))
            case "embedded":
                world.connect_link(link, self.embedded[how].create(proxy(wire, how), ("127.0.0.1", ports.far)))
            case "armed":
                world.arm(Rule(id=f"never.{how}.{wire}", name="altered", link=str(link), key="never", attributes={"never": "1"}))
            case _:
                pass  # one tap: nothing leads to the near one
        return ports.far if road in {"tap", "armed"} else ports.near

    def spent_by(self, program: str) -> float:
        """Return the seconds of processor that the run's process with this word in its command line has had."""
        mark = f"HARNESS_RUN={self.run.warden.run_id}".encode()
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # it ended, or is not ours to look at
                if program.encode() in (process / "cmdline").read_bytes() and mark in (process / "environ").read_bytes():
                    return sum(int(one.read_text().split()[0]) for one in process.glob("task/*/schedstat")) / 1e9
        message = f"no process of this run is called {program}"
        raise RuntimeError(message)

    def end(self) -> None:
        """End everything."""
        self._open.close()


def proxy(wire: Wire, how: str) -> str:
    """Return the name in Toxiproxy of the proxy inside the road `link`."""
    return f"bench.{wire}.{how}"


class LoadProcess:
    """The process that plays the service."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.bench.measures.load"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, do: str, **given: object) -> Any:
        """Return what it answers. Raises RuntimeError when it died; its traceback is on standard error."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": do, **given}) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            message = f"the process that sends and receives died at {do}"
            raise RuntimeError(message)
        return json.loads(answer)

    def end(self) -> None:
        """Wait until it has ended."""
        self._process.communicate()


@contextlib.contextmanager
def busy_thread() -> Iterator[None]:
    """Keep this process's interpreter as busy as a test can: a thread that only computes, in Python."""
    is_over = threading.Event()

    def compute() -> None:
        while not is_over.is_set():
            for _ in range(10_000):
                pass

    thread = threading.Thread(target=compute, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def ten_placements(world: Sandbox) -> History:
    """Have esr-writer record ten placements, with nothing wrong, and drain."""
    tcs = world.http("tcs", key="/placementId")
    exported = world.rabbitmq.queue("placement-exported", key="/placementId", effect=tcs, dead_letter="placement-exported.dlq")
    uses = {"AMQP_URL": world.rabbitmq, "TCS_URL": tcs}
    world.start(Service.named("esr-writer")["as it was"], uses=uses)
    exported.publish({"placementId": n} for n in range(1, 11))
    return world.drain()
