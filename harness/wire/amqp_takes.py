"""What a tap on AMQP knows of consuming: who consumes what, what was handed out, and the consumer's word on it."""

from harness.history.events import Event
from harness.wire import amqp_methods as m
from harness.wire.amqp_channel import Channel, Consumer
from harness.wire.amqp_content import Content
from harness.wire.amqp_notes import Notes
from harness.wire.amqp_transactions import name, settle
from harness.wire.amqp_values import U32
from harness.wire.streams import Side

_MULTIPLE = 1
_REQUEUE = 1
_NACK_REQUEUE = 2
_CONSUME_NO_ACK = 2
_CONSUME_NOWAIT = 8
_DELIVER = U32.pack(m.DELIVER)
_NOBODY = Consumer("", no_ack=False)


class Takes:
    """Consumers, deliveries and settlements of one connection."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes

    def consume(self, channel: Channel, payload: bytes) -> None:
        """Take note of a consumer; it shows itself with the broker's answer, or now if it wants none."""
        found = m.decoded(m.CONSUME, payload)
        consumer = Consumer(channel.queue(found["queue"]), no_ack=bool(found["bits"] & _CONSUME_NO_ACK))
        if found["bits"] & _CONSUME_NOWAIT:
            self._subscribed(channel, found["consumer"], consumer)
        else:
            channel.consuming.append(consumer)

    def consume_ok(self, channel: Channel, payload: bytes) -> None:
        """Record that a consumer has shown itself."""
        if channel.consuming:
            self._subscribed(channel, m.decoded(m.CONSUME_OK, payload)["consumer"], channel.consuming.pop(0))

    def _subscribed(self, channel: Channel, tag: bytes, consumer: Consumer) -> None:
        channel.consumers[tag] = consumer
        channel.cancelled -= {tag}
        name = tag.decode("utf-8", "replace")
        data: dict[str, object] = {"consumer": name, "channel": channel.number, "no_ack": consumer.no_ack}
        self._notes.record(Event(kind="subscribed", wire="Basic.Consume", queue=consumer.queue, data=data))

    def get(self, channel: Channel, payload: bytes) -> None:
        """Take note that a message is asked for."""
        found = m.decoded(m.GET, payload)
        channel.getting.append(Consumer(channel.queue(found["queue"]), no_ack=bool(found["no_ack"])))

    def get_empty(self, channel: Channel, payload: bytes) -> None:
        """Take note that there was none."""
        del payload
        if channel.getting:
            channel.getting.pop(0)

    def get_ok(self, channel: Channel, payload: bytes) -> None:
        """Begin a message that was asked for."""
        one = channel.getting.pop(0) if channel.getting else _NOBODY
        tag, bits, route = m.got(payload)
        content = Content("get", self._notes, channel.number, route, one.queue, tag, bits, one.no_ack)
        channel.receiving = None if channel.dead else content

    def deliver(self, channel: Channel, payload: bytes) -> None:
        """Begin a delivery; it is read by itself, because every message has one."""
        end = 5 + payload[4]
        tag, bits = m.TAG.unpack_from(payload, end)
        one = channel.consumers.get(payload[5:end], _NOBODY)
        content = Content("deliver", self._notes, channel.number, payload[end + 9 :], one.queue, tag, bits, one.no_ack)
        channel.receiving = None if channel.dead else content

    def foreseen(self, channel: Channel, payload: bytes) -> Content | None:
        """Return the delivery that begins with this method; None where its consumer is not known, or it is none."""
        if not payload.startswith(_DELIVER) or payload[5 : 5 + payload[4]] not in channel.consumers:
            return None
        before = channel.receiving
        self.deliver(channel, payload)
        content, channel.receiving = channel.receiving, before
        return content

    def delivered(self, channel: Channel, content: Content) -> None:
        """Write down a delivery that is complete; one without acknowledgements is settled once the broker has written it."""
        self._notes.put(content, content.given)
        if not content.no_ack:
            channel.open[content.tag] = content
        elif self._notes.at == "far":
            self._notes.word("settled", "no_ack", content.wire, content, name(channel, content.tag, content))

    def ack(self, channel: Channel, payload: bytes) -> None:
        """Record an acknowledgement, once for each delivery it means."""
        self._word(channel, payload, "ack", "Basic.Ack")

    def nack(self, channel: Channel, payload: bytes) -> None:
        """Record a negative acknowledgement, once for each delivery it means."""
        self._word(channel, payload, "requeue" if payload[12] & _NACK_REQUEUE else "reject", "Basic.Nack")

    def reject(self, channel: Channel, payload: bytes) -> None:
        """Record a rejection."""
        tag, bits = m.word(payload)
        how = "requeue" if bits & _REQUEUE else "reject"
        settle(self._notes, channel, channel.settled(tag, multiple=False), how, "Basic.Reject")

    def _word(self, channel: Channel, payload: bytes, how: str, wire: str) -> None:
        tag, bits = m.word(payload)
        settle(self._notes, channel, channel.settled(tag, multiple=bool(bits & _MULTIPLE)), how, wire)

    def recover(self, channel: Channel, payload: bytes) -> None:
        """Record that all open deliveries of the channel go back; RabbitMQ refuses to hand them to the same consumer again."""
        if m.decoded(m.RECOVER, payload)["requeue"] and not channel.dead:
            for tag, content in channel.settled(0, multiple=True):
                self._notes.word("settled", "requeue", "Basic.Recover", content, name(channel, tag, content))

    def cancel(self, by: Side, channel: Channel, payload: bytes) -> None:
        """Record that a consumer gets no more; what it has it may still settle, so nothing goes back."""
        tag = m.decoded(m.CANCEL, payload)["consumer"]
        consumer = channel.consumers.get(tag)
        if consumer is not None and not channel.dead:
            channel.cancelled |= {tag}
            data: dict[str, object] = {"consumer": tag.decode("utf-8", "replace"), "channel": channel.number, "by": by}
            self._notes.record(Event(kind="settled", how="cancel", wire="Basic.Cancel", queue=consumer.queue, data=data))
