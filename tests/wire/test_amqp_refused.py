"""Channels that `status` closes near, frame by frame: who is told what, what goes no further, and what comes at the same time."""

from pika import frame, spec

from harness.wire import amqp
from harness.wire.rules import Rule
from harness.wire.streams import Back
from tests.wire import amqp_bytes as b
from tests.wire.amqp_bytes import BODY, KEYED
from tests.wire.taps import CollectingSink, Wire, tap

LINK = "writer->tcs"
ORDERLY = frame.Method(1, spec.Channel.Close(200, "closed by a fault", 0, 0)).marshal()
OPEN = b.method(1, spec.Channel.Open())


def refusing(*, on: str | None = "Basic.Publish", code: int = 404, armed: bool = True) -> tuple[CollectingSink, Wire, Rule]:
    rule = Rule(id="f1", name="status", link=LINK, code=code, on=on, times=1, body="no")
    sink = CollectingSink(queues=KEYED)
    one = Wire(amqp.session(tap(sink, *([rule] if armed else []))))
    one.ask(b.HELLO + OPEN)
    one.reply(b.opened(1))
    return sink, one, rule


def told(one: Wire) -> bytes:
    """Return what the service was told since it was asked last."""
    seen, one.to_service = one.to_service, b""
    return seen


def close(code: int, method: int) -> bytes:
    return b.method(1, spec.Channel.Close(reply_code=code, reply_text="no", class_id=60, method_id=method))


def test_service_and_broker_each_close_and_the_channel_can_be_opened_anew() -> None:
    _, one, _ = refusing()
    told(one)
    assert one.ask(b.publish(1, "jobs", BODY)) == ORDERLY
    assert told(one) == close(404, 40)
    assert one.ask(b.publish(1, "jobs", b"lost") + b.ack(1, 7) + b.BEAT) == b.BEAT
    assert one.reply(b.deliver(1, 1, BODY) + b.closed(1)) == b""
    assert one.ask(b.closed(1) + OPEN) == OPEN
    assert one.reply(b.opened(1)) == b.opened(1)
    assert one.ask(b.publish(1, "jobs", BODY)) == b.publish(1, "jobs", BODY)


def test_a_service_that_closes_at_the_same_time_is_answered() -> None:
    _, one, _ = refusing()
    one.ask(b.publish(1, "jobs", BODY))
    told(one)
    assert one.ask(b.method(1, spec.Channel.Close(200, "bye", 0, 0))) == b""
    assert told(one) == b.closed(1)


def test_a_broker_that_closes_at_the_same_time_is_answered() -> None:
    _, one, _ = refusing()
    one.ask(b.publish(1, "jobs", BODY))
    assert list(one.session.from_target(b.channel_close(1))) == [Back(b.closed(1))]
    assert one.reply(b.closed(1) + b.opened(1)) == b.opened(1)


def test_a_service_in_the_middle_of_a_delivery_is_not_told_before_it_has_it() -> None:
    sink, one, rule = refusing(armed=False)
    given = b.deliver(1, 1, BODY)
    assert one.reply(given[:-3]) == given[:-3]
    sink.book.arm(rule)
    assert one.ask(b.publish(1, "jobs", BODY)) == b.publish(1, "jobs", BODY)
    assert one.ask(b.ack(1, 1)) == b.ack(1, 1)
    told(one)
    assert one.reply(given[-3:]) == given[-3:]
    assert one.ask(b.publish(1, "jobs", BODY)) == ORDERLY
    assert told(one) == given[-3:] + close(404, 40)


def test_a_connection_is_closed_behind_a_delivery_that_another_channel_is_in_the_middle_of() -> None:
    sink, one, rule = refusing(armed=False, code=541)
    given = b.deliver(2, 1, BODY)
    one.reply(given[:-3])
    sink.book.arm(rule)
    told(one)
    end = b.method(0, spec.Connection.Close(200, "closed by a fault", 0, 0))
    assert one.ask(b.publish(1, "jobs", BODY)) == end
    assert told(one) == b""
    assert one.reply(given[-3:] + b.BEAT) == given[-3:] + b.method(0, spec.Connection.Close(541, "no", 60, 40))
    assert one.ask(b.BEAT) == b""


def test_a_word_is_refused_with_its_channel() -> None:
    sink, one, _ = refusing(on="Basic.Ack", code=406)
    one.ask(b.consume(1, "jobs"))
    one.reply(b.consume_ok(1) + b.deliver(1, 1, BODY))
    told(one)
    assert one.ask(b.ack(1, 1)) == ORDERLY
    assert told(one) == close(406, 80)
    assert [(event.kind, event.key, event.fault) for event in sink.events[-3:]] == [
        ("settled", "p-1", ""), ("bit", "p-1", "f1"), ("closed", "", "f1"),
    ]  # fmt: skip


def test_a_channel_that_is_closed_already_is_not_closed_again() -> None:
    sink, one, _ = refusing(on=None)
    one.reply(b.channel_close(1))
    sent = b.publish(1, "jobs", BODY) + b.ack(1, 1) + b.consume(1, "jobs")
    assert one.ask(sent) == sent
    assert sink.of("bit") == []
