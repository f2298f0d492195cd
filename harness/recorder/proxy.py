"""One recording link by itself, in front of anything: both taps and a journal, without Toxiproxy, sandbox or faults."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

from harness.address import Address
from harness.clock import utc
from harness.errors import HarnessError, UnwritableError, UsageError
from harness.history.events import Declaration, Event, Header
from harness.model import Key
from harness.recorder.serve import FLUSH_EVERY, LOOP
from harness.recorder.world import RecordedWorld
from harness.wire.sockets import connected
from harness.wire.streams import Hold

CLIENT = "client"
THINGS = {"amqp": "rabbitmq", "sqs": "aws", "http": "upstream"}


class Wanted(NamedTuple):
    """What to record: which protocol, on which port of 127.0.0.1 (0: any that is free), in front of what, into which file."""

    protocol: str
    listen: int
    upstream: Address
    journal: Path
    key: Key | None = None
    """Where the business key of every message stands; without it, messages are known by the broker's ids."""


class ProxyWorld(RecordedWorld):
    """A world whose messages all have the same key, and that says when the upstream refused a connection."""

    def __init__(self, wanted: Wanted, refused: Callable[[], None]) -> None:
        header = Header(sandbox="proxy", scenario=f"proxy {wanted.protocol}", started=utc().isoformat())
        super().__init__(header, wanted.journal, lambda _watch, _event: None)
        self._key = wanted.key
        self._refused = refused

    def record(self, event: Event) -> Hold | None:
        """Record it as ever."""
        if event.kind == "closed" and event.at == "far" and event.how == "refused":
            self._refused()
        return super().record(event)

    def queue_key(self, broker: Literal["aws", "rabbitmq"], queue: str) -> Key | None:
        """Return the one key there is."""
        del broker, queue
        return self._key

    def queue_group(self, queue: str) -> None:
        """Return nothing: no queue is declared."""
        del queue

    def resource(self, name: str) -> Declaration | None:
        """Return what stands for the upstream of an HTTP link."""
        return Declaration(what="resource", name=name, key=None if self._key is None else self._key.spec)


class Proxy:
    """The link, from `run` until a signal; made in the loop that it runs in."""

    def __init__(self, wanted: Wanted, tell: Callable[[str], None]) -> None:
        self._wanted = wanted
        self._tell = tell
        self._over = asyncio.Event()
        self._problem = ""
        self._link = f"{CLIENT}->{THINGS[wanted.protocol]}"

    async def run(self) -> None:
        """Record until SIGINT or SIGTERM. Raises UsageError for what cannot begin, HarnessError when the journal fails."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._over.set)
        address = await _resolved(self._wanted.upstream)
        world = self._opened()
        try:
            await self._record(world, address)
        finally:
            self._safely(world.close)
        if self._problem:
            raise HarnessError(self._problem)

    def _opened(self) -> ProxyWorld:
        path = self._wanted.journal
        try:
            if path.exists() and path.stat().st_size:
                message = f"--journal {path}: there is something in it already; remove it, or name another file"
                raise UsageError(message)
            return ProxyWorld(self._wanted, self._refused)
        except (OSError, UnwritableError) as error:
            why = error.reason if isinstance(error, UnwritableError) else error.strerror
            message = f"--journal {path}: it cannot be written ({why}); name another file"
            raise UsageError(message) from error

    async def _record(self, world: ProxyWorld, address: tuple[str, int]) -> None:
        wanted = self._wanted
        try:
            ports = world.open_link(self._link, wanted.protocol, list(address), near=wanted.listen)
        except OSError as error:
            wanted.journal.unlink()  # nothing was recorded in it
            message = (
                f"--listen 127.0.0.1:{wanted.listen}: this port cannot be had ({error.strerror}); name another, or 0 for any"
            )
            raise UsageError(message) from error
        world.declare({"what": "link", "name": self._link, "service": CLIENT, "thing": THINGS[wanted.protocol]})
        if not await _answers(address):
            self._refused()
            world.lose(self._link)
        world.connect_link(self._link, ports["far"])
        world.find(self._link)
        self._tell(f"{wanted.protocol} on 127.0.0.1:{ports['near']}, in front of {wanted.upstream}, into {wanted.journal}")
        while not self._over.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), FLUSH_EVERY)
            self._safely(world.flush)

    def _refused(self) -> None:
        self._tell(f"{self._wanted.upstream} refuses connections, and so does this port until it answers")

    def _safely(self, write: Callable[[], None]) -> None:
        """Write, and end when that cannot be done any more: traffic that passes unrecorded would look like none."""
        try:
            write()
        except UnwritableError as error:
            self._problem = f"--journal {self._wanted.journal}: it cannot be written any more ({error.reason})"
            self._over.set()


async def _resolved(upstream: Address) -> tuple[str, int]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            upstream.host, upstream.port, family=socket.AF_INET, type=socket.SOCK_STREAM
        )
    except OSError as error:
        message = f"--upstream {upstream}: there is no such host ({error.strerror})"
        raise UsageError(message) from error
    host, port = found[0][4][:2]
    return str(host), int(port)


async def _answers(address: tuple[str, int]) -> bool:
    try:
        one = await connected(address)
    except OSError:
        return False
    one.close()
    return True


def run(wanted: Wanted, tell: Callable[[str], None]) -> None:
    """Record until SIGINT or SIGTERM; `tell` hears where, and when the upstream goes and comes.

    Raises UsageError for a protocol, port, host or file that will not do, HarnessError when the journal cannot be written.
    """
    if wanted.protocol not in THINGS:
        message = f"{wanted.protocol!r} is no protocol that can be recorded; there are: {', '.join(THINGS)}"
        raise UsageError(message)

    async def recorded() -> None:
        await Proxy(wanted, tell).run()

    with asyncio.Runner(loop_factory=LOOP) as runner:
        runner.run(recorded())
