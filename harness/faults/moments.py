"""Waiting for one moment: `&`, `|` and `+` put together from single events and timers. What begins then is not decided here."""

import threading
from collections.abc import Callable
from dataclasses import replace

from harness.errors import HarnessError
from harness.faults.hands import Hands
from harness.model import Moment

Act = Callable[[], None]


class Waiting:
    """One moment that is awaited.

    What is given to `start` runs once, in the thread that reports the event which completes the moment: for `a & b` the last of
    the two, for `a | b` the first. So it runs while that event's bytes are held. After a `+` it runs in a timer's thread.
    """

    def __init__(self, hands: Hands) -> None:
        self._hands = hands
        self._lock = threading.Lock()
        self._undo: list[Act] = []
        self._over = False
        self._timers = 0

    @property
    def timed(self) -> bool:
        """Whether a timer runs, so that the moment comes by itself unless another part is missing."""
        return self._timers > 0

    def start(self, moment: Moment, then: Act) -> None:
        """Begin to wait; UsageError for a thing that does not exist, and then nothing is awaited."""
        try:
            self._await(moment, then)
        except HarnessError:
            self.cancel()
            raise

    def cancel(self) -> None:
        """Wait no more; harmless when the moment has come."""
        with self._lock:
            self._over = True
            undo, self._undo = self._undo, []
        for one in undo:
            one()

    def _await(self, moment: Moment, then: Act) -> None:
        if moment.plus:
            self._await(replace(moment, plus=0.0), lambda: self._later(moment.plus, then))
        elif moment.parts:
            gate = _Gate(len(moment.parts) if moment.event == "all" else 1, then)
            for part in moment.parts:
                self._await(part, gate.one)
        else:
            ident = self._hands.watch(moment, lambda _event: then())
            self._keep(lambda: self._hands.unwatch(ident))

    def _later(self, seconds: float, then: Act) -> None:
        def rung() -> None:
            self._count(-1)
            then()

        self._count(1)
        self._keep(self._hands.later(seconds, rung))

    def _count(self, change: int) -> None:
        with self._lock:
            self._timers += change

    def _keep(self, undo: Act) -> None:
        with self._lock:
            if not self._over:
                self._undo.append(undo)
                return
        undo()


class _Gate:
    """Opens once, when so many have come."""

    def __init__(self, needed: int, then: Act) -> None:
        self._lock = threading.Lock()
        self._needed = needed
        self._then = then

    def one(self) -> None:
        with self._lock:
            self._needed -= 1
            opens = self._needed == 0
        if opens:
            self._then()
