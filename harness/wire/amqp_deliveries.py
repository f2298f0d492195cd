"""Deliveries on their way from the far tap to the service: what waits, comes twice or in another order, and whose tag is whose.

A service sees the tags of a channel count on, 1, 2, 3, as from any broker. As soon as a delivery is lost, held or copied they are
given anew, and what the service says of a tag is said to the broker of its own; of a copy the broker hears nothing.
"""

from collections.abc import Iterator

from harness.wire import amqp_methods as m
from harness.wire.amqp_channel import Channel
from harness.wire.amqp_content import Content
from harness.wire.amqp_counted import Counted
from harness.wire.amqp_crossing import Crossing, Origin
from harness.wire.amqp_lane import Lane, Message
from harness.wire.amqp_made import UNKNOWN, consumer_of, retagged, word
from harness.wire.amqp_rules import About, Rulings
from harness.wire.rules import Rule
from harness.wire.streams import Step

_MULTIPLE = 1


class Delivery:
    """A delivery that the broker has handed out: on what channel, under which tag, to which consumer (nobody for a Get)."""

    __slots__ = ("about", "channel", "consumer", "message", "no_ack", "tag")

    def __init__(self, about: About, channel: Channel, message: Message, content: Content) -> None:
        self.about = about
        self.channel = channel
        self.message = message
        self.tag = content.tag
        self.no_ack = content.no_ack
        self.consumer = consumer_of(message.frames[0]) if content.kind == "deliver" else b""


class Deliveries:
    """Those of one connection."""

    def __init__(self, crossing: Crossing, lane: Lane, rulings: Rulings) -> None:
        self._crossing = crossing
        self._lane = lane
        self._rulings = rulings
        self._tags: dict[int, Counted] = {}
        self._waiting: list[Delivery] = []
        self._windows: dict[tuple[int, str], list[Delivery]] = {}

    def hand_on(self, one: Delivery, fault: str = "") -> list[Step]:
        """Let a delivery go on, or a copy of it that a fault makes."""
        channel = one.channel.number
        frames = list(one.message.frames)
        tags = self._tags.get(channel)
        if tags is not None:
            tag = tags.next(None if fault else one.tag, awaits=not one.no_ack)
            if fault or tag != one.tag:
                copy = f"+{tag}" if fault else ""
                self._crossing.deliveries[channel, tag] = Origin(f"{channel}:{one.tag}{copy}", fault)
            frames[0] = retagged(frames[0], tag)
        return self._lane.put(channel, b"".join(frames))

    def apart(self, one: Delivery) -> None:
        """Count apart from now on: this one does not go on as it came."""
        self._crossing.bent = True
        if one.channel.number not in self._tags:
            older = [tag for tag in one.channel.open if tag < one.tag]
            self._tags[one.channel.number] = Counted(one.tag, older)

    def copied(self, one: Delivery, copies: int, fault: str) -> list[Step]:
        """Let a delivery go on, and copies of it behind it."""
        self.apart(one)
        steps = self.hand_on(one)
        for _ in range(copies):
            steps += self.hand_on(one, fault)
        return steps

    def keep(self, one: Delivery) -> None:
        """Let a delivery wait."""
        self.apart(one)
        self._waiting.append(one)

    def come(self, one: Delivery) -> Iterator[Step]:
        """Let a delivery go on that waited, unless its channel is gone, or it went on already."""
        if one in self._waiting:
            self._waiting.remove(one)
            if not one.channel.dead:
                yield from self.hand_on(one)

    def gather(self, rule: Rule, one: Delivery) -> tuple[list[Step], bool]:
        """Let a delivery wait for others to change places with; tell whether it is the first of them."""
        self.keep(one)
        window = self._windows.setdefault((one.channel.number, rule.id), [])
        window.append(one)
        if len(window) < rule.window and self._rulings.still(rule):
            return [], len(window) == 1
        del self._windows[one.channel.number, rule.id]
        if len(window) == rule.window:
            for place, moved in enumerate(window):
                if place != len(window) - 1 - place:
                    self._rulings.bit(rule, moved.about)
            window.reverse()
        return [step for waiting in window for step in self.come(waiting)], False

    def spread(self, channel: int, rule: Rule) -> Iterator[Step]:
        """Let go on, in their order, those that wait for others which do not come."""
        for waiting in self._windows.pop((channel, rule.id), []):
            yield from self.come(waiting)

    def cancelled(self, channel: int, consumer: bytes) -> list[Step]:
        """Let go on what waits for a consumer that is about to hear that it gets no more: nothing can come behind that."""
        waiting = [one for one in self._waiting if (one.channel.number, one.consumer) == (channel, consumer)]
        for window in self._windows.values():
            window[:] = [one for one in window if one not in waiting]
        return [step for one in waiting for step in self.come(one)]

    def recovered(self, channel: int) -> None:
        """Forget what is open on a channel: the broker hands all of it out again."""
        self._waiting = [one for one in self._waiting if one.channel.number != channel]
        for key in [one for one in self._windows if one[0] == channel]:
            del self._windows[key]
        if channel in self._tags:
            self._tags[channel].forget()

    def reopened(self, channel: int) -> None:
        """Forget what a channel of this number was before."""
        self.recovered(channel)
        self._tags.pop(channel, None)
        self._crossing.reopened(channel)

    def word(self, channel: int, payload: bytes) -> list[bytes] | None:
        """Return what a word of the service is to the broker; None where it is as it is, or is none."""
        tags, method = self._tags.get(channel), int.from_bytes(payload[:4], "big")
        if tags is None or method not in (m.ACK, m.NACK, m.REJECT):
            return None
        tag, bits = m.word(payload)
        multiple = method != m.REJECT and bool(bits & _MULTIPLE)
        meant = tags.meant(tag, multiple=multiple)
        if meant is None:
            return [word(method, channel, tag + UNKNOWN, bits)]
        return [word(method, channel, one, bits & ~_MULTIPLE if multiple else bits) for one in meant]
