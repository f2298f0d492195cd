"""Publishes on their way from the near tap to the broker: what goes on, in which order, and which confirm is whose.

Service and broker count the publishes of a channel each by itself. As soon as one is lost, held or copied, what the broker says
of its numbers is said to the service of its own.
"""

from collections.abc import Iterator
from typing import NamedTuple

from harness.wire import amqp_methods as m
from harness.wire.amqp_channel import Channel
from harness.wire.amqp_counted import Counted
from harness.wire.amqp_crossing import Crossing, Origin
from harness.wire.amqp_lane import Lane
from harness.wire.amqp_made import word
from harness.wire.streams import Step

MULTIPLE = 1


class Publish(NamedTuple):
    """A publish: its frames, which it is on its connection, and the number its service knows it by (0 without confirms)."""

    channel: Channel
    raw: bytes
    x: int
    number: int


class Publishes:
    """Those of one connection. `forwarded` is how many have gone on."""

    def __init__(self, crossing: Crossing, lane: Lane) -> None:
        self._crossing = crossing
        self._lane = lane
        self._numbers: dict[int, Counted] = {}
        self.forwarded = 0

    def forward(self, publish: Publish, fault: str = "") -> list[Step]:
        """Let a publish go on, or a copy of it that a fault makes."""
        self.forwarded += 1
        if fault or publish.x != self.forwarded:
            self._crossing.bent = True
            self._crossing.publishes[self.forwarded] = Origin(str(publish.x), fault)
        numbers = self._numbers.get(publish.channel.number)
        if numbers is not None and publish.channel.next_tag:
            numbers.next(None if fault or not publish.number else publish.number)
        return self._lane.put(publish.channel.number, publish.raw)

    def copied(self, publish: Publish, copies: int, fault: str) -> list[Step]:
        """Let a publish go on, and copies of it behind it."""
        self.apart(publish)
        steps = self.forward(publish)
        for _ in range(copies):
            steps += self.forward(publish, fault)
        return steps

    def apart(self, publish: Publish) -> None:
        """Count apart from now on: this one does not go on as it came."""
        self._crossing.bent = True
        channel = publish.channel
        if channel.next_tag and channel.number not in self._numbers:
            first = publish.number or channel.next_tag
            self._numbers[channel.number] = Counted(first, [one for one in channel.unconfirmed if one < first])

    def come(self, publish: Publish) -> Iterator[Step]:
        """Let a publish go on later, unless its channel is gone."""
        if not publish.channel.dead:
            if not publish.number:
                self.apart(publish)
            yield from self.forward(publish)

    def forget(self, channel: int) -> None:
        """Forget a channel that is closed, or opened anew."""
        self._numbers.pop(channel, None)

    def confirmed(self, channel: int, payload: bytes) -> list[bytes] | None:
        """Return what a confirm of the broker is to the service; None where it is as it is, or is none."""
        numbers, method = self._numbers.get(channel), int.from_bytes(payload[:4], "big")
        if numbers is None or method not in (m.ACK, m.NACK):
            return None
        tag, bits = m.word(payload)
        meant = numbers.meant(tag, multiple=bool(bits & MULTIPLE)) or ()
        return [word(method, channel, one, bits & ~MULTIPLE) for one in meant]
