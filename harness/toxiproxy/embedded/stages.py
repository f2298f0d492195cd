"""What each toxic does to the bytes of one direction of one connection."""

from collections import deque
from collections.abc import Callable

from harness.clock import now
from harness.toxiproxy.embedded.chance import Chance
from harness.toxiproxy.embedded.links import FARTHEST, Action, Item, Link, Piece, Stage
from harness.toxiproxy.embedded.toxics import Toxic

_MILLI, _MICRO = 1e-3, 1e-6
_SLICE = 0.1
"""Seconds between two pieces of a chunk that a bandwidth takes longer than this for."""

_TIMER_ERROR = 0.02
"""Seconds by which a timer may be late and the next be the earlier for it."""


class Noop:
    """Passes everything on; also what a toxic is on the connections that its toxicity spares."""

    room = 1
    needs_room = True

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.attributes = stage.toxic.attributes

    def begin(self) -> None:
        """Do nothing yet."""

    def step(self) -> bool:
        """Pass on what is first."""
        inbox = self.stage.inbox
        if not inbox:
            return False
        item = inbox.popleft()
        if item is None:
            self.stage.emit(None)
        else:
            self.passing(item)
        return True

    def passing(self, piece: Piece) -> None:
        """Deal with data whose turn it is."""
        self.stage.emit(piece)

    def released(self) -> list[Item]:
        """Return what was taken and not given on."""
        return []

    def until(self, begun: float, unit: float, name: str) -> float:
        """Return the time that lies as far behind `begun` as the attribute says."""
        return begun + min(self.attributes[name] * unit, FARTHEST)


class Latency(Noop):
    """Holds every piece until latency +- jitter have passed since it came in; the order stays, and the end follows the data."""

    room = 1024

    def __init__(self, stage: Stage, chance: Chance) -> None:
        super().__init__(stage)
        self._chance = chance
        self._due: float | None = None

    def step(self) -> bool:
        """Pass on what is first, if its time has come."""
        head = self.stage.inbox[0] if self.stage.inbox else None
        if head is None:
            return super().step()
        if self._due is None:
            self._due = head.at + min(self._delay() * _MILLI, FARTHEST)
        if not self.stage.is_time(self._due):
            return False
        self.stage.inbox.popleft()
        self.stage.emit(Piece(head.data, max(head.at, self._due)))
        self._due = None
        return True

    def _delay(self) -> int:
        jitter = self.attributes["jitter"]
        return self.attributes["latency"] + (self._chance.below(2 * jitter) - jitter if jitter > 0 else 0)

    def released(self) -> list[Item]:
        """Return the piece that was waiting; those behind it are still in the inbox."""
        return [] if self._due is None else [self.stage.inbox.popleft()]


class Bandwidth(Noop):
    """Lets `rate` kilobytes pass a second, in pieces of a tenth of that; with rate 0 nothing, until it is changed or removed."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self._piece: Piece | None = None
        self._due = self._next = self._ahead = 0.0

    def step(self) -> bool:
        """Pass on the next part of what is first, if its time has come."""
        if self._piece is None:
            return super().step()
        rate = self.attributes["rate"]
        if not rate:
            return False
        data, at = self._piece
        most = rate * 100
        if not self.stage.is_time(self._next if len(data) > most else self._due):
            return False
        self.stage.emit(Piece(data[:most], at))
        self._next += _SLICE
        self._piece = Piece(data[most:], at) if len(data) > most else None
        if self._piece is None:
            self._ahead = max(self._due - now(), -_TIMER_ERROR)
        return True

    def passing(self, piece: Piece) -> None:
        """Take a piece and work out when it will be through."""
        rate, begun = self.attributes["rate"], now()
        self._piece = piece
        self._due = begun + self._ahead + (len(piece.data) / rate * _MILLI if rate else 0.0)
        self._next = begun + _SLICE

    def released(self) -> list[Item]:
        """Return what is left of the piece in hand."""
        piece, self._piece = self._piece, None
        return [] if piece is None else [piece]


class SlowClose(Noop):
    """Delays the end of the stream; data are not delayed."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self._due: float | None = None

    def step(self) -> bool:
        """Pass on what is first; the end only when its time has come."""
        if self.stage.inbox and self.stage.inbox[0] is None:
            if self._due is None:
                self._due = self.until(now(), _MILLI, "delay")
            if not self.stage.is_time(self._due):
                return False
        return super().step()


