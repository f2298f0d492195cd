"""What rules do far, with what RabbitMQ says: confirms and answers that are lost, deliveries lost, copied, late or reordered."""

from collections.abc import Mapping
from functools import partial
from typing import Final

from harness.wire import amqp_methods as m
from harness.wire.amqp_books import Books
from harness.wire.amqp_content import Content
from harness.wire.amqp_deliveries import Deliveries, Delivery
from harness.wire.amqp_frames import METHOD, Frame, framed
from harness.wire.amqp_lane import Lane, Message
from harness.wire.amqp_made import payload_of
from harness.wire.amqp_methods import confirm
from harness.wire.amqp_names import ANSWERS, NAMES
from harness.wire.amqp_notes import Notes
from harness.wire.amqp_ruled import Ruled
from harness.wire.amqp_rules import DELIVER, PUBLISH, About
from harness.wire.rules import Name
from harness.wire.streams import Later, Side, Step, Tap

FATES: Final[tuple[Name, ...]] = ("answer_lost", "held", "latency", "duplicate", "reordered")


class Far(Ruled):
    """The tap next to the broker."""

    def __init__(self, tap: Tap, notes: Notes, books: Books, lanes: Mapping[Side, Lane]) -> None:
        super().__init__(tap, notes, books, lanes)
        self._deliveries = Deliveries(self.crossing, lanes["target"], self.rulings)

    def rest_of_cut(self, lane: Lane, frame: Frame, data: bytes) -> list[Step]:
        """Pass on the rest of a frame that has begun to go on, which may be a word on a delivery."""
        steps = super().rest_of_cut(lane, frame, data)
        if lane.by == "service" and frame.kind == METHOD and frame.last:
            self._deliveries.word(frame.channel, frame.payload)
        return steps

    def begun(self, lane: Lane, channel: int, content: Content) -> None:
        """Give a publish the number that the near tap gave it."""
        origin = self.crossing.publishes.pop(content.x, None) if lane.by == "service" else None
        if origin is not None:
            content.x, content.fault = int(origin.name), origin.fault

    # ------------------------------------------------------------------ methods

    def method(self, lane: Lane, channel: int, number: int, raw: bytes) -> list[Step]:
        """Write down a method; return what goes on."""
        payload = payload_of(raw)
        if lane.by == "service":
            return self._asked(channel, number, payload, raw)
        self.books.sends.latest()
        self.books.method("target", channel, payload)
        if number in (m.ACK, m.NACK):
            data = self._confirmed(raw)
            return lane.put(channel, data) if data else []
        if number in (m.CANCEL, m.CANCEL_OK):
            return [*self._deliveries.cancelled(channel, m.decoded(number, payload)["consumer"]), *lane.put(channel, raw)]
        if number == m.CHANNEL_OPEN_OK:
            self._deliveries.reopened(channel)
        name = NAMES.get(number, "")
        if name in ANSWERS and self.rulings.latest(About(name), "answer_lost") is not None:
            return []
        return lane.put(channel, raw)

    def _asked(self, channel: int, number: int, payload: bytes, raw: bytes) -> list[Step]:
        words = self._deliveries.word(channel, payload)
        frames = [raw] if words is None else words
        for frame in frames:
            self.books.method("service", channel, payload_of(frame))
        if number in (m.RECOVER, m.RECOVER_ASYNC):
            self._deliveries.recovered(channel)
        return [b"".join(frames)] if frames else []

    def _confirmed(self, raw: bytes) -> bytes:
        """Return what the publisher is to see of the broker's confirm: nothing of those that are lost, the others one by one."""
        found = self.books.sends.latest()
        if found is None:
            return raw
        method, channel, confirms = found
        kept = []
        for tag, sent in confirms:
            about = About(PUBLISH, sent.key, sent.queue, sent.x)
            if sent.fault or self.rulings.latest(about, "answer_lost") is None:
                kept.append(tag)
        if len(kept) < len(confirms):
            channel.lost = self.crossing.bent = True
        # Once a confirm was taken away, "this one and all before" must not speak of it any more.
        if not (channel.lost and confirms):
            return raw
        return b"".join(framed(METHOD, channel.number, confirm(method, tag)) for tag in kept)

    # ------------------------------------------------------------------ messages

    def message(self, lane: Lane, channel: int, message: Message, content: Content, about: About) -> list[Step]:
        """Decide on a delivery; what the service published goes on."""
        known = self.books.channel(channel)
        if lane.by == "service" or known is None:
            return [message.raw]
        one = Delivery(about, known, message, content)
        names = FATES if about.wire == DELIVER else FATES[:3]
        rule = self.rulings.latest(about, *names)
        if rule is None:
            return self._deliveries.hand_on(one)
        if rule.name == "duplicate":
            return self._deliveries.copied(one, rule.copies, rule.id)
        if rule.name == "answer_lost":
            self._deliveries.apart(one)
            return []
        if rule.name == "reordered":
            steps, first = self._deliveries.gather(rule, one)
            ended = self.tap.recorder.until_disarmed(rule.id) if first else None
            return steps if ended is None else [*steps, Later(ended, partial(self._deliveries.spread, channel, rule))]
        self._deliveries.keep(one)
        return [Later(self.hold(rule, one.tag), partial(self._deliveries.come, one))]

    def passes(self, lane: Lane, channel: int, message: Message) -> list[Step]:
        """Let a message go on as it is: one of a channel that is closed, one that came back, or one that is too long."""
        known, content = self.books.channel(channel), self.books.content(lane.by, channel)
        if lane.by == "target" and known is not None and content is not None and content.tag >= 0:
            return self._deliveries.hand_on(Delivery(About(content.wire), known, message, content))
        return lane.put(channel, message.raw)
