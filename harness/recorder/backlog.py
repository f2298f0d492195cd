"""What was seen in one sandbox and is not recorded yet: in the order it passed, soon, and before anything else is.

Making events of what was seen, counting and writing them is most of the work of a message. Done right after the bytes have gone
on, it would take the processor from whoever is to answer them. So it waits a little, and is then done in slices between which
the loop goes on, lest the next message waits for long.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from harness.clock import now
from harness.history.events import Event
from harness.wire.streams import Note

PAUSE = 0.04
"""Seconds from the first of what waits until it is begun with."""

SLICE, LONG_SLICE = 50e-6, 200e-6
"""Seconds that are spent on it in one go: little, because somebody waits for each message of a few; more, where `MANY` wait."""

MANY = 128 * 1024
"""Bytes that wait where messages are many, so that it counts how many pass a second, and not how soon one does."""

MOST = 1024 * 1024
"""Bytes that wait at most."""

LEAST = 128
"""Bytes that a note counts for by itself."""


class Chunk(NamedTuple):
    """Bytes that passed at `t`, and who knows what they mean."""

    take: Callable[[bytes, float], None]
    data: bytes
    t: float


Waiting = Note | Event | Chunk


class Backlog:
    """What waits to be recorded by `take`, which must not raise. `busy` while it does."""

    def __init__(self, loop: asyncio.AbstractEventLoop, take: Callable[[Waiting], None]) -> None:
        self._loop = loop
        self._take = take
        self._waiting: deque[tuple[Waiting, int]] = deque()
        self.busy = False
        self._size = 0
        self._slice: asyncio.Handle | None = None

    def put(self, one: Waiting, size: int) -> None:
        """Have this taken soon; it keeps `size` bytes till then."""
        self._waiting.append((one, size))
        self._size += size + LEAST
        if self._size > MOST:
            self.settle()
        elif self._slice is None:
            self._slice = self._loop.call_later(PAUSE, self._work)

    def settle(self) -> None:
        """Have everything taken now; does nothing where that is what is going on."""
        if not self.busy:
            while self._waiting:
                self._next()

    def _work(self) -> None:
        waiting, until = self._waiting, now() + (SLICE if self._size < MANY else LONG_SLICE)
        while waiting and now() < until:
            self._next()
        self._slice = self._loop.call_soon(self._work) if waiting else None

    def _next(self) -> None:
        one, size = self._waiting.popleft()
        self._size -= size + LEAST
        self.busy = True
        self._take(one)
        self.busy = False
