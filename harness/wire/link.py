"""One link: service -> near tap -> Toxiproxy -> far tap -> target, and how its near and far connections find each other.

Toxiproxy dials inside its accept loop, so connections that the near tap opens one at a time arrive at the far tap in the same
order; no byte of our own is put on the wire to mark them. The first bytes of both are compared, to be told if that ever fails.
"""

import asyncio
import socket
from collections import deque
from collections.abc import Callable, Coroutine

from harness.address import HERE, LOOPBACK, Interface
from harness.history.events import Event
from harness.wire.pair import Pair
from harness.wire.pipe import Connection, Pipe, Visit, record_closed
from harness.wire.rules import RuleBook
from harness.wire.skies import Skies, heard_out
from harness.wire.sockets import Port, connected, reset
from harness.wire.streams import Seat, Session, Sink, Tap, Terminal
from harness.wire.weather import Weather

Opener = Callable[[Tap], Session]
Target = tuple[str, int] | Callable[[Tap], Terminal]

LONGEST_WAIT = 5.0
"""Seconds the near tap waits for its connection to arrive far before it goes on; then the connection is a gap."""

LATE = 1.0
"""Seconds it waits for one that ended near before it was far, as when a fault takes its first request."""

LOOK_AGAIN = 0.05
"""Seconds between two looks whether a target that was gone is there again."""

FAULT, GONE = "fault", "gone"
"""Why a link refuses: a fault has it so, or there is nobody at its end."""


