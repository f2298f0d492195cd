"""AMQP as pika writes it (an encoder that is not ours, lest decoder and test agree in an error), and taps to read it."""

from typing import Any

from pika import frame, spec
from pika.amqp_object import Method

from harness.wire import amqp
from tests.wire.taps import CollectingSink, Wire, tap

HELLO = b"AMQP\x00\x00\x09\x01"
BODY = b'{"id":"p-1"}'
KEYED = {"rabbitmq:jobs": "/id"}
BEAT: bytes = frame.Heartbeat().marshal()


def method(channel: int, one: Method) -> bytes:
    data: bytes = frame.Method(channel, one).marshal()
    return data


def content(channel: int, body: bytes, *, split: int = 4096, **properties: Any) -> bytes:
    head: bytes = frame.Header(channel, len(body), spec.BasicProperties(**properties)).marshal()
    parts: list[bytes] = [frame.Body(channel, body[at : at + split]).marshal() for at in range(0, len(body), split)]
    return head + b"".join(parts)


def publish(channel: int, queue: str, body: bytes, *, exchange: str = "", split: int = 4096, **properties: Any) -> bytes:
    return method(channel, spec.Basic.Publish(exchange=exchange, routing_key=queue)) + content(
        channel, body, split=split, **properties
    )


def deliver(
    channel: int, tag: int, body: bytes, *, consumer: str = "c1", redelivered: bool = False, exchange: str = "",
    routing_key: str = "jobs", **properties: Any,
) -> bytes:  # fmt: skip
    one = spec.Basic.Deliver(
        consumer_tag=consumer, delivery_tag=tag, redelivered=redelivered, exchange=exchange, routing_key=routing_key
    )
    return method(channel, one) + content(channel, body, **properties)


def frames(data: bytes) -> list[bytes]:
    """Return the frames, whole, of which these bytes consist."""
    found = []
    while data:
        size, _ = frame.decode_frame(data)
        assert size, "a frame is missing its end"
        found.append(data[:size])
        data = data[size:]
    return found


def ack(channel: int, tag: int, *, multiple: bool = False) -> bytes:
    return method(channel, spec.Basic.Ack(delivery_tag=tag, multiple=multiple))


def nack(channel: int, tag: int, *, multiple: bool = False, requeue: bool = True) -> bytes:
    return method(channel, spec.Basic.Nack(delivery_tag=tag, multiple=multiple, requeue=requeue))


def reject(channel: int, tag: int, *, requeue: bool = True) -> bytes:
    return method(channel, spec.Basic.Reject(delivery_tag=tag, requeue=requeue))


def select(channel: int) -> bytes:
    return method(channel, spec.Confirm.Select())


def consume(channel: int, queue: str, *, consumer: str = "c1", no_ack: bool = False, nowait: bool = False) -> bytes:
    return method(channel, spec.Basic.Consume(queue=queue, consumer_tag=consumer, no_ack=no_ack, nowait=nowait))


def consume_ok(channel: int, consumer: str = "c1") -> bytes:
    return method(channel, spec.Basic.ConsumeOk(consumer_tag=consumer))


def opened(channel: int) -> bytes:
    return method(channel, spec.Channel.OpenOk())


def channel_close(channel: int, code: int = 406, text: str = "PRECONDITION_FAILED") -> bytes:
    return method(channel, spec.Channel.Close(reply_code=code, reply_text=text, class_id=60, method_id=80))


def closed(channel: int) -> bytes:
    return method(channel, spec.Channel.CloseOk())


def connection_close(code: int = 320, text: str = "CONNECTION_FORCED") -> bytes:
    return method(0, spec.Connection.Close(reply_code=code, reply_text=text, class_id=0, method_id=0))


def wire(sink: CollectingSink, at: str = "near") -> Wire:
    return Wire(amqp.session(tap(sink, at=at)))  # type: ignore[arg-type]


def consuming(at: str = "near", *, no_ack: bool = False) -> tuple[CollectingSink, Wire]:
    sink = CollectingSink(queues=KEYED)
    one = wire(sink, at)
    one.ask(HELLO + consume(1, "jobs", no_ack=no_ack))
    one.reply(consume_ok(1))
    sink.events.clear()
    return sink, one
