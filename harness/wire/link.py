"""One link: service -> near tap -> Toxiproxy -> far tap -> target, and how its near and far connections find each other.

Toxiproxy dials inside its accept loop, so connections that the near tap opens one at a time arrive at the far tap in the same
order; no byte of our own is put on the wire to mark them. The first bytes of both are compared, to be told if that ever fails.
"""

import asyncio
import socket
from collections import deque
from collections.abc import Callable, Coroutine

from harness.history.events import Event
from harness.wire.pipe import Connection, Fate, Pipe, Visit, record_closed
from harness.wire.rules import RuleBook
from harness.wire.sockets import LOOPBACK, Port, connected, reset
from harness.wire.streams import Seat, Session, Sink, Tap, Terminal

Opener = Callable[[Tap], Session]
Target = tuple[str, int] | Callable[[Tap], Terminal]

COMPARED = 64
"""Bytes at the beginning of a connection that have to be equal near and far."""

LONGEST_WAIT = 5.0
"""Seconds the near tap waits for its connection to arrive far before it goes on; then the connection is a gap."""


class Pair:
    """One connection of the service, as both taps see it."""

    def __init__(self, conn: int) -> None:
        self.conn = conn
        self.fate = Fate()
        self.arrived = asyncio.Event()
        self.is_mismatched = False
        self._near = bytearray()
        self._far = bytearray()

    def near_wrote(self, data: bytes) -> None:
        """Remember what the near tap sent first."""
        if len(self._near) < COMPARED:
            self._near += data[: COMPARED - len(self._near)]

    def far_got(self, data: bytes) -> bool:
        """Compare what the far tap got first; False at the first byte that was never sent near."""
        if self.is_mismatched or len(self._far) >= COMPARED:
            return True
        self._far += data[: COMPARED - len(self._far)]
        self.is_mismatched = not self._near.startswith(self._far)
        return not self.is_mismatched


class TappedLink:
    """The two taps of one link. All methods are called in the loop the link was made in.

    `target` is the address of a broker, or what makes the terminal of a resource for one connection.
    """

    def __init__(self, name: str, *, sink: Sink, rules: RuleBook, session: Opener, target: Target) -> None:
        self.name = name
        self._sink = sink
        self._rules = rules
        self._session = session
        self._target = target
        self._shared: dict[str, object] = {}
        self._connections: set[Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._number = 0
        self._queue: deque[socket.socket] = deque()
        self._has_queued = asyncio.Event()
        self._expected: Pair | None = None
        self._via = 0
        self._near = Port(self._accepted_near)
        self._far = Port(self._accepted_far)
        self._far.listen()

    @property
    def near(self) -> int:
        """The port the service connects to."""
        return self._near.number

    @property
    def far(self) -> int:
        """The port Toxiproxy is to connect to."""
        return self._far.number

    def connect(self, via: int) -> None:
        """Listen near from now on and go through the port `via`, where Toxiproxy listens for this link."""
        if not self._via:
            self._start(self._dial())
        self._via = via
        self._near.listen()

    def refuse(self) -> None:
        """Refuse new connections of the service; established ones live on."""
        self._near.refuse()

    def accept(self) -> None:
        """Accept connections of the service again, on the same port."""
        if self._via:
            self._near.listen()

    def close(self) -> None:
        """Give both ports away and end all connections."""
        self._near.close()
        self._far.close()
        for task in list(self._tasks):
            task.cancel()
        for connection in list(self._connections):
            connection.shut()
        while self._queue:
            self._queue.popleft().close()

    def _start(self, coroutine: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _tap(self, at: Seat, conn: int) -> Tap:
        return Tap(self.name, at, conn, self._sink, self._rules, self._shared)

    def _next(self) -> int:
        self._number += 1
        return self._number

    # near

    def _accepted_near(self, one: socket.socket) -> None:
        self._queue.append(one)
        self._has_queued.set()

    async def _dial(self) -> None:
        """Open the way to the target for one connection of the service after the other."""
        while True:
            await self._has_queued.wait()
            if self._queue:
                await self._go_through(self._queue.popleft())
            else:
                self._has_queued.clear()

    async def _go_through(self, service: socket.socket) -> None:
        pair = self._expected = Pair(self._next())
        tap = self._tap("near", pair.conn)
        self._record(tap, "opened")
        upstream = await self._connected((LOOPBACK, self._via), service, pair, tap)
        if upstream is None:
            self._expected = None
            return
        pipe = Pipe(tap, self._session(tap), pair.fate, done=self._over(pair))
        pipe.tell_written(pair.near_wrote)
        self._connections.add(pipe)
        await pipe.start(service=service, target=upstream)
        await self._await_arrival(pair, tap)

    async def _await_arrival(self, pair: Pair, tap: Tap) -> None:
        try:
            await asyncio.wait_for(pair.arrived.wait(), LONGEST_WAIT)
        except TimeoutError:
            self._record(tap, "gap", reason=f"did not arrive at the far tap within {LONGEST_WAIT:g} s")
        self._expected = None

    def _over(self, pair: Pair) -> Callable[[Connection], None]:
        def done(connection: Connection) -> None:
            self._connections.discard(connection)
            pair.arrived.set()  # nobody is to wait for a connection that is no more

        return done

    # far

    def _accepted_far(self, one: socket.socket) -> None:
        pair = self._expected
        if pair is None or pair.arrived.is_set():
            pair = Pair(self._next())
            self._record(self._tap("far", pair.conn), "gap", reason="no connection of the near tap belongs to this one")
            pair.is_mismatched = True
        pair.arrived.set()
        self._start(self._visit(one, pair) if callable(self._target) else self._reach(one, pair, self._target))

    async def _reach(self, one: socket.socket, pair: Pair, address: tuple[str, int]) -> None:
        tap = self._tap("far", pair.conn)
        self._record(tap, "opened")
        upstream = await self._connected(address, one, pair, tap)
        if upstream is None:
            return
        pipe = Pipe(tap, self._session(tap), pair.fate, done=self._connections.discard)
        pipe.heard = self._comparing(pair, tap)
        self._connections.add(pipe)
        await pipe.start(service=one, target=upstream)

    async def _visit(self, one: socket.socket, pair: Pair) -> None:
        assert callable(self._target)  # noqa: S101 (checked where the connection was accepted)
        tap = self._tap("resource", pair.conn)
        self._record(tap, "opened")
        visit = Visit(tap, self._target(tap), pair.fate, done=self._connections.discard)
        visit.heard = self._comparing(pair, tap)
        self._connections.add(visit)
        await visit.start(service=one)

    def _comparing(self, pair: Pair, tap: Tap) -> Callable[[bytes], None]:
        def compare(data: bytes) -> None:
            if not pair.far_got(data):
                self._record(tap, "gap", reason="its first bytes are not those of the near connection it was paired with")

        return compare

    # both

    async def _connected(self, address: tuple[str, int], waiting: socket.socket, pair: Pair, tap: Tap) -> socket.socket | None:
        """Return a connection to `address`, None after `waiting` was reset because there is none to be had."""
        try:
            return await connected(address)
        except OSError as error:
            if tap.at == "far":
                pair.fate.reset = "target"  # before the loop comes to what the near tap sees of it
            record_closed(tap, "target", "rst" if isinstance(error, ConnectionResetError) else "refused")
            reset(waiting)
            return None
        except asyncio.CancelledError:
            waiting.close()
            raise

    def _record(self, tap: Tap, kind: str, **data: object) -> None:
        event = Event(kind="opened" if kind == "opened" else "gap", at=tap.at, link=tap.link, conn=tap.conn, data=data or None)
        self._sink.record(event)
