"""What a tap does with one AMQP 0-9-1 connection: bytes pass as they came, and what they mean for messages is recorded.

As long as no moment is watched and no rule is armed every chunk goes on first and is read later; only while one is, it is read
at once, and whole frames wait until it is known what they are. The login is never decoded, so no password can get into a journal.
"""

from collections.abc import Callable, Iterator
from functools import partial

from harness.clock import now
from harness.wire.amqp_books import Books
from harness.wire.amqp_content import LONGEST_BODY, Content
from harness.wire.amqp_frames import BODY, HEADER, METHOD, Frame, Frames
from harness.wire.amqp_notes import Notes
from harness.wire.amqp_rules import Changes, supports
from harness.wire.streams import Ending, Session, Side, Step, Tap

__all__ = ["CARRIED", "session", "supports"]

CARRIED = ("Basic.Consume",)
"""What lasts on a connection: a consumer."""


def session(tap: Tap) -> Session:
    """Return what follows one connection to RabbitMQ."""
    return Amqp(tap)


class Way:
    """One direction: its frames, and while a rule is armed the bytes that wait.

    `partial` are bytes of the frame that is not complete, `waiting` complete frames behind a message that is not, `undecided`
    those messages by channel. `cut`: the beginning of the frame under way has gone on, so it cannot be changed any more.
    """

    __slots__ = ("by", "cut", "frames", "partial", "take", "undecided", "waiting")

    def __init__(self, by: Side, take: Callable[["Way", bytes, float], None]) -> None:
        self.by: Side = by
        self.take = partial(take, self)
        self.frames = Frames()
        self.partial: list[bytes] = []
        self.waiting: list[bytes] = []
        self.undecided: dict[int, Content] = {}
        self.cut = False

    def completed(self) -> bool:
        """Move the frame that is complete to those that wait; tell whether it is all there."""
        self.waiting.append(b"".join(self.partial))
        self.partial.clear()
        whole, self.cut = not self.cut, False
        return whole

    def released(self) -> bytes:
        """Return and forget what waits."""
        whole = b"".join(self.waiting)
        self.waiting.clear()
        return whole