class Timeout(Noop):
    """Drops all data, and ends the stream after `timeout` without any; with 0 it never does."""

    needs_room = False

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self._due = 0.0

    def begin(self) -> None:
        """Count from now on."""
        self._due = self.until(now(), _MILLI, "timeout")

    def step(self) -> bool:
        """Drop what is first, or end the stream when nothing has come for too long."""
        if self.stage.inbox:
            self.begin()
            return super().step()
        if self.attributes["timeout"] > 0 and self.stage.is_time(self._due):
            self.stage.link.cut(self.stage)
        return False

    def passing(self, piece: Piece) -> None:
        """Drop it."""


class ResetPeer(Noop):
    """Waits for the first data or the end, then `timeout`, then resets both sockets; what came meanwhile never goes on.

    Unlike in the original, connections that were open before are reset too, those that the toxicity spares are not, and
    removing the toxic ends the wait: what was held goes on, and later ends are orderly again.
    """

    needs_room = False

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self._due: float | None = None

    def begin(self) -> None:
        """From now on whatever closes this connection resets it."""
        self.stage.link.reset_when_closed(wanted=True)

    def step(self) -> bool:
        """Reset when it is time."""
        if not self.stage.inbox:
            return False
        if self._due is None:
            self._due = self.until(now(), _MILLI, "timeout")
        if self.stage.is_time(self._due):
            self.stage.link.cut(self.stage)
        return False

    def released(self) -> list[Item]:
        """Let ends be orderly again."""
        self.stage.link.reset_when_closed(wanted=False)
        return []


class Slicer(Noop):
    """Cuts every piece into slices of `average_size` +- `size_variation` bytes, with `delay` microseconds after each."""

    def __init__(self, stage: Stage, chance: Chance) -> None:
        super().__init__(stage)
        self._chance = chance
        self._slices: deque[Piece] = deque()
        self._due = 0.0

    def step(self) -> bool:
        """Pass on the next slice, if its time has come."""
        if not self.stage.is_time(self._due):
            return False
        if not self._slices:
            return super().step()
        self.stage.emit(self._slices.popleft())
        # Counted from when it was due, not from now: the loop's timers are far coarser than microseconds.
        self._due = self.until(max(self._due, now() - _TIMER_ERROR), _MICRO, "delay")
        return True

    def passing(self, piece: Piece) -> None:
        """Cut a piece."""
        size, variation = self.attributes["average_size"], self.attributes["size_variation"]
        todo = [(0, len(piece.data))]
        while todo:
            begin, end = todo.pop()
            if end - begin - size <= variation:
                if begin < end:
                    self._slices.append(Piece(piece.data[begin:end], piece.at))
                continue
            middle = begin + (end - begin) // 2
            if variation > 0:
                middle += self._chance.below(2 * variation) - variation
            todo += [(middle, end), (begin, middle)]
        self._due = max(self._due, now())

    def released(self) -> list[Item]:
        """Return the slices that are left."""
        slices, self._slices = list(self._slices), deque()
        return [*slices]


class LimitData(Noop):
    """Ends the stream once `bytes` of it have passed; an update keeps the count."""

    def passing(self, piece: Piece) -> None:
        """Let pass what is left of the limit."""
        left = max(0, self.attributes["bytes"] - self.stage.passed)
        data = piece.data[:left]
        self.stage.passed += len(data)
        self.stage.emit(Piece(data, piece.at))
        if self.stage.passed >= self.attributes["bytes"]:
            self.stage.link.cut(self.stage)


_PLAIN: dict[str, Callable[[Stage], Action]] = {
    "bandwidth": Bandwidth,
    "slow_close": SlowClose,
    "timeout": Timeout,
    "reset_peer": ResetPeer,
    "limit_data": LimitData,
    "noop": Noop,
}
_DRAWING: dict[str, Callable[[Stage, Chance], Action]] = {"latency": Latency, "slicer": Slicer}


def stage(toxic: Toxic, link: Link, chance: Chance) -> Stage:
    """Return the place of a toxic in a chain; the first draw decides whether it acts there, the others are its own."""

    def act(place: Stage) -> Action:
        if not place.affected:
            return Noop(place)
        drawing = _DRAWING.get(toxic.type)
        return _PLAIN[toxic.type](place) if drawing is None else drawing(place, chance)

    return Stage(toxic, link, chance.fraction(), act)
