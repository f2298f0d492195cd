"""What rules do near, with what a service asks of RabbitMQ: publishes and words that are lost, copied, late, or refused."""

from collections.abc import Mapping
from functools import partial
from typing import Final

from harness.history.events import Event
from harness.wire import amqp_methods as m
from harness.wire.amqp_books import Books
from harness.wire.amqp_channel import Channel
from harness.wire.amqp_content import Content
from harness.wire.amqp_crossing import Origin
from harness.wire.amqp_frames import METHOD, Frame
from harness.wire.amqp_lane import Lane, Message
from harness.wire.amqp_made import payload_of, word
from harness.wire.amqp_names import NAMES, WORDS
from harness.wire.amqp_notes import Notes
from harness.wire.amqp_publishes import MULTIPLE, Publish, Publishes
from harness.wire.amqp_refused import Refusals
from harness.wire.amqp_ruled import Ruled
from harness.wire.amqp_rules import About
from harness.wire.rules import Name, Rule
from harness.wire.streams import Later, Side, Step, Tap

FATES: Final[tuple[Name, ...]] = ("status", "request_lost", "held", "latency", "duplicate")


class Near(Ruled):
    """The tap next to the service."""

    def __init__(self, tap: Tap, notes: Notes, books: Books, lanes: Mapping[Side, Lane]) -> None:
        super().__init__(tap, notes, books, lanes)
        self._publishes = Publishes(self.crossing, lanes["service"])
        self._refusals = Refusals(notes, books, lanes, self.enter)
        self._unheard: set[int] = set()  # channels of which a word was lost: "and all before" would tell of it

    def enter(self, lane: Lane) -> None:
        """Begin with a direction; all that was published before has gone on."""
        if not lane.entered and lane.by == "service":
            self._publishes.forwarded = self.books.sends.count
        super().enter(lane)

    def rest_of_cut(self, lane: Lane, frame: Frame, data: bytes) -> list[Step]:
        """Pass on the rest of a frame that has begun to go on, which may begin a publish or be a confirm."""
        before = self.books.sends.count
        steps = super().rest_of_cut(lane, frame, data)
        self._publishes.forwarded += self.books.sends.count - before
        if lane.by == "target" and frame.kind == METHOD and frame.last:
            self._publishes.confirmed(frame.channel, frame.payload)
        return steps

    def closed(self, lane: Lane, channel: int, raw: bytes) -> list[Step] | None:
        """Return what becomes of a frame of what was closed by `status`; None where it is none."""
        return self._refusals.closed(lane, channel, raw)

    def begun(self, lane: Lane, channel: int, content: Content) -> None:
        """Name a delivery as the far tap does."""
        if lane.by == "target":
            content.name, content.fault = self.crossing.deliveries.pop((channel, content.tag), Origin(""))

    # ------------------------------------------------------------------ methods

    def method(self, lane: Lane, channel: int, number: int, raw: bytes) -> list[Step]:
        """Write down a method; return what goes on."""
        payload = payload_of(raw)
        if lane.by == "target":
            return self._answered(lane, channel, number, payload, raw)
        if NAMES.get(number) in WORDS:
            return self._word(channel, number, payload, raw)
        self.books.method("service", channel, payload)
        rule = self._refusing(channel, About(NAMES.get(number, "")))
        return [raw] if rule is None else self._refuse(rule, channel, number)

    def _refusing(self, channel: int, about: About) -> Rule | None:
        known = self.books.channel(channel)
        if known is None or known.dead or not self._refusals.is_possible(channel):
            return None
        return self.rulings.latest(about, "status")

    def _refuse(self, rule: Rule, channel: int, number: int) -> list[Step]:
        self.crossing.bent = True
        self._publishes.forget(channel)
        return self._refusals.refuse(rule, channel, number)

    def _answered(self, lane: Lane, channel: int, number: int, payload: bytes, raw: bytes) -> list[Step]:
        if number == m.CHANNEL_OPEN_OK:
            self._publishes.forget(channel)
            self._unheard.discard(channel)
        confirms = self._publishes.confirmed(channel, payload)
        frames = [raw] if confirms is None else confirms
        for frame in frames:
            self.books.method("target", channel, payload_of(frame))
        return lane.put(channel, b"".join(frames)) if frames else []

    def _word(self, channel: int, number: int, payload: bytes, raw: bytes) -> list[Step]:
        """Write down what a consumer says of deliveries; of those that are lost the broker hears nothing."""
        tag, bits = m.word(payload)
        multiple = number != m.REJECT and bool(bits & MULTIPLE)
        abouts = self._meant(channel, NAMES[number], tag, multiple=multiple)
        self.books.method("service", channel, payload)
        for about in abouts.values():
            rule = self._refusing(channel, about)
            if rule is not None:
                return self._refuse(rule, channel, number)
        kept = [one for one, about in abouts.items() if self.rulings.latest(about, "request_lost") is None]
        if len(kept) < len(abouts):
            self.crossing.bent = True
            self._unheard.add(channel)
        if not abouts or channel not in self._unheard:
            return [raw]
        return [word(number, channel, one, bits & ~MULTIPLE if multiple else bits) for one in kept]

    def _meant(self, channel: int, wire: str, tag: int, *, multiple: bool) -> dict[int, About]:
        known = self.books.channel(channel)
        if known is None or known.dead:
            return {}
        tags = [one for one in known.open if one == tag or (multiple and (tag == 0 or one < tag))]
        return {one: About(wire, known.open[one].key, known.open[one].queue) for one in tags}

    # ------------------------------------------------------------------ messages

    def message(self, lane: Lane, channel: int, message: Message, content: Content, about: About) -> list[Step]:
        """Decide on a publish; what comes back is whole, and nothing is done with it here."""
        if lane.by == "target":
            return lane.put(channel, message.raw)
        publish = self._publish(channel, message)
        rule = self.rulings.latest(about, *(FATES if self._refusals.is_possible(channel) else FATES[1:]))
        if rule is None:
            return self._publishes.forward(publish)
        if rule.name == "status":
            return self._refused(rule, channel, about)
        if rule.name == "duplicate":
            return self._publishes.copied(publish, rule.copies, rule.id)
        self._publishes.apart(publish)
        if rule.name == "request_lost":
            return []
        return [Later(self.hold(rule, message.x), partial(self._publishes.come, publish))]

    def _refused(self, rule: Rule, channel: int, about: About) -> list[Step]:
        event = Event(kind="refused", wire=about.wire, x=about.x, key=about.key, queue=about.queue, fault=rule.id)
        event.status = int(str(rule.code))
        self.notes.record(event)
        return self._refuse(rule, channel, m.PUBLISH)

    def passes(self, lane: Lane, channel: int, message: Message) -> list[Step]:
        """Let a message go on as it is."""
        if lane.by == "target":
            return lane.put(channel, message.raw)
        return self._publishes.forward(self._publish(channel, message, whole=False))

    def _publish(self, channel: int, message: Message, *, whole: bool = True) -> Publish:
        known = self.books.channel(channel) or Channel(channel)
        number = known.next_tag - 1 if whole else known.next_tag
        return Publish(known, message.raw, message.x, number if known.next_tag and not known.dead else 0)
