"""What a tap sees of a link whose protocol nobody here reads: that connections open and close, and that bytes move."""

import asyncio
from collections.abc import Iterator

from harness.errors import UsageError
from harness.history.events import Event
from harness.wire.rules import Rule
from harness.wire.streams import Ending, Session, Side, Step, Tap

CARRIED: tuple[str, ...] = ()
BETWEEN = 0.1
"""Seconds between two events that say of a direction that bytes moved: more tell nothing more."""


def session(tap: Tap) -> Session:
    """Return what follows one connection."""
    return Tcp(tap)


def supports(rule: Rule) -> None:
    """Refuse every rule: here are no messages that something could happen to."""
    message = f"{rule.name} on {rule.link}: on a link of raw bytes there are no messages; use outage or latency"
    raise UsageError(message)


class Tcp:
    """One connection; everything passes, when it comes."""

    def __init__(self, tap: Tap) -> None:
        self._tap = tap
        self._told = {"request": -BETWEEN, "answer": -BETWEEN}
        self._bytes = {"request": 0, "answer": 0}

    def from_service(self, data: bytes) -> Iterator[Step]:
        """Pass it on; see `Session`."""
        self._moved("request", len(data))
        yield data

    def from_target(self, data: bytes) -> Iterator[Step]:
        """Pass it on; see `Session`."""
        self._moved("answer", len(data))
        yield data

    def ended(self, by: Side, how: Ending) -> None:
        """Tell what has moved since it was told last."""
        del by, how
        for side, count in self._bytes.items():
            if count:
                self._tell(side)

    def _moved(self, side: str, count: int) -> None:
        t = asyncio.get_running_loop().time()
        self._bytes[side] += count
        if t - self._told[side] >= BETWEEN:
            self._told[side] = t
            self._tell(side)

    def _tell(self, side: str) -> None:
        tap, count = self._tap, self._bytes[side]
        self._bytes[side] = 0
        data: dict[str, object] = {"side": side}
        tap.recorder.record(Event(kind="moved", at=tap.at, link=tap.link, conn=tap.conn, size=count, data=data))