class Amqp:
    """One connection at one tap."""

    def __init__(self, tap: Tap) -> None:
        self._tap = tap
        self._notes = Notes(tap)
        self._books = Books(self._notes)
        self._changes = Changes(tap)
        self._ways: dict[Side, Way] = {"service": Way("service", self._take), "target": Way("target", self._take)}
        self._behind = 0  # chunks that have gone on and are not read yet
        # A rule acts in the first tap on the way of the bytes: publishes near, confirms and deliveries far.
        self._changes_at: Side | None = {"near": "service", "far": "target"}.get(tap.at)  # type: ignore[assignment]

    def from_service(self, data: bytes) -> Iterator[Step]:
        """Take what the service sent."""
        return self._follow(self._ways["service"], data)

    def from_target(self, data: bytes) -> Iterator[Step]:
        """Take what the broker sent."""
        return self._follow(self._ways["target"], data)

    def carries(self, operation: str) -> bool:
        """Tell whether there is a consumer on this connection, the one thing on it that lasts."""
        self._catch_up()
        return operation in CARRIED and self._books.has_consumers

    def ended(self, by: Side, how: Ending) -> None:
        """Do nothing: what a connection's end means for its messages is judged from the `closed` event."""

    def _follow(self, way: Way, data: bytes) -> Iterator[Step]:
        if self._notes.is_lost:
            return iter((data,))
        is_ruled = self._tap.rules.armed(self._tap.link) or self._changes.has_lost
        if not (is_ruled or way.partial or way.waiting) and self._notes.recorder.later(way.take, data):
            self._behind += 1
            return iter((data,))
        self._catch_up()
        if way.partial or way.waiting:
            return self._keep(way, data)
        if is_ruled and way.by == self._changes_at:
            way.cut = way.frames.inside
            return self._keep(way, data)
        return self._watch(way, data) if self._notes.recorder.watched else self._pass(way, data)

    def _catch_up(self) -> None:
        """Read what has gone on already."""
        if self._behind:
            self._notes.recorder.settle()

    def _take(self, way: Way, data: bytes, t: float) -> None:
        """Read what went on at `t`."""
        self._behind -= 1
        if not self._notes.is_lost:
            self._notes.t = t
            self._note_down(way, data)

    def _pass(self, way: Way, data: bytes) -> Iterator[Step]:
        """Pass the chunk on, then write down what it was: nothing else can pass meanwhile."""
        yield data
        self._notes.t = now()
        self._note_down(way, data)

    def _note_down(self, way: Way, data: bytes) -> None:
        try:
            for frame in way.frames.messages(data):
                if isinstance(frame, Frame):
                    self._read(way, frame)
                else:
                    self._books.message(way.by, *frame)
        except Exception as error:  # noqa: BLE001 (a defect of the decoder is a gap in the journal, and the other taps go on)
            self._notes.give_up(way.by, error)

    def _watch(self, way: Way, data: bytes) -> Iterator[Step]:
        """Record, then pass the chunk on in one piece, unless a barrier stops it in the middle."""
        passed = 0
        notes = self._notes
        notes.t = now()
        try:
            for frame in way.frames.feed(data):
                self._read(way, frame)
                if notes.holds:
                    if frame.start > passed:
                        yield data[passed : frame.start]
                        passed = frame.start
                    yield from notes.barriers()
                    notes.t = now()
        except Exception as error:  # noqa: BLE001 (as above)
            notes.give_up(way.by, error)
        yield data[passed:] if passed else data

    def _keep(self, way: Way, data: bytes) -> Iterator[Step]:
        """Record and pass on frame by frame, a message's frames when it is complete."""
        taken = 0
        self._notes.t = now()
        try:
            for frame in way.frames.feed(data):
                way.partial.append(data[frame.start : frame.end])
                taken = frame.end
                self._read_kept(way, frame)
                if self._notes.holds:
                    yield from self._notes.barriers()
                    self._notes.t = now()
                if frame.last and self._is_decided(way):
                    yield way.released()
        except Exception as error:  # noqa: BLE001 (as above)
            self._notes.give_up(way.by, error)
            yield way.released() + b"".join(way.partial) + data[taken:]
            way.partial.clear()
            return
        if taken < len(data):
            way.partial.append(data[taken:])
        if way.cut:  # its beginning has gone on: nothing is won by keeping the rest
            yield b"".join(way.partial)
            way.partial.clear()

    def _read(self, way: Way, frame: Frame) -> Content | None:
        """Record what a frame means; return the message that is complete by it."""
        if frame.kind == METHOD:
            self._books.method(way.by, frame.channel, frame.payload)
            return None
        if frame.kind == HEADER:
            return self._books.header(way.by, frame.channel, frame.payload)
        if frame.kind == BODY:
            return self._books.body(way.by, frame.channel, frame.payload)
        return None

    def _read_kept(self, way: Way, frame: Frame) -> None:
        self._books.sends.latest()
        whole = way.completed() if frame.last else False
        if frame.kind == HEADER and whole:
            self._await_decision(way, frame)
        content = self._read(way, frame)
        if content is not None and content.header_at is not None:
            way.waiting[content.header_at] = self._changes.altered(content, way.waiting[content.header_at])
        confirms = self._books.sends.latest()
        if confirms is not None and whole:
            way.waiting[-1] = self._changes.confirmed(*confirms, way.waiting[-1])

    def _await_decision(self, way: Way, frame: Frame) -> None:
        """Keep a content header until its message is complete; one that is larger than what is kept of it passes as it is."""
        content = self._books.content(way.by, frame.channel)
        size = int.from_bytes(frame.payload[4:12], "big")
        if content is not None and content.kind != "return" and size <= LONGEST_BODY:
            content.header_at = len(way.waiting) - 1
            way.undecided[frame.channel] = content

    def _is_decided(self, way: Way) -> bool:
        """Tell whether no message is under way that may still be altered; one broken off by a closed channel is not awaited."""
        for number, content in list(way.undecided.items()):
            if self._books.content(way.by, number) is not content:
                del way.undecided[number]
        return not way.undecided
