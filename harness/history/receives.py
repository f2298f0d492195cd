"""Since when a receive can have been waiting: from the end of what came before it on its connection, or from that one's opening.

A long poll waits for up to 20 s, and the clock of a visibility timeout begins within that time: this is the earliest it can.
"""

from harness.history.emulator import MOVED_BACK, Emulator
from harness.history.journal import Seen


class Receives:
    """Follows what SQS answered on each connection, as the far taps saw it."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self._idle: dict[tuple[str, int], tuple[int, float]] = {}

    def opened(self, event: Seen) -> None:
        """Take note of a new connection."""
        if event.at == "far":
            self._idle[event.link, event.conn] = (0, event.t)

    def answered(self, event: Seen) -> None:
        """Take note of an answer: from now on the next request can come."""
        self._idle[event.link, event.conn] = (event.x, event.t)
        if event.wire == MOVED_BACK:
            self._emulator.moved_back(event)

    def since(self, event: Seen) -> float:
        """Return the earliest second at which the receive that brought this delivery can have begun; 0 where it is not known."""
        x, t = self._idle.get((event.link, event.conn), (0, 0.0))
        return t if x < event.x else 0.0
