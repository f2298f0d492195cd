"""What has passed the taps of one sandbox and is still to be recorded: in the order it passed, soon, and before anything else is.

A message arrives in several pieces with microseconds between them, so work after the first delays the others. Here they wait
until the road is likely to be free, and are then worked off in slices, lest the next message waits for long.
"""

import asyncio
from collections import deque
from collections.abc import Callable

Take = Callable[[bytes, float], None]

PAUSE = 0.005
"""Seconds from the first bytes that wait until they are recorded."""

SLICE = 4 * 1024
"""Bytes that are recorded in one go: about 50 microseconds."""

MOST = 1024 * 1024
"""Bytes that wait at most."""


class Backlog:
    """Bytes that wait, each with when they passed and who knows what they mean, which must not raise."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.waiting: deque[tuple[Take, bytes, float]] = deque()
        self._size = 0
        self._timer: asyncio.Handle | None = None
        self._is_busy = False

    def put(self, take: Take, data: bytes, t: float) -> None:
        """Have `take(data, t)` called soon."""
        self.waiting.append((take, data, t))
        self._size += len(data)
        if self._size > MOST:
            self.settle()
        elif self._timer is None:
            self._timer = self._loop.call_later(PAUSE, self._slice)

    def settle(self) -> None:
        """Have everything recorded now; does nothing where it is what is going on."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._work_off(self._size)

    def _slice(self) -> None:
        self._work_off(SLICE)
        self._timer = self._loop.call_soon(self._slice) if self.waiting else None

    def _work_off(self, most: int) -> None:
        if self._is_busy:
            return
        self._is_busy = True
        try:
            while self.waiting and most > 0:
                take, data, t = self.waiting.popleft()
                self._size -= len(data)
                most -= len(data)
                take(data, t)
        finally:
            self._is_busy = False
