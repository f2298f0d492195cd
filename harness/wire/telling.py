"""How a session over HTTP tells the recorder what it saw: before the bytes go on, or a little later with the time they did."""

from abc import ABC
from collections import deque
from collections.abc import Iterator

from harness.history.events import Event
from harness.wire.streams import Hold, Step, Tap


class Telling(ABC):  # noqa: B024 (what is told, who follows the connection says)
    """Who records what one tap sees of one connection. `t` is when it passed, while what has gone on already is read."""

    def __init__(self, tap: Tap) -> None:
        self.tap = tap
        self.lost_track = ""
        self.t = 0.0

    def note(self, steps: Iterator[Step], t: float) -> None:
        """Read what has gone on at `t`."""
        self.t = t
        try:
            deque(steps, maxlen=0)
        except Exception as error:  # noqa: BLE001 (a defect of the decoder is a gap in the journal, and the other taps go on)
            deque(self.gap(f"{type(error).__name__} in the decoder: {error}"), maxlen=0)
        self.t = 0.0

    def gap(self, reason: str) -> Iterator[Step]:
        """Give the connection up: one event, and everything passes from here on."""
        if not self.lost_track:
            self.lost_track = reason
            yield from self.tell(Event(kind="gap", data={"reason": reason}))

    def tell(self, event: Event) -> Iterator[Step]:
        """Record an event of this tap; yield the barrier that begins there, if one does."""
        hold = self.record(event)
        if hold is not None:
            yield hold

    def record(self, event: Event) -> Hold | None:
        """Record an event of this tap."""
        event.at, event.link, event.conn, event.t = self.tap.at, self.tap.link, self.tap.conn, self.t
        return self.tap.recorder.record(event)
