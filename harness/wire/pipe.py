"""One connection through one tap, or to a resource: a session in the middle, and what ends on one side ends on the other."""

import asyncio
import socket
from collections.abc import Callable
from functools import partial
from typing import Protocol, runtime_checkable

from harness.history.events import Event
from harness.wire.gathered import PATIENCE, Gathered
from harness.wire.pump import End, Pump
from harness.wire.streams import Close, Ending, Gathering, Greeting, Quickly, Session, Side, Tap, Terminal
from harness.wire.weather import Direction, Weather

OTHER: dict[Side, Side] = {"service": "target", "target": "service"}


@runtime_checkable
class Carrier(Protocol):
    """A session that knows which operations are under way on its connection."""

    def carries(self, operation: str) -> bool:
        """Tell whether this operation (ReceiveMessage, GET; Basic.Consume: a consumer it made) is under way."""
        ...


def _itself(one: End) -> End:
    return one


class Fate:
    """What both taps know of one connection: Toxiproxy passes a reset on as an orderly end, so the other tap has to be told.

    `reset` is the side whose end of the whole road was reset.
    """

    __slots__ = ("reset",)

    def __init__(self) -> None:
        self.reset: Side | None = None


class Connection:
    """What is common to the connection of a tap and the connection of a resource: how it ends, and that this is recorded once."""

    def __init__(self, tap: Tap, fate: Fate, *, done: Callable[["Connection"], None]) -> None:
        self.tap = tap
        self.fate = fate
        self.over = False
        self.heard: Callable[[bytes], None] | None = None
        self.taken: Callable[[], None] | None = None
        self._done = done
        self._ends: dict[Side, End] = {}
        self._pumps: dict[Side, Pump] = {}
        self._finished: set[Side] = set()
        self._told: set[Side] = set()
        self._recorded = False

    async def start(self, **sockets: socket.socket) -> None:
        """Give the loop the sockets (service=, target=), and pump once every one of them has its transport."""
        loop = asyncio.get_running_loop()
        for side, one in self._ends.items():
            one.socket = sockets[side]
        for side, one in reversed(self._ends.items()):
            sockets[side].setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await loop.connect_accepted_socket(partial(_itself, one), sockets[side])
        for pump in self._pumps.values():
            pump.go_on()

    def received(self, side: Side, data: bytes) -> None:
        """Pump what came from this side."""
        if self.heard is not None and side == "service":
            self.heard(data)
        if not self.over:
            self._pumps[side].feed(data)
        if self.taken is not None:
            self.taken()

    def end_of(self, side: Side) -> End:
        """Return the socket of this side."""
        return self._ends[side]

    def has_heard(self, side: Side) -> bool:
        """Whether this side has ended it, from the other end of its socket."""
        return side in self._finished

    def congested(self, side: Side, *, full: bool) -> None:
        """Stop reading from whoever sends to this side, or go on."""
        pump = self._pumps[side if len(self._ends) == 1 else OTHER[side]]
        pump.full = full
        pump.pace()

    def finished(self, side: Side, how: Ending) -> None:
        """Take note that a side has ended; the tap that hears of a reset second-hand passes it on as the reset it was."""
        if self.over or (side in self._finished and how != "rst"):
            return
        self._finished.add(side)
        self._pumps[side].finish(self._true_ending(side, how))

    def _true_ending(self, side: Side, how: Ending) -> Ending:
        if side != ("service" if self.tap.at == "near" else "target"):
            return "rst" if self.fate.reset == side else how
        if how == "rst":
            self.fate.reset = side
        return how

    def ended(self, side: Side, how: Ending) -> None:
        """Tell session and journal that a side has ended, and pass it on."""
        raise NotImplementedError

    def break_off(self, by: Side) -> None:
        """Reset both sides, as a router that has lost its table does; in the journal it was `by`."""
        if not self.over:
            self.fate.reset = by
            self.dropped(by)
            self._record_closed(by, "rst")
            self.shut(reset=("service", "target"))

    def dropped(self, by: Side) -> None:
        """Tell who follows this connection that it was reset."""
        raise NotImplementedError

    def stop(self, close: Close) -> None:
        """Carry out a session's Close."""
        if close.rst:
            self.fate.reset = "target"
        self._record_closed("target", "rst" if close.rst else "fin")
        service = self._ends["service"].transport
        if close.answer and not service.is_closing():
            service.write(close.answer)
        self.shut(reset=("service",) if close.rst else ())

    def failed(self, error: Exception) -> None:
        """Give up this connection because its session raised; the journal says so."""
        reason = f"{type(error).__name__} in the decoder: {error}"
        self.tap.recorder.record(
            Event(kind="gap", at=self.tap.at, link=self.tap.link, conn=self.tap.conn, data={"reason": reason})
        )
        self.fate.reset = "target"
        self.shut(reset=("service", "target"))

    def shut(self, *, reset: tuple[Side, ...] = ()) -> None:
        """End both sides; those in `reset` see a reset."""
        if not self.over:
            self.over = True
            for side, one in self._ends.items():
                one.end(rst=side in reset)
            self._done(self)

    def _record_closed(self, by: Side, how: str) -> None:
        if not self._recorded:
            self._recorded = True
            record_closed(self.tap, by, how)


