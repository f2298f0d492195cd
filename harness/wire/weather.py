"""The weather of a link: byte-level faults as plain data, and how a tap notices what they did to the bytes between both taps.

Most of it is made by Toxiproxy, which tells nobody what it did to which connection. Here it is seen from both its sides: what
left one tap and when, what came to the other and when. Where that is the fault's doing, a `bit` event names the fault, the
connection and the direction (`data.side`); which messages were under way there is known to whoever reads the journal.
"""

import asyncio
from collections import deque
from typing import Literal

import msgspec

from harness.history.events import Event
from harness.wire.streams import Seat, Sink

Name = Literal["bandwidth", "cut_short", "half_open", "reset", "sliced", "slow_close", "timeout"]
Direction = Literal["request", "answer"]

LATE = 0.8
"""Bytes that came later by this share of what the weather asks for were held up by it."""

FELT = 0.1
"""Seconds below which nobody is said to have been held up."""


class Weather(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One byte-level fault on one link; `id` is the fault's id, the other fields are the arguments of `harness.faults`."""

    id: str
    name: Name
    link: str
    side: Direction | None = None
    bytes_per_second: int = 0
    bytes: int = 0
    seconds: float = 0.0
    on: str | None = None


class _Piece:
    """Bytes that left in one go: from where to where in all that left, when, and in how many goes they have come."""

    __slots__ = ("begin", "came", "end", "t")

    def __init__(self, begin: int, end: int, t: float) -> None:
        self.begin, self.end, self.t = begin, end, t
        self.came = 0


class Course:
    """One direction of one connection, between the tap where bytes leave and the tap where they come."""

    def __init__(self, side: Direction, link: str, conn: int, sink: Sink, *, leaves: Seat, comes: Seat) -> None:
        self.side = side
        self.weathers: tuple[Weather, ...] = ()
        self._link, self._conn, self._sink = link, conn, sink
        self._leaves, self._comes = leaves, comes
        self._pieces: deque[_Piece] = deque()
        self._over: float | None = None

    def left(self, total: int, size: int) -> None:
        """Take note that `size` bytes have left; they are the last of `total`."""
        for weather in self.weathers:
            if weather.name == "timeout" and weather.side == self.side:
                self._bit(weather, self._leaves, bytes=size)
            elif weather.name in {"bandwidth", "sliced"}:
                self._pieces.append(_Piece(total - size, total, _now()))
                return

    def came(self, total: int) -> None:
        """Take note that so many bytes have come."""
        while self._pieces and self._pieces[0].begin < total:
            piece = self._pieces[0]
            piece.came += 1
            whole = piece.end <= total
            for weather in self.weathers:
                self._judge(weather, piece, whole=whole)
            if not whole:
                return
            self._pieces.popleft()

    def _judge(self, weather: Weather, piece: _Piece, *, whole: bool) -> None:
        size, late = piece.end - piece.begin, _now() - piece.t
        if weather.name == "bandwidth" and whole and late >= max(FELT, LATE * size / weather.bytes_per_second):
            self._bit(weather, self._comes, seconds=round(late, 3))
        elif weather.name == "sliced" and not whole and piece.came == 1 and size > weather.bytes:
            self._bit(weather, self._comes, bytes=size)

    def ended(self) -> None:
        """Take note that the tap where bytes leave has ended this direction."""
        self._over = _now() if self._over is None else self._over

    def end_came(self) -> None:
        """Take note that the end has come; one that nobody sent is the fault's own."""
        if self._over is None:
            return
        late = _now() - self._over
        for weather in self.weathers:
            if weather.name == "slow_close" and late >= LATE * weather.seconds:
                self._bit(weather, self._comes, seconds=round(late, 3))

    def _bit(self, weather: Weather, at: Seat, **data: object) -> None:
        told = {"side": self.side, **data}
        self._sink.record(Event(kind="bit", fault=weather.id, at=at, link=self._link, conn=self._conn, data=told))


def _now() -> float:
    return asyncio.get_running_loop().time()
