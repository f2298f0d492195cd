"""A broker of one test's own, which may die: LocalStack or RabbitMQ beside the stack, on ports that stay its own meanwhile.

RabbitMQ comes back with its data: vhosts, durable queues and the persistent messages in them. LocalStack keeps nothing.
"""

import contextlib
import signal
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from harness import clock
from harness.address import LOOPBACK, Address, reserved
from harness.errors import TimedOutError, UsageError
from harness.stack import native, tempo
from harness.stack.cache import Progress
from harness.stack.localstack import localstack
from harness.stack.model import Stack
from harness.stack.part import Part
from harness.stack.probe import hold_to_clock
from harness.stack.rabbitmq import PASSWORD, USER, rabbitmq
from harness.stack.tools import Tools
from harness.warden import Child, Warden

PORTS: Mapping[str, tuple[str, ...]] = {
    "aws": ("localstack",),
    "rabbitmq": ("rabbitmq", "management", "distribution"),
}
"""What a test may have for itself, as a sandbox calls it, and the ports it takes."""

BACK_WITHIN = 60.0  # s; a restart takes 4


@dataclass(frozen=True)
class Place:
    """Where brokers of a test's own are started, with what, and who is told that it takes a while."""

    warden: Warden
    tools: Tools
    folder: Path
    logs: Path
    progress: Progress
    clock: Mapping[str, str]


class OwnBroker:
    """One such broker. `starts` counts how often it was started: connections from an earlier start are dead."""

    def __init__(self, name: str, place: Place) -> None:
        self.name = name
        self.told: Callable[[int], None] = lambda _: None
        self.starts = 0
        self.version = ""
        self._place = place
        self._folder = place.folder / name
        self._folder.mkdir(parents=True)
        self._kept = contextlib.ExitStack()
        self.numbers = {one: self._kept.enter_context(reserved()).getsockname()[1] for one in PORTS[name]}
        self._part = self._described()
        self._down = True
        self._answered = 0
        self._child: Child

    def _described(self) -> Part:
        if self.name == "aws":
            return localstack(self._place.tools, self._folder, self.numbers["localstack"])
        speed = float(self._place.clock.get("HARNESS_SPEED", 1))
        return rabbitmq(self._place.tools, self._folder, self.numbers, speed=speed)

    @property
    def down(self) -> bool:
        """Whether it was killed and not started again."""
        return self._down

    def start(self) -> None:
        """Start it (again), with the data it has kept; returns when its command is executing."""
        part, place = self._part, self._place
        environment = tempo.faked(part.environment, place.clock)
        log = place.logs / f"own-{self.name}.log"
        self._child = place.warden.spawn(part.name, part.command, environment=environment, log=log, cwd=self._folder)
        self.starts += 1
        self._down = False
        self._child.on_exit(self._tell)

    def _tell(self, status: int) -> None:
        self.told(status)

    def restart(self) -> None:
        """Start it again, killed first if it still runs."""
        self._child.kill()
        self.start()

    def kill(self, name: str) -> None:
        """KILL it with all its processes, gone when this returns; or ask it to end, with TERM."""
        self._down = True
        if name == "KILL":
            self._child.kill()
        else:
            self._child.signal(signal.SIGTERM)

    def await_ready(self) -> None:
        """Return when it answers.

        Raises UsageError where it was killed and nothing starts it again, StackError where it cannot start.
        """
        try:
            clock.eventually(lambda: not self._down, awaited=self.name, within=BACK_WITHIN)
        except TimedOutError:
            message = f"{self.name} was killed and is not started again: write kill(sandbox.{self.name}, lasts=3), or call heal()"
            raise UsageError(message) from None
        starts = self.starts
        if self._answered != starts:
            self.version = native.ready(self._part, self._child, self._place.progress)
            self._answered = starts

    def end(self) -> None:
        """Kill it for good, and give its ports away."""
        if self.starts:
            self._child.kill()
        self._kept.close()


def beside(stack: Stack, brokers: Mapping[str, OwnBroker]) -> Stack:
    """Return the stack with these brokers in the place of its own; they are started where they are down, and ready."""
    for one in brokers.values():
        if one.down:
            one.start()
    with ThreadPoolExecutor(len(PORTS), thread_name_prefix="own") as pool:
        list(pool.map(OwnBroker.await_ready, brokers.values()))
    found = stack
    for name, one in brokers.items():
        at = {port: Address(LOOPBACK, number) for port, number in one.numbers.items()}
        versions = {**found.versions, one.name if name == "rabbitmq" else "localstack": one.version}
        if name == "aws":
            found = replace(found, localstack=at["localstack"], versions=versions)
        else:
            listen, manage = at["rabbitmq"], at["management"]
            found = replace(found, rabbitmq=listen, management=manage, user=USER, password=PASSWORD, versions=versions)
    if brokers:
        hold_to_clock(found)
    return found


def checked(alone: object) -> tuple[str, ...]:
    """Return the names of the brokers that a scenario wants for itself; UsageError for what is no such names."""
    if isinstance(alone, (tuple, list)) and all(name in PORTS for name in alone):
        return tuple(dict.fromkeys(alone))
    message = f"alone={alone!r}: a scenario names the brokers it wants for itself, of {', '.join(PORTS)}: alone=('rabbitmq',)"
    raise UsageError(message)
