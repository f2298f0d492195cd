"""One direction of one connection: bytes from one socket through the chain of its toxics to the other, in order, none twice."""

import asyncio
import math
from collections import deque
from collections.abc import Callable
from typing import NamedTuple, Protocol

from harness.clock import now
from harness.toxiproxy.embedded.ends import End
from harness.toxiproxy.embedded.toxics import Toxic

PIECE = 32 * 1024
"""The largest piece of data a toxic is given at once, as in the original: a slicer halves it."""

FARTHEST = 1e9
"""Seconds; what is later is never."""

_EARLY = 0.0002


class Piece(NamedTuple):
    """Some bytes, and when they came in, by the machine's monotonic clock."""

    data: bytes
    at: float


Item = Piece | None
"""What goes through a chain; None is the end of the stream."""


class Action(Protocol):
    """What one toxic does on one direction of one connection, from when it starts or is updated on."""

    room: int
    needs_room: bool

    def begin(self) -> None:
        """Start."""
        ...

    def step(self) -> bool:
        """Deal with what is first in the stage's inbox, if it is time; True when something was done."""
        ...

    def released(self) -> list[Item]:
        """Stop, and return what was taken from the inbox and not given on."""
        ...


class Stage:
    """The place of one toxic in the chain of one direction."""

    def __init__(self, toxic: Toxic, link: "Link", draw: float, act: Callable[["Stage"], Action]) -> None:
        self.toxic = toxic
        self.link = link
        self.inbox: deque[Item] = deque()
        self.next: Stage | None = None
        self.passed = 0
        self.closed = False
        self._draw = draw
        self._act = act
        self._timer: asyncio.TimerHandle | None = None
        self.action = act(self)

    @property
    def affected(self) -> bool:
        """Whether the toxic acts here: drawn once for each connection, so that an update does not make it flip."""
        return self._draw < self.toxic.toxicity

    @property
    def has_room(self) -> bool:
        """Whether it takes more."""
        return not self.closed and len(self.inbox) < self.action.room

    def can_step(self) -> bool:
        """Whether what comes next is ready for what this may give on."""
        if self.closed or not self.action.needs_room:
            return not self.closed
        return self.next.has_room if self.next is not None else not self.link.sink.congested

    def emit(self, item: Item) -> None:
        """Give on to the next toxic, or to the socket; after the end of the stream comes nothing."""
        self.closed = self.closed or item is None
        if self.next is not None:
            self.next.inbox.append(item)
        else:
            self.link.deliver(item)

    def restart(self) -> None:
        """Act by new attributes from now on; what was held goes on at once."""
        for item in self.action.released():
            self.emit(item)
        self._unset()
        self.action = self._act(self)
        self.action.begin()

    def leave(self) -> None:
        """Act no more: everything held goes on at once, in order."""
        for item in [*self.action.released(), *self.inbox]:
            self.emit(item)
        self.inbox.clear()
        self._unset()

    def silence(self) -> None:
        """Forget what is held, and give on nothing any more."""
        self.closed = True
        self.inbox.clear()
        self._unset()

    def is_time(self, due: float) -> bool:
        """Whether `due` has come; if not, the link is pumped again when it has."""
        left = due - now()
        if left <= _EARLY:
            return True
        if self._timer is None:
            # The loop counts milliseconds, from when it last looked at the clock: what is too early is asked again.
            self._timer = asyncio.get_running_loop().call_later(math.ceil(min(left, FARTHEST) * 1000) / 1000, self._ring)
        return False

    def _ring(self) -> None:
        self._timer = None
        self.link.pump()

    def _unset(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Link:
    """The way from `source` to `sink`. `over` is true once nothing that still comes from the source can go on."""

    def __init__(self, source: End, sink: End) -> None:
        self.source = source
        self.sink = sink
        self.over = False
        self._stages: list[Stage] = []
        self._pumping = False

    def received(self, data: bytes) -> None:
        """Take what was read from the source."""
        if not self._stages:
            self.sink.write(data)
            if self.sink.congested:
                self._pace()
            return
        at, inbox = now(), self._stages[0].inbox
        for begin in range(0, len(data), PIECE):
            inbox.append(Piece(data[begin : begin + PIECE], at))
        self.pump()

    def source_ended(self) -> None:
        """Let the end of the stream follow what came before it."""
        if self.over:
            return
        self.over = True
        if self._stages:
            self._stages[0].inbox.append(None)
            self.pump()
        else:
            self.sink.finish()

    def deliver(self, item: Item) -> None:
        """Write what came through the whole chain."""
        if item is None:
            self.over = True
            self.sink.finish()
        elif item.data:
            self.sink.write(item.data)

    def cut(self, stage: Stage) -> None:
        """End the stream at this stage: what is behind it goes on, what is before it is lost. Harmless where it has ended."""
        if stage.closed:
            return
        self.over = True
        for one in self._stages[: self._stages.index(stage) + 1]:
            one.silence()
        stage.emit(None)

    def pump(self) -> None:
        """Move everything that can move, and read from the source if there is room."""
        if self._pumping:
            return
        self._pumping = True
        while sum(_moved(stage) for stage in reversed(self._stages)):
            if self.sink.closed:
                self.stop()
        self._pumping = False
        self._pace()

    def add(self, stage: Stage) -> None:
        """Put a toxic at the end of the chain; it acts on what comes to it from now on."""
        if self._stages:
            self._stages[-1].next = stage
        self._stages.append(stage)
        stage.action.begin()
        self.pump()

    def update(self, toxic: Toxic) -> None:
        """Let a toxic act by its new attributes."""
        for stage in self._of(toxic):
            stage.restart()
        self.pump()

    def remove(self, toxic: Toxic) -> None:
        """Take a toxic out of the chain; what it held goes on. A timeout has dropped data, so its connection ends."""
        for stage in self._of(toxic):
            if toxic.type == "timeout":
                self.cut(stage)
            else:
                stage.leave()
            if stage in self._stages:  # else the connection ended meanwhile, and its chain with it
                place = self._stages.index(stage)
                del self._stages[place]
                if place:
                    self._stages[place - 1].next = stage.next
        self.pump()

    def stop(self) -> None:
        """Carry nothing any more."""
        self.over = True
        for stage in self._stages:
            stage.silence()
        self._stages.clear()

    def reset_when_closed(self, *, wanted: bool) -> None:
        """Let both sockets of the connection be reset when they are closed, or no longer."""
        for end in (self.source, self.sink):
            end.reset_when_closed(wanted=wanted)

    def _of(self, toxic: Toxic) -> list[Stage]:
        return [stage for stage in self._stages if stage.toxic is toxic]

    def _pace(self) -> None:
        free = self._stages[0].has_room if self._stages else not self.sink.congested
        self.source.read(wanted=free and not self.over and not self.sink.closed)


def _moved(stage: Stage) -> bool:
    moved = False
    while stage.can_step() and stage.action.step():
        moved = True
    return moved