class TappedLink:
    """The two taps of one link. All methods are called in the loop the link was made in.

    `target` is the address of a broker, or what makes the terminal of a resource for one connection. `near` is the port for the
    service, 0: any that is free, `at` where it is reached; OSError where that cannot be had.
    """

    def __init__(
        self,
        name: str,
        *,
        sink: Sink,
        rules: RuleBook,
        session: Opener,
        target: Target,
        near: int = 0,
        at: Interface = HERE,
    ) -> None:
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
        self._refusing: set[str] = set()
        self._losses = 0
        self._timer: asyncio.TimerHandle | None = None
        self._skies = Skies(name, sink, "resource" if callable(target) else "far")
        self._near = Port(self._accepted_near, near, at)
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
        self._listen()

    def refuse(self) -> None:
        """Refuse new connections of the service until `accept`; established ones live on."""
        self._refuse(FAULT)

    def accept(self) -> None:
        """Accept connections of the service again, on the same port, unless the target is gone."""
        self._refusing.discard(FAULT)
        self._listen()

    def lose(self) -> None:
        """Refuse new connections of the service, because the target is gone, until `find` has found it again.

        The link does both by itself where a connection through it was refused: to accept and close is not what a service sees
        of a target that is gone.
        """
        self._losses += 1
        self._refuse(GONE)

    def find(self) -> None:
        """Look again and again whether the target is there; then connections are accepted again, unless a fault refuses them."""
        if GONE in self._refusing:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(LOOK_AGAIN, lambda: self._start(self._look(self._losses)))

    def begin(self, weather: Weather) -> None:
        """Have this weather over the link."""
        self._skies.begin(weather)

    def end(self, ident: str) -> None:
        """Have the weather of this fault no more."""
        self._skies.end(ident)

    def _refuse(self, why: str) -> None:
        self._refusing.add(why)
        self._near.refuse()

    def _listen(self) -> None:
        if self._via and not self._refusing:
            self._near.listen()

    async def _look(self, losses: int) -> None:
        assert not callable(self._target)  # noqa: S101 (a resource is never gone)
        try:
            (await connected(self._target)).close()
        except OSError:
            self.find()
            return
        if losses == self._losses:
            self._refusing.discard(GONE)
            self._listen()

    def close(self) -> None:
        """Give both ports away and end all connections."""
        self._near.close()
        self._far.close()
        if self._timer is not None:
            self._timer.cancel()
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
        pair = Pair(self._next())
        tap = self._tap("near", pair.conn)
        self._record(tap, "opened")
        if self._skies.resets:
            self._start(self._reset(service, tap))
            return
        self._expected = pair
        upstream = await self._connected((LOOPBACK, self._via), service, pair, tap)
        if upstream is None:
            self._expected = None
            return
        pipe = pair.near = Pipe(tap, self._session(tap), pair.fate, done=self._over(pair))
        pipe.tell_written(pair.near_wrote)
        self._join(pair, pipe)
        await pipe.start(service=service, target=upstream)
        await self._await_arrival(pair, tap)

    async def _await_arrival(self, pair: Pair, tap: Tap) -> None:
        """Wait until it is far, so that no other is taken for it; also where it has ended near, because it is on its way."""
        try:
            await asyncio.wait_for(pair.news.wait(), LONGEST_WAIT)
            if not pair.has_arrived and pair.may_arrive:
                pair.news.clear()
                await asyncio.wait_for(pair.news.wait(), LATE)
        except TimeoutError:
            if pair.near is not None and not pair.near.over:
                self._record(tap, "gap", reason=f"did not arrive at the far tap within {LONGEST_WAIT:g} s")
        self._expected = None

    async def _reset(self, service: socket.socket, tap: Tap) -> None:
        """Reset a new connection once it has said what it wants, which is recorded: it is what the service did."""
        session = self._session(tap)
        try:
            await heard_out(service, session)
        except asyncio.CancelledError:
            service.close()
            raise
        session.ended("target", "rst")
        record_closed(tap, "target", "rst")
        reset(service)

    def _join(self, pair: Pair, connection: Connection) -> None:
        self._connections.add(connection)
        self._skies.join(pair)

    def _over(self, pair: Pair) -> Callable[[Connection], None]:
        def done(connection: Connection) -> None:
            self._connections.discard(connection)
            self._skies.leave(pair)
            if connection is pair.near:
                pair.leave()

        return done

    # far

    def _accepted_far(self, one: socket.socket) -> None:
        pair = self._expected
        if pair is None or pair.has_arrived:
            pair = Pair(self._next())
            self._record(self._tap("far", pair.conn), "gap", reason="no connection of the near tap belongs to this one")
            pair.is_mismatched = True
        pair.arrive()
        self._start(self._visit(one, pair) if callable(self._target) else self._reach(one, pair, self._target))

    async def _reach(self, one: socket.socket, pair: Pair, address: tuple[str, int]) -> None:
        tap = self._tap("far", pair.conn)
        self._record(tap, "opened")
        upstream = await self._connected(address, one, pair, tap)
        if upstream is None:
            return
        pipe = pair.far = Pipe(tap, self._session(tap), pair.fate, done=self._over(pair))
        pipe.heard = pair.comparing(pipe, lambda: self._mismatched(tap))
        self._join(pair, pipe)
        await pipe.start(service=one, target=upstream)

    async def _visit(self, one: socket.socket, pair: Pair) -> None:
        assert callable(self._target)  # noqa: S101 (checked where the connection was accepted)
        tap = self._tap("resource", pair.conn)
        self._record(tap, "opened")
        visit = pair.far = Visit(tap, self._target(tap), pair.fate, done=self._over(pair))
        visit.heard = pair.comparing(visit, lambda: self._mismatched(tap))
        self._join(pair, visit)
        await visit.start(service=one)

    def _mismatched(self, tap: Tap) -> None:
        self._record(tap, "gap", reason="its first bytes are not those of the near connection it was paired with")

    # both

    async def _connected(self, address: tuple[str, int], waiting: socket.socket, pair: Pair, tap: Tap) -> socket.socket | None:
        """Return a connection to `address`, None after `waiting` was reset because there is none to be had."""
        try:
            return await connected(address)
        except OSError as error:
            if tap.at == "far":
                pair.fate.reset = "target"  # before the loop comes to what the near tap sees of it
                if isinstance(error, ConnectionRefusedError) and GONE not in self._refusing:
                    self.lose()
                    self.find()
            record_closed(tap, "target", "rst" if isinstance(error, ConnectionResetError) else "refused")
            reset(waiting)
            return None
        except asyncio.CancelledError:
            waiting.close()
            raise

    def _record(self, tap: Tap, kind: str, **data: object) -> None:
        event = Event(kind="opened" if kind == "opened" else "gap", at=tap.at, link=tap.link, conn=tap.conn, data=data or None)
        self._sink.record(event)