class Pipe(Connection):
    """A connection through a tap: what one side sends, the other gets."""

    def __init__(self, tap: Tap, session: Session, fate: Fate, *, done: Callable[[Connection], None]) -> None:
        super().__init__(tap, fate, done=done)
        self._session = session
        self._is_unplugged = False
        self._gathered = Gathered() if isinstance(session, Gathering) and session.gathers() else None
        self._patience: asyncio.TimerHandle | None = None
        service, target = End("service", self), End("target", self)
        self._ends = {"service": service, "target": target}
        asked, answered = (session.quick("service"), session.quick("target")) if isinstance(session, Quickly) else (None, None)
        self._pumps = {
            "service": Pump(session.from_service, service, target, self, quick=asked),
            "target": Pump(session.from_target, target, service, self, quick=answered),
        }

    @property
    def plugged(self) -> bool:
        """Whether it is there and passes on what comes."""
        return not (self.over or self._is_unplugged)

    def carries(self, operation: str) -> bool:
        """Tell whether this operation is under way on this connection."""
        return isinstance(self._session, Carrier) and self._session.carries(operation)

    def unplug(self, weather: Weather) -> None:
        """Pass nothing on any more, in either direction, and end nothing: the kernels of both peers go on acknowledging.

        What the service sends is still recorded, as what it did; what comes to it is not, because it never does.
        """
        self._pumps["service"].swallows = partial(self._swallowed, weather, "request")
        self._pumps["target"].swallows = partial(self._swallowed, weather, "answer")
        self._is_unplugged = True

    def _swallowed(self, weather: Weather, side: Direction, data: bytes) -> None:
        told: dict[str, object] = {"side": side, "bytes": len(data)}
        event = Event(kind="bit", fault=weather.id, at=self.tap.at, link=self.tap.link, conn=self.tap.conn, data=told)
        self.tap.recorder.record(event)

    def received(self, side: Side, data: bytes) -> None:
        """Pump what came from this side, unless nobody is to get it."""
        swallows = self._pumps["target"].swallows if self._is_unplugged and side == "target" else None
        if swallows is not None:
            swallows(data)
            return
        if side == "service" and self._gathered is not None:
            data = self._gathered.take(data)
            if not data:
                self._wait_for_rest(self._gathered)
                return
        Connection.received(self, side, data)

    def _wait_for_rest(self, gathered: Gathered) -> None:
        if self._patience is None:
            loop = asyncio.get_running_loop()
            self._patience = loop.call_later(PATIENCE, self._waited_for_rest, gathered, gathered.began)

    def _waited_for_rest(self, gathered: Gathered, began: int) -> None:
        """Have a request go on in parts that has waited for so long; one timer does for all that come meanwhile."""
        self._patience = None
        if not gathered.waits or self.over:
            return
        if gathered.began == began:
            super().received("service", gathered.give_up())
        else:
            self._wait_for_rest(gathered)

    def finished(self, side: Side, how: Ending) -> None:
        """Take note that a side has ended; what waited for more goes on before."""
        if side == "service" and self._gathered is not None and self._gathered.waits and not self.over:
            super().received(side, self._gathered.give_up())
        if not self._is_unplugged:
            super().finished(side, how)
        elif side not in self._finished:
            self._finished.add(side)
            if side == "service" and side not in self._told:
                self._told.add(side)
                self._session.ended(side, how)
                self._record_closed(side, how)
            if len(self._finished) == len(self._ends):
                self.shut()

    def tell_written(self, then: Callable[[bytes], None]) -> None:
        """Call `then` with all that goes on to the target."""
        self._pumps["service"].written = then

    def ended(self, side: Side, how: Ending) -> None:
        """Tell session and journal that a side has ended; FIN goes on as FIN, RST as RST."""
        other = self._ends[OTHER[side]]
        if side not in self._told:
            self._told.add(side)
            self._session.ended(side, how)
            self._record_closed(side, how)
        if how == "rst":
            self.shut(reset=("service", "target"))
        elif len(self._told) == len(self._ends):
            self.shut()
        elif not other.transport.is_closing():
            other.write_eof()

    def dropped(self, by: Side) -> None:
        """Tell the session."""
        if by not in self._told:
            self._told.add(by)
            self._session.ended(by, "rst")


class Visit(Connection):
    """A connection to a resource of the harness: its terminal answers."""

    def __init__(self, tap: Tap, terminal: Terminal, fate: Fate, *, done: Callable[[Connection], None]) -> None:
        super().__init__(tap, fate, done=done)
        self._terminal = terminal
        service = End("service", self)
        self._ends = {"service": service}
        first = terminal.opened() if isinstance(terminal, Greeting) else ()
        self._pumps = {"service": Pump(terminal.received, service, service, self, first=first)}

    def ended(self, side: Side, how: Ending) -> None:
        """Tell terminal and journal that the client has ended, then end too."""
        self._terminal.ended(how)
        self._record_closed(side, how)
        self.shut(reset=(side,) if how == "rst" else ())

    def dropped(self, by: Side) -> None:
        """Tell the terminal; it knows one peer only."""
        self._terminal.ended("rst")


def record_closed(tap: Tap, by: Side, how: str) -> None:
    """Write into the journal that a connection is over: how = fin, rst or refused."""
    tap.recorder.record(Event(kind="closed", at=tap.at, link=tap.link, conn=tap.conn, how=how, data={"by": by}))
