"""What a tap on AMQP knows of sending: publishes, what the broker says of them, and what it gives back as unroutable."""

from typing import Literal

from harness.history.events import Event
from harness.wire import amqp_methods as m
from harness.wire.amqp_channel import Channel, Content, Sent
from harness.wire.amqp_notes import Notes

_MULTIPLE = 1

Confirms = tuple[int, Channel, list[tuple[int, Sent]]]
"""Basic.Ack or Basic.Nack, on which channel, for which publishes by their tags."""


class Sends:
    """Publishes of one connection."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._published = 0
        self._latest: Confirms | None = None

    def latest(self) -> Confirms | None:
        """Return what the latest confirm meant, once."""
        latest, self._latest = self._latest, None
        return latest

    def publish(self, channel: Channel, payload: bytes) -> None:
        """Begin a publish. It is counted also where nobody processes it any more: near and far have to agree on the numbers."""
        self._published += 1
        channel.sending = None if channel.dead else Content("publish", m.publication(payload), self._published)

    def published(self, channel: Channel, content: Content) -> None:
        """Record a publish that is complete; without confirms nobody will ever say what became of it."""
        event = self._notes.message("attempted", content, _destination(content))
        if event.data is not None and not channel.next_tag:
            event.data["unconfirmed"] = True
        channel.sent(Sent(content.x, event.key, event.queue, event.mid))
        self._notes.record(event)

    def give_back(self, channel: Channel, payload: bytes) -> None:
        """Begin a Basic.Return."""
        channel.receiving = None if channel.dead else Content("return", m.decoded(m.RETURN, payload))

    def returned(self, channel: Channel, content: Content) -> None:
        """Record that a publish was unroutable; the broker does not say which, so it is the oldest with this identity."""
        event = self._notes.message("returned", content, _destination(content))
        event.status = content.arguments["status"]
        event.data = {**(event.data or {}), "text": content.arguments["text"]}
        event.x = next((sent.x for sent in channel.unconfirmed.values() if sent.key == event.key), 0)
        self._notes.record(event)

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
            self._notes.record(Event(kind=kind, x=sent.x, wire=wire, queue=sent.queue, key=sent.key, mid=sent.mid))
        self._latest = (method, channel, confirms)


def _destination(content: Content) -> str:
    """Return the queue where it is known: the default exchange has a binding of its name to every queue."""
    return "" if content.arguments["exchange"] else str(content.arguments["routing_key"])
