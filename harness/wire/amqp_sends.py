"""What a tap on AMQP knows of sending: publishes, what the broker says of them, and what it gives back as unroutable."""

from typing import Literal

from harness.wire import amqp_methods as m
from harness.wire.amqp_channel import Channel
from harness.wire.amqp_content import Content
from harness.wire.amqp_notes import Notes

_MULTIPLE = 1
_MANDATORY = 1

Confirms = tuple[int, Channel, list[tuple[int, Content]]]
"""Basic.Ack or Basic.Nack, on which channel, for which publishes by their tags."""


class Sends:
    """Publishes of one connection."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._published = 0
        self._latest: Confirms | None = None

    @property
    def count(self) -> int:
        """Return how many have begun."""
        return self._published

    def latest(self) -> Confirms | None:
        """Return what the latest confirm meant, once."""
        latest, self._latest = self._latest, None
        return latest

    def publish(self, channel: Channel, payload: bytes) -> None:
        """Begin a publish. It is counted also where nobody processes it any more: near and far have to agree on the numbers."""
        self._published += 1
        channel.sending = None if channel.dead else self.made(channel, payload)

    def made(self, channel: Channel, payload: bytes) -> Content:
        """Return the publish that begins with this method."""
        return Content("publish", self._notes, channel.number, m.publication(payload), x=self._published, bits=payload[-1])

    def published(self, channel: Channel, content: Content) -> None:
        """Write down a publish that is complete; without confirms nobody will ever say what became of it."""
        content.is_unconfirmed = not channel.sent(content, mandatory=bool(content.bits & _MANDATORY))
        self._notes.put(content, content.given)

    def give_back(self, channel: Channel, payload: bytes) -> None:
        """Begin a Basic.Return."""
        status, text, route = m.returned(payload)
        content = Content("return", self._notes, channel.number, route, status=status, text=text)
        channel.receiving = None if channel.dead else content

    def returned(self, channel: Channel, content: Content) -> None:
        """Write down that a publish was unroutable."""
        sent = channel.returned(content.key)
        if sent is not None:
            content.x = sent.x
            if sent in channel.mandatory:
                channel.mandatory.remove(sent)
        self._notes.put(content, content.given)

    def select(self, channel: Channel, payload: bytes) -> None:
        """Count publishes from now on: the channel has confirms."""
        del payload
        channel.next_tag = channel.next_tag or 1

    def acknowledge(self, channel: Channel, payload: bytes) -> None:
        """Record what the broker has taken."""
        self._confirm(channel, m.ACK, payload, "acknowledged", "Basic.Ack")

    def refuse(self, channel: Channel, payload: bytes) -> None:
        """Record what the broker has not taken."""
        self._confirm(channel, m.NACK, payload, "refused", "Basic.Nack")

    def _confirm(
        self, channel: Channel, method: int, payload: bytes, kind: Literal["acknowledged", "refused"], wire: str
    ) -> None:
        tag, bits = m.word(payload)
        confirms = channel.confirmed(tag, multiple=bool(bits & _MULTIPLE))
        for _, sent in confirms:
            self._notes.word(kind, "", wire, sent)
        self._latest = (method, channel, confirms)
