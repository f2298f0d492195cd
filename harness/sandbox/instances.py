"""A running service as a scenario sees it: its links, its exits, how it is told to send, and when it is ready."""

import http.client
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from harness.address import HERE, LOOPBACK, free_port
from harness.errors import HarnessError, StartError, UsageError
from harness.history.events import Declaration, Event
from harness.model import Link, Moment
from harness.sandbox.queues import link_name
from harness.sandbox.things import Context, Usable
from harness.services.build import paths_of
from harness.services.container import Container
from harness.services.pace import hold
from harness.services.parts import Launch, Parts, expand
from harness.services.process import Process
from harness.services.service import Service
from harness.stack.tempo import faked
from harness.warden.processes import worked

READY_WITHIN = 90.0
"""Real seconds. A death is told at once, so this is only for who hangs; and on a machine in use a JVM takes its time."""
GRACE = 30.0
"""Seconds that a deploy gives the old version to end by itself: what Kubernetes gives by default."""


class Seen(Protocol):
    """What is known of the world's events so far: enough to tell that a service showed itself on the wire."""

    def subscribed(self, since: float) -> set[str]:
        """Return the names of the links on which a consumer has shown itself since then, in seconds of the world."""
        ...


class Instance(Usable):
    """One running service; made by `sandbox.start`."""

    word = "the service"

    def __init__(
        self, context: Context, service: Service, name: str, uses: Mapping[str, Usable], environment: Mapping[str, str]
    ) -> None:
        super().__init__(context, name)
        self.service = service
        self.deployed_so_far: list[Service] = []
        self._uses = dict(uses)
        self._port = free_port()
        self.ready_after: float | None = None
        self._began = self._spent_to_start = 0.0
        self._at = context.containers.at if service.image else HERE
        self._container: Container | None = None
        self._wired = self._wire()
        self._environment = dict(environment)
        self._launch = self._launched(service)
        self.exited_by_itself: Callable[[], object] | None = None
        self.deployed: Callable[[], None] = lambda: None
        context.name(self)
        self._declare()
        self.process: Process | None = None

    def _launched(self, service: Service) -> Launch:
        self.deployed_so_far.append(service)
        paths = {**paths_of(service, self._context.cache), "port": str(self._port)}
        launch = expand(service, self._wired, paths, self._environment)
        hold(service, launch, self._context.stack.speed)
        clock = self._context.stack.clock if service.clock == "compressed" else {}
        return replace(launch, environment=faked(launch.environment, clock))

    def _declare(self) -> None:
        silence, clock = self.service.longest_silence, self.service.clock
        self._context.declare(Declaration(what="service", name=self.thing_name, longest_silence=silence, clock=clock))

    def _wire(self) -> dict[str, Parts]:
        self._context.interfaces[self.thing_name] = self._at
        wired = {}
        for variable, thing in self._uses.items():
            wired[variable] = thing.parts(thing.reach(link_name(self.thing_name, thing)), self._at.host)
        return wired

    @property
    def log(self) -> Path:
        """Where the service's output goes."""
        return self._context.folder / f"{self.thing_name}.log"

    def run(self) -> None:
        """Start the process, or a container; returns at once. Raises StartError when the command or the image does not exist."""
        if self._launch.image:
            self._container = self._context.containers.made(self._launch, self.log)
            self._context.ends.append(self._container.remove)
        self._began = self._context.record(Event(kind="started", service=self.thing_name)).t
        if self._container is None:
            self.process = Process.start(self._context.warden, self._launch, self.log)
        else:
            self.process = Process(self._container, self.log)
        self.process.on_exit(self._exited)

    def restart(self) -> None:
        """Start the process again, with the wiring it had; returns at once."""
        if self.process is None:
            message = f"{self.thing_name} cannot be restarted: it was not started"
            raise UsageError(message)
        self._context.record(Event(kind="started", service=self.thing_name))
        self.process.restart()

    def _exited(self, status: int) -> None:
        hurried = "hurried" if self._is_hurried and self.ready_after is None else ""
        how = "harness" if self.process is not None and self.process.ended_by_harness else hurried
        try:
            self._context.record(Event(kind="exited", service=self.thing_name, status=status, how=how))
        except HarnessError:
            return  # the world is closed: the run is over and nobody judges this exit any more
        if not how and self.exited_by_itself is not None:
            self.exited_by_itself()

    def await_ready(self, seen: Seen) -> None:
        """Return when the service has shown itself on the wire.

        That is its first Basic.Consume or ReceiveMessage, or with `ready = "http"` an answer of its own port.
        On a compressed clock it is started once more where it dies before: its time-outs are shorter there, its start is not.
        Raises StartError with its last log lines when it dies (again), within a second of its death, or stays silent.
        """
        if self.ready_after is not None or self.process is None:
            return
        look = self._answers if self.service.ready == "http" else lambda: self._consumes(seen)
        try:
            with self._context.spent.on(f"start of {self.thing_name}"):
                self._until_ready(self.process, look)
        except StartError as error:
            message = f"{error}{self._hurried()}"
            raise StartError(message) from error
        ready = self._context.record(Event(kind="ready", service=self.thing_name)).t
        self.ready_after = (ready - self._began) / self._context.stack.speed
        self._spent_to_start = worked(self.process.pid)

    def _until_ready(self, process: Process, look: Callable[[], bool]) -> None:
        try:
            process.ready_when(look, awaited=self._awaited(), within=READY_WITHIN)
        except StartError:
            if process.status is None or not self._is_hurried or look():  # what was at work already did not die of its start
                raise
            self.restart()
            process.ready_when(look, awaited=self._awaited(), within=READY_WITHIN)

    @property
    def _is_hurried(self) -> bool:
        """Whether its time-outs are shorter than in production and its start is not: then it may die of the start alone, once."""
        return self._context.stack.speed > 1 and self.service.clock == "compressed"

    def _hurried(self) -> str:
        speed = self._context.stack.speed
        if not self._is_hurried:
            return ""
        return f"\nIts time-outs are {speed} times shorter here than in production, its start is not: try a lower --harness-speed"

    def _consumes(self, seen: Seen) -> bool:
        mine = {str(link) for link in self._links()}
        return bool(mine & seen.subscribed(self._began))

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(self._host(), self._port, timeout=5)
        try:
            connection.request("GET", "/")
            connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
        return True

    def _host(self) -> str:
        """Return where its own port is: that of a container is on its network only."""
        return LOOPBACK if self._container is None else self._container.host()

    def _awaited(self) -> str:
        if self.service.ready == "http":
            return f"an answer to HTTP on its port {self._port}"
        links = ", ".join(map(str, self._links())) or "no link: uses={} is empty"
        return f"a Basic.Consume or ReceiveMessage on {links}"

    def spent(self) -> float:
        """Return the seconds of processor time it used since it was ready; 0 where it has ended."""
        return max(0.0, worked(self.process.pid) - self._spent_to_start) if self.process is not None else 0.0

    @property
    def speed(self) -> int:
        """How many times faster time passes for it."""
        return self._context.stack.speed

    def _tail(self) -> str:
        lines = self.process.log_tail() if self.process is not None else ""
        return f" Its last log lines:\n{lines}" if lines else " Its log is empty."

    def _links(self) -> list[Link]:
        return sorted({link_name(self.thing_name, thing) for thing in self._uses.values()}, key=str)

    @property
    def lives(self) -> bool:
        """Whether its process runs."""
        return self.process is not None and self.process.status is None

    @property
    def exit_of_its_own(self) -> int | None:
        """The exit status of a service that ended by itself; None while it runs, or when the harness ended it."""
        if self.process is None or self.process.ended_by_harness:
            return None
        return self.process.status

    # ------------------------------------------------------------------ what a scenario calls

    def link(self, thing: Usable) -> Link:
        """Return the link between this service and a thing it uses. Raises UsageError, listing the links, where there is none."""
        link = link_name(self.thing_name, thing)
        if link not in self._links():
            message = f"{self.thing_name} does not use {thing.thing_name!r}; its links are: {', '.join(map(str, self._links()))}"
            raise UsageError(message)
        return link

    def upgrade(self, service: Service) -> None:
        """Deploy another version: the old one is asked to end, and gets GRACE seconds for it; the new one has the same wiring.

        Returns when the new one is started; the next act waits until it is ready. Raises UsageError for another service, and what
        `start` raises.
        """
        self._context.act()
        if service.name != self.service.name:
            message = f"{self.thing_name}.upgrade({service!r}) is no other version of {self.service.name}; start it beside it"
            raise UsageError(message)
        if bool(service.image) != bool(self.service.image):
            message = f"{self.thing_name}.upgrade({service!r}): a process and a container cannot have the same wiring"
            raise UsageError(message)
        launch = self._launched(service)
        if self.process is not None and self.process.status is None:
            self.process.terminate(GRACE / self._context.stack.speed)
        self.service, self._launch = service, launch
        self._declare()
        self.ready_after = None
        self.run()
        self.deployed()

    def exited(self, nth: int = 1) -> Moment:
        """Return the moment of the service's nth exit."""
        return Moment(self.thing_name, "exited", nth)

    def reach(self, link: Link) -> int:
        """Services are called on their own port; a link between services comes with contracts between them."""
        message = f"{link}: a service cannot be wired to another service yet; wire both to a broker or an http resource"
        raise UsageError(message)

    def parts(self, port: int, host: str = LOOPBACK) -> Parts:
        """Return the service's own address."""
        return Parts(value=f"http://{host}:{port}", host=host, port=port, name=self.thing_name)

    def send(self, queue: str, payload: bytes) -> None:
        """Tell the service to send one message, as [sends] of its service.toml says. Raises HarnessError if it refuses."""
        told = self.service.sends.get(queue, {}).get("http")
        if told is None:
            message = f"{self.service!r} does not say how it sends to {queue!r}; add it to [sends] in its service.toml"
            raise UsageError(message)
        try:
            status = self.call(told, payload)
        except (OSError, http.client.HTTPException) as error:
            message = f"{self.thing_name} was told to send to {queue} and did not answer: {error!r}.{self._tail()}"
            raise HarnessError(message) from error
        if status >= 400:  # noqa: PLR2004 (HTTP's own boundary)
            message = f"{self.thing_name} answered {status} to {told}, when told to send to {queue}.{self._tail()}"
            raise HarnessError(message)

    def call(self, what: str, payload: bytes) -> int:
        """Send JSON to the service's own port (`POST /exports`) and return the status of the answer; the harness's own call.

        Raises OSError and HTTPException where it does not answer.
        """
        method, _, path = what.partition(" ")
        connection = http.client.HTTPConnection(self._host(), self._port, timeout=30)
        try:
            connection.request(method, path, payload, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
        finally:
            connection.close()
        return answer.status


def spent(instances: Iterable[Instance]) -> dict[str, object]:
    """Say how much processor time services used since they were ready, where the clock's margin depends on it."""
    fast = [one for one in instances if one.speed > 1 and one.process is not None]
    return {"spent": {one.thing_name: round(one.spent(), 4) for one in fast}} if fast else {}
