"""One run of scenarios, from the stack to the verdicts: BEGIN READING HERE.

    stack      LocalStack, RabbitMQ and Toxiproxy are attached to or started, once            harness/stack/
    recorder   one loop that will run all taps and resources, and write the journals          harness/recorder/
    sandbox    a scenario gets a vhost, an AWS account, a journal of its own                  harness/sandbox/
    links      service -> near tap -> Toxiproxy -> far tap -> broker or resource              harness/wire/
    services   are started as processes or containers; ready when their wire shows it         harness/services/
    faults     begin at their moments, while the bytes of the moment are held                 harness/faults/
    drain      waits until the world is quiet or steady                                       harness/sandbox/drain.py
    history    is closed, the services killed, the queues scanned                             harness/sandbox/sandbox.py
    checks     judge the journal, in one pass                                                 harness/checks/
    report     run.json, the table in the terminal                                            harness/report/

`pytest_plugin/` drives a `Run`: one a pytest process, one `scenario` a test.
"""

import contextlib
import itertools
import os
import secrets
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.address import LOOPBACK, Address
from harness.clock import utc
from harness.errors import HarnessError, MissingToolError, unwritable
from harness.history.events import Header
from harness.recorder.client import Recorder
from harness.sandbox.leftovers import ident, sweep, swept_at_end
from harness.sandbox.sandbox import Sandbox
from harness.sandbox.things import Context
from harness.services.container import Containers
from harness.stack.cache import Progress
from harness.stack.cache import folder as cache_folder
from harness.stack.choice import ANY, Wanted, choose, compressible, in_range
from harness.stack.databases import Databases
from harness.stack.fidelity import lacking
from harness.stack.lending import borrowed
from harness.stack.model import Stack
from harness.stack.own import OwnBroker, Place, beside
from harness.stack.provision import provisioned
from harness.toxiproxy.client import Toxiproxy
from harness.warden import Warden, running_in


@dataclass(frozen=True)
class Story:
    """Which scenario a test is: its id and variant from the marker, where pytest finds it, and how fast its time passes.

    `cell` is its place in a matrix: the value of each parameter by its name. `allows` is the speed that the scenario has where
    its time can be compressed.
    """

    ident: str
    variant: str | None
    test: str
    reproduce: str
    speed: int = 1
    rabbitmq: str | None = None
    alone: tuple[str, ...] = ()
    cell: Mapping[str, str] = field(default_factory=dict)
    allows: int = 1

    @property
    def name(self) -> str:
        """Its name among the scenarios of a run: what pytest's parameters say stands in a cell's variant already."""
        parameters = "" if self.cell else _parameters(self.test)
        return "-".join(part for part in (self.ident, self.variant, parameters) if part)


@dataclass(frozen=True)
class Told:
    """Where one scenario's journal is, and the sandbox that writes it."""

    sandbox: Sandbox
    folder: Path
    journal: Path


def to_stderr(line: str) -> None:
    """Show what is being waited for."""
    print(line, file=sys.__stderr__, flush=True)


