"""What a tap does with an AMQP connection while rules are armed: whole frames and messages go on, if they do. Base of both taps.

Rules act in the first tap on the way of the bytes: publishes and words near, confirms, answers and deliveries far.
"""

from collections.abc import Mapping

from harness.wire import amqp_methods as m
from harness.wire.amqp_altered import alter
from harness.wire.amqp_books import Books
from harness.wire.amqp_content import Content
from harness.wire.amqp_crossing import crossing_of
from harness.wire.amqp_frames import BODY, HEADER, METHOD, Frame
from harness.wire.amqp_lane import LONGEST, Lane, Message
from harness.wire.amqp_made import payload_of
from harness.wire.amqp_notes import Notes
from harness.wire.amqp_rules import About, Rulings
from harness.wire.amqp_unmeant import Unmeant
from harness.wire.rules import Rule, delay
from harness.wire.streams import Hold, Side, Step, Tap

WITH_CONTENT = (m.PUBLISH, m.RETURN, m.DELIVER, m.GET_OK)


class Ruled:
    """One connection at one tap. Each step of a chunk is decided at once; barriers come before what they hold."""

    def __init__(self, tap: Tap, notes: Notes, books: Books, lanes: Mapping[Side, Lane]) -> None:
        self.tap = tap
        self.notes = notes
        self.books = books
        self.lanes = lanes
        self.rulings = Rulings(tap, notes)
        self.crossing = crossing_of(tap)
        self._acts_on: Side = "service" if tap.at == "near" else "target"  # what comes the other way no rule means here
        self._unmeant = Unmeant(())
        self._between = False  # what is acted on has just passed in whole messages that nothing means

    def wants(self, lane: Lane) -> bool:
        """Tell whether this direction has to be looked at frame by frame."""
        if self.crossing.bent or lane.busy or self.rulings.armed:
            return True
        lane.entered = False
        return False

    def passes_unread(self, lane: Lane, data: bytes) -> bool:
        """Tell of most bytes that may go on that they may, before what has passed before them is read."""
        rules = self.tap.rules.armed(self.tap.link)
        if not rules or self.crossing.bent or lane.busy:
            return False
        if lane.by != self._acts_on:
            lane.entered = False
            return True
        try:
            return self._between and rules is self._unmeant.rules and self._unmeant.passes_unread(lane.by, data)
        except Exception:  # noqa: BLE001 (what cannot be read is told as such where it is read in earnest)
            return False

    def lets_pass(self, lane: Lane, data: bytes) -> bool:
        """Tell whether these bytes may go on before they are read: no rule can mean any of them, and nothing is changed yet."""
        acts = lane.by == self._acts_on
        passes = not (self.crossing.bent or lane.busy) and (not acts or self._is_unmeant(lane, data))
        if acts:
            self._between = passes
        if passes:
            lane.entered = False
        return passes

    def _is_unmeant(self, lane: Lane, data: bytes) -> bool:
        rules = self.tap.rules.armed(self.tap.link)
        if rules is not self._unmeant.rules:
            self._unmeant = Unmeant(rules)
        if lane.frames.inside or self.books.under_way(lane.by):
            return False
        try:
            return self._unmeant.passes(self.books, lane.by, data)
        except Exception:  # noqa: BLE001 (as above)
            return False

    def enter(self, lane: Lane) -> None:
        """Begin with a direction in the middle of what is under way there."""
        if not lane.entered:
            lane.entered = True
            lane.cut = lane.frames.inside
            lane.passing = self.books.under_way(lane.by)

    def frame(self, lane: Lane, frame: Frame, data: bytes) -> list[Step]:
        """Take a frame, or a piece of one; return what goes on of it, and of what waited for it."""
        if lane.cut:
            return self.rest_of_cut(lane, frame, data)
        raw = lane.collect(frame, data)
        if raw is None:
            return []
        try:
            steps = self.closed(lane, frame.channel, raw)
            if steps is None:
                steps = self._whole(lane, frame.kind, frame.channel, raw)
        except Exception:
            lane.handled(well=False)
            raise
        lane.handled(well=True)
        return [*self.notes.barriers(), *steps, *lane.due()]

    def rest_of_cut(self, lane: Lane, frame: Frame, data: bytes) -> list[Step]:
        """Pass on the rest of a frame that has begun to go on; what it means is read, but it cannot be changed."""
        content = self.books.take(lane.by, frame)
        lane.cut = not frame.last
        if content is not None:
            lane.passing.discard(frame.channel)
        elif frame.last and frame.kind == METHOD and self.books.content(lane.by, frame.channel) is not None:
            lane.passing.add(frame.channel)
        return [*self.notes.barriers(), data[frame.start : frame.end], *lane.due()]

    def _whole(self, lane: Lane, kind: int, channel: int, raw: bytes) -> list[Step]:
        if kind == METHOD:
            return self._method(lane, channel, raw)
        if kind not in (HEADER, BODY):
            return [raw]
        content = self.books.take(lane.by, Frame(kind, channel, payload_of(raw), 0, len(raw), last=True))
        message = lane.messages.get(channel)
        if message is None:
            if content is not None:
                lane.passing.discard(channel)
            return [raw]
        if not message.take(kind, raw):
            return self._too_long(lane, channel) if message.size > LONGEST else []
        del lane.messages[channel]
        return self._complete(lane, channel, message, content)

    def _too_long(self, lane: Lane, channel: int) -> list[Step]:
        """Let a message pass as it is, of which more would be kept than is good."""
        steps = self.passes(lane, channel, lane.messages.pop(channel))
        lane.passing.add(channel)
        return steps

    def _method(self, lane: Lane, channel: int, raw: bytes) -> list[Step]:
        broken_off: list[Step] = [lane.messages.pop(channel).raw] if channel in lane.messages else []
        lane.passing.discard(channel)
        payload = payload_of(raw)
        number = int.from_bytes(payload[:4], "big")
        if number not in WITH_CONTENT:
            return broken_off + self.method(lane, channel, number, raw)
        self.books.method(lane.by, channel, payload)
        lane.messages[channel] = Message(raw, self.books.sends.count if number == m.PUBLISH else 0)
        content = self.books.content(lane.by, channel)
        if content is not None:
            self.begun(lane, channel, content)
        return broken_off

    def _complete(self, lane: Lane, channel: int, message: Message, content: Content | None) -> list[Step]:
        if content is None or content.kind == "return":
            return self.passes(lane, channel, message)
        about = About(content.wire, content.key, content.queue, content.x)
        if (lane.by == "service") == (self.tap.at == "near"):
            alter(self.rulings, about, message)
        return self.message(lane, channel, message, content, about)

    def hold(self, rule: Rule, number: int) -> Hold:
        """Return what `held` or `latency` has a message wait for."""
        recorder = self.tap.recorder
        if rule.name == "held":
            return recorder.until_disarmed(rule.id)
        return recorder.pause(delay(rule, self.tap.link, self.tap.conn, number))

    # ------------------------------------------------------------------ what each tap does in its own way

    def closed(self, lane: Lane, channel: int, raw: bytes) -> list[Step] | None:
        """Return what becomes of a frame of what was closed by a fault; None where it is none."""
        del lane, channel, raw
        return None

    def begun(self, lane: Lane, channel: int, content: Content) -> None:
        """Take note of a message whose method is here."""
        raise NotImplementedError

    def method(self, lane: Lane, channel: int, number: int, raw: bytes) -> list[Step]:
        """Write down a method without a content; return what goes on."""
        raise NotImplementedError

    def message(self, lane: Lane, channel: int, message: Message, content: Content, about: About) -> list[Step]:
        """Decide on a message that is whole and written down; return what goes on."""
        raise NotImplementedError

    def passes(self, lane: Lane, channel: int, message: Message) -> list[Step]:
        """Let a message go on that no rule means: its channel is closed, or it is too long."""
        raise NotImplementedError
