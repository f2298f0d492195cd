"""What no rule means goes on at once and in one piece, and whatever may be meant is looked at, also where it is hard to tell."""

from typing import Any

import pytest
from pika import spec

from harness.wire import amqp
from harness.wire.rules import Rule
from tests.wire import amqp_bytes as b
from tests.wire.amqp_bytes import KEYED
from tests.wire.taps import CollectingSink, Wire, tap


def body(number: int) -> bytes:
    return b'{"id":"p-%d"}' % number


def ruled(at: str, **settings: Any) -> tuple[CollectingSink, Wire]:
    given: dict[str, Any] = {"id": "f1", "name": "altered", "link": "writer->tcs", "attributes": {"a": "1"}, **settings}
    sink = CollectingSink(queues=KEYED)
    one = Wire(amqp.session(tap(sink, Rule(**given), at=at)))  # type: ignore[arg-type]
    one.ask(b.HELLO + b.consume(1, "jobs"))
    return sink, one


def steps(one: Wire, side: str, data: bytes) -> list[object]:
    return list(one.session.from_service(data) if side == ">" else one.session.from_target(data))


GOT = b.method(1, spec.Basic.GetOk(delivery_tag=1, redelivered=False, exchange="", routing_key="jobs", message_count=0))


@pytest.mark.parametrize(
    ("at", "side", "data"),
    [
        ("near", ">", b.publish(1, "jobs", body(1)) + b.publish(1, "jobs", body(3)) + b.ack(1, 1)),
        ("near", "<", b.deliver(1, 1, body(2)) + b.ack(1, 1)),
        ("far", "<", b.deliver(1, 1, body(1)) + b.ack(1, 1)),
        ("far", ">", b.publish(1, "jobs", body(2))),
    ],
    ids=["publishes-of-others", "deliveries-near", "a-delivery-of-another", "publishes-far"],
)
def test_what_is_not_meant_goes_on_in_one_piece(at: str, side: str, data: bytes) -> None:
    sink, one = ruled(at, key="p-2")
    one.reply(b.consume_ok(1))
    assert steps(one, side, data) == [data]
    assert sink.of("bit") == []
    assert sink.of("attempted", "delivered") != []


@pytest.mark.parametrize(
    "data",
    [
        b.deliver(1, 1, body(1)) + b.deliver(1, 2, body(2)),
        b.deliver(1, 1, body(2), consumer="c9"),
        GOT + b.content(1, body(2)),
        b.consume_ok(1, "c9") + b.deliver(1, 1, body(2), consumer="c9"),
    ],
    ids=["behind-another", "consumer-unknown", "asked-for", "consumer-in-the-same-piece"],
)
@pytest.mark.parametrize("cut", [1, 40, None])
def test_what_is_meant_is_changed_wherever_it_stands(data: bytes, cut: int | None) -> None:
    sink, one = ruled("far", key="p-2")
    one.ask(b.consume(1, "jobs", consumer="c9") + b.method(1, spec.Basic.Get(queue="jobs")))
    one.reply(b.consume_ok(1))
    out = one.reply(data[:cut]) + (b"" if cut is None else one.reply(data[cut:]))
    known = [event.key for event in sink.of("delivered")]
    assert [event.key for event in sink.of("bit")] == [key for key in known if key == "p-2"]
    assert (out == data) == ("p-2" not in known)


def test_a_rule_without_a_key_means_all_of_its_kind_and_nothing_else() -> None:
    sink, one = ruled("far", on="Basic.GetOk")
    one.reply(b.consume_ok(1))
    delivery = b.deliver(1, 1, body(1))
    assert steps(one, "<", delivery + b.BEAT) == [delivery, b.BEAT]  # a heartbeat is no method: the piece is looked at
    assert steps(one, "<", delivery) == [delivery]
    assert one.reply(GOT + b.content(1, body(1))) != GOT + b.content(1, body(1))
    assert [event.wire for event in sink.of("bit")] == ["Basic.GetOk"]


def test_a_confirm_is_meant_as_the_answer_to_its_publish() -> None:
    sink, one = ruled("far", name="answer_lost", attributes=None, key="p-2")
    one.ask(b.select(1) + b.publish(1, "jobs", body(1)) + b.publish(1, "jobs", body(2)))
    assert one.reply(b.ack(1, 2, multiple=True)) == b.ack(1, 1)
    assert [event.key for event in sink.of("bit")] == ["p-2"]


def test_what_cannot_be_read_is_told_as_such() -> None:
    sink, one = ruled("near", key="p-2")
    garbled = b.publish(1, "jobs", body(1)).replace(b"\x04jobs", b"\x09jobs")
    assert one.ask(garbled) == garbled
    assert len(sink.of("gap")) == 1