class Run:
    """What all scenarios of one pytest process share: started on first use, gone when `end` returns."""

    def __init__(
        self,
        folder: Path,
        *,
        stack: Wanted = ANY,
        recorder: str = "process",
        progress: Progress = to_stderr,
        lent: int | None = None,
    ) -> None:
        self.folder = folder
        self.progress = progress
        self._lent = lent
        self.wanted = stack
        self._how = recorder
        self._open = contextlib.ExitStack()
        self._stacks: dict[int, Stack] = {}
        self._recorder: Recorder | None = None
        self._warden: Warden | None = None
        self._account = secrets.randbelow(900_000) + 100_000
        self._count = 0
        self._compressible: bool | None = None
        self._lost: list[str] = []
        self._databases = Databases(lambda: self.warden, folder / "stack", progress)
        self._containers = Containers(lambda: self.warden, progress, self._lost.append)
        self._brokers: dict[tuple[str, int], OwnBroker] = {}

    @property
    def warden(self) -> Warden:
        """The process that starts every other, and leaves none behind, however this one ends."""
        if self._warden is None:
            self._warden = Warden.start()
            self._open.callback(self._warden.end)
        return self._warden

    @property
    def stack(self) -> Stack:
        """The three servers, with time as it is. Raises StackError, saying what to do, where they cannot be had."""
        return self.stack_at(1)

    def speed_for(self, scenario: int) -> int:
        """Return how fast time passes for a scenario that allows so much: as wanted, and 1 where it cannot be compressed here."""
        speed = self.wanted.speed_for(scenario)
        if speed > 1 and self._compressible is None:
            self._compressible = self._lent is not None or compressible(self.progress)
        return speed if speed == 1 or self._compressible else 1

    def stack_at(self, speed: int) -> Stack:
        """Return the three servers whose time passes so many times faster; each speed has servers of its own."""
        if speed not in self._stacks:
            stack = self._chosen(speed) if self._lent is None else borrowed(self._lent, speed)
            if self._lent is not None or self.wanted.kind in {"auto", "external"}:  # it may be there when this run is not
                self._open.enter_context(swept_at_end(self.warden, stack))
            if stack.toxiproxy_in_recorder:
                stack = replace(stack, toxiproxy=Address(LOOPBACK, self.recorder.toxiproxy()))
            self._stacks[speed] = stack
        return self._stacks[speed]

    def _chosen(self, speed: int) -> Stack:
        logs = self.folder / "stack"
        stack = choose(self.wanted, self.warden, logs=logs, progress=self.progress, lost=self._lost.append, speed=speed)
        if self.wanted.kind == "auto":
            sweep(stack, lives=lambda run_id: bool(running_in(run_id)))
        return stack

    def living_stack(self, speed: int = 1) -> Stack:
        """Return the three servers, started anew where one of them has ended."""
        if self._lost:
            self.end()
        return self.stack_at(speed)

    @property
    def recorder(self) -> Recorder:
        """The loop of all taps and resources."""
        if self._recorder is None:
            self._recorder = Recorder.start(self._spawn if self._how == "process" else None)
            self._open.callback(self._recorder.end)
        return self._recorder

    def _spawn(self, command: Sequence[str], descriptor: int) -> None:
        log = self.folder / "recorder.log"
        child = self.warden.spawn("recorder", command, environment=dict(os.environ), log=log, pass_fds=(descriptor,))
        # Registered before Recorder.end, so called after it: the process has been told to end and is given its time.
        self._open.callback(lambda: child.wait(10))

    @contextlib.contextmanager
    def scenario(self, story: Story) -> Iterator[Told]:
        """Give one scenario its sandbox; afterwards everything the sandbox had is given back."""
        stack = self.living_stack(story.speed)
        own = self._own(story.alone, stack)
        stack = beside(stack, own)
        _hold_to(story.rabbitmq, stack)
        folder = self._own_folder(story)
        journal = folder / "journal.jsonl"
        self._count += 1
        name = ident(self.warden.run_id, self._count)
        context = Context(
            ident=name,
            account=f"{self._account}{self._count:06d}",
            stack=stack,
            warden=self.warden,
            world=self.recorder.world(_header(name, story, stack), journal),
            toxiproxy=Toxiproxy(stack.toxiproxy.host, stack.toxiproxy.port),
            folder=folder,
            cache=cache_folder(),
            act=lambda: None,
            lost=lambda: "; ".join(self._lost),
            databases=self._databases,
            containers=self._containers,
            own=own,
            allows=story.allows,
        )
        sandbox = Sandbox(context, journal, reproduce=story.reproduce)
        try:
            yield Told(sandbox, folder, journal)
        finally:
            sandbox.end()

    def _own(self, names: Iterable[str], stack: Stack) -> dict[str, OwnBroker]:
        """Return brokers that no other test uses meanwhile; they are made on first use, and those that died are started anew."""
        if any((name, stack.speed) not in self._brokers for name in names):
            tools = provisioned(self.progress, rabbitmq_series=self.wanted.rabbitmq)
            folder = self.warden.folder / f"own-x{stack.speed}"
            place = Place(self.warden, tools, folder, self.folder / "stack", self.progress, stack.clock)
            for name in names:
                if (name, stack.speed) not in self._brokers:
                    broker = self._brokers[name, stack.speed] = OwnBroker(name, place)
                    self._open.callback(broker.end)
        return {name: self._brokers[name, stack.speed] for name in names}

    def _own_folder(self, story: Story) -> Path:
        slug = "".join(char if char.isalnum() or char in "-._" else "-" for char in story.name)
        names = itertools.chain([slug], (f"{slug}-{number}" for number in itertools.count(2)))
        return next(folder for name in names if _made(folder := self.folder / name))

    def end(self) -> None:
        """End everything this run started; nothing of it is left. Idempotent."""
        self._open.close()
        self._databases.end()
        self._containers.end()
        self._lost.clear()
        self._stacks.clear()
        self._brokers.clear()
        self._recorder = self._warden = None


def _header(name: str, story: Story, stack: Stack) -> Header:
    return Header(
        sandbox=name,
        scenario=story.ident,
        variant=story.variant or "",
        test=story.test,
        started=utc().isoformat(),
        speed=stack.speed,
        versions=dict(stack.versions),
        fidelity=lacking(stack),
    )


def _hold_to(versions: str | None, stack: Stack) -> None:
    """Hold that the stack's RabbitMQ is one that the scenario is about; MissingToolError, which skips it, where it is not."""
    has = stack.versions["rabbitmq"]
    if versions is not None and not in_range(has, versions):
        message = f"this scenario needs rabbitmq {versions}, and the stack has {has}; choose one with --harness-rabbitmq"
        raise MissingToolError(message)


def _made(folder: Path) -> bool:
    """Make a folder; False where there is one, of another scenario or of another worker's."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir()
    except FileExistsError:
        return False
    except OSError as error:
        raise unwritable(folder, error) from error
    return True


def _parameters(test: str) -> str:
    return test.partition("[")[2].rstrip("]")


def new_folder(runs: Path) -> Path:
    """Make the folder of a new run, and the link `latest` to it. Raises HarnessError where it cannot be made."""
    name = f"{utc():%Y-%m-%dT%H-%M-%SZ}-{secrets.token_hex(2)}"
    folder = runs / name
    try:
        folder.mkdir(parents=True)
        link = runs / f".latest-{secrets.token_hex(4)}"
        link.symlink_to(name)
        link.replace(runs / "latest")
    except OSError as error:
        message = f"the run folder {folder} cannot be made: {error}; choose another place with --harness-runs=DIR"
        raise HarnessError(message) from error
    return folder
