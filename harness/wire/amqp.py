"""What a tap does with one AMQP 0-9-1 connection: bytes pass as they came, and what they mean for messages is recorded.

As long as no moment is watched every chunk that no armed rule can mean goes on first and is read later. What one may mean is read
at once, and whole frames wait until it is known what they are. The login is never decoded, so no password can get into a journal.
"""

from collections.abc import Callable, Iterator
from functools import partial

from harness.clock import now
from harness.wire.amqp_books import Books
from harness.wire.amqp_crossing import crossing_of, forget_crossing
from harness.wire.amqp_far import Far
from harness.wire.amqp_frames import Frame
from harness.wire.amqp_lane import Lane
from harness.wire.amqp_near import Near
from harness.wire.amqp_notes import Notes
from harness.wire.amqp_ruled import Ruled
from harness.wire.amqp_rules import supports
from harness.wire.streams import Ending, Quick, Session, Side, Step, Tap

__all__ = ["CARRIED", "session", "supports"]

CARRIED = ("Basic.Consume",)
"""What lasts on a connection: a consumer."""


def session(tap: Tap) -> Session:
    """Return what follows one connection to RabbitMQ."""
    return Amqp(tap)


class Amqp:
    """One connection at one tap."""

    def __init__(self, tap: Tap) -> None:
        self._tap = tap
        self._notes = Notes(tap)
        self._books = Books(self._notes)
        self._lanes: dict[Side, Lane] = {"service": Lane("service"), "target": Lane("target")}
        self._takes = {side: partial(self._take, lane) for side, lane in self._lanes.items()}
        self._behind = 0  # chunks that have gone on and are not read yet
        self._crossing = crossing_of(tap)
        self._ruled: Ruled | None = None

    def from_service(self, data: bytes) -> Iterator[Step]:
        """Take what the service sent."""
        return self._follow(self._lanes["service"], data)

    def from_target(self, data: bytes) -> Iterator[Step]:
        """Take what the broker sent."""
        return self._follow(self._lanes["target"], data)

    def quick(self, by: Side) -> Quick:
        """Return the short way; see `Quickly`."""
        return Quick(partial(self._lets_pass, self._lanes[by]), partial(self._put_off, self._takes[by]))

    def _lets_pass(self, lane: Lane, data: bytes) -> bool:
        tap = self._tap
        if tap.recorder.watched or self._notes.is_lost:
            return False
        if self._ruled is not None:
            return self._ruled.passes_unread(lane, data)
        return not (self._crossing.bent or tap.rules.armed(tap.link))

    def _put_off(self, take: Callable[[bytes, float], None], data: bytes, t: float) -> None:
        self._behind += 1
        self._tap.recorder.later(take, data, t)

    def carries(self, operation: str) -> bool:
        """Tell whether there is a consumer on this connection, the one thing on it that lasts."""
        self._catch_up()
        return operation in CARRIED and self._books.has_consumers

    def ended(self, by: Side, how: Ending) -> None:
        """Do nothing more: what a connection's end means for its messages is judged from the `closed` event."""
        forget_crossing(self._tap)

    def _follow(self, lane: Lane, data: bytes) -> Iterator[Step]:
        if self._notes.is_lost:
            return iter((lane.rest() + data,))
        ruled = self._ruled
        if ruled is None and (self._crossing.bent or self._tap.rules.armed(self._tap.link)):
            ruled = self._begin()
        if ruled is not None and ruled.wants(lane):
            self._catch_up()
            if not ruled.lets_pass(lane, data):
                return self._keep(ruled, lane, data)
        elif self._notes.recorder.later(self._takes[lane.by], data, now()):
            self._behind += 1
            return iter((data,))
        self._catch_up()
        return self._watch(lane, data) if self._notes.recorder.watched else self._pass(lane, data)

    def _catch_up(self) -> None:
        """Read what has gone on already."""
        if self._behind:
            self._notes.recorder.settle()

    def _take(self, lane: Lane, data: bytes, t: float) -> None:
        """Read what went on at `t`."""
        self._behind -= 1
        if not self._notes.is_lost:
            self._notes.t = t
            self._note_down(lane, data)

    def _begin(self) -> Ruled:
        kind = Near if self._tap.at == "near" else Far
        self._ruled = kind(self._tap, self._notes, self._books, self._lanes)
        return self._ruled

    def _pass(self, lane: Lane, data: bytes) -> Iterator[Step]:
        """Pass the chunk on, then write down what it was: nothing else can pass meanwhile."""
        yield data
        self._notes.t = now()
        self._note_down(lane, data)

    def _note_down(self, lane: Lane, data: bytes) -> None:
        try:
            for frame in lane.frames.messages(data):
                if isinstance(frame, Frame):
                    self._books.take(lane.by, frame)
                else:
                    self._books.message(lane.by, *frame)
        except Exception as error:  # noqa: BLE001 (a defect of the decoder is a gap in the journal, and the other taps go on)
            self._notes.give_up(lane.by, error)

    def _watch(self, lane: Lane, data: bytes) -> Iterator[Step]:
        """Record, then pass the chunk on in one piece, unless a barrier stops it in the middle."""
        passed = 0
        notes = self._notes
        notes.t = now()
        try:
            for frame in lane.frames.feed(data):
                self._books.take(lane.by, frame)
                if notes.holds:
                    if frame.start > passed:
                        yield data[passed : frame.start]
                        passed = frame.start
                    yield from notes.barriers()
                    notes.t = now()
        except Exception as error:  # noqa: BLE001 (as above)
            notes.give_up(lane.by, error)
        yield data[passed:] if passed else data

    def _keep(self, ruled: Ruled, lane: Lane, data: bytes) -> Iterator[Step]:
        """Record, and pass on frame by frame and message by message what rules leave of it."""
        taken = 0
        notes = self._notes
        ruled.enter(lane)
        try:
            for frame in lane.frames.feed(data):
                notes.t = now()
                steps = ruled.frame(lane, frame, data)
                taken = frame.end
                yield from steps
        except Exception as error:  # noqa: BLE001 (as above)
            notes.give_up(lane.by, error)
            yield lane.rest() + data[taken:]
            return
        if taken < len(data):
            yield from lane.left(data[taken:])
