"""What goes on unread while rules wait for a key: what has the key nowhere in its bytes, and nothing that may hide it."""

from typing import Any

import pytest

from harness.wire.rules import Rule
from harness.wire.streams import Quickly, Side
from tests.wire import amqp_bytes as b
from tests.wire.taps import CollectingSink, Wire
from tests.wire.test_amqp_unmeant import body, ruled

OTHER = b.publish(1, "jobs", body(1))
MEANT = b.publish(1, "jobs", body(2))


def unread(one: Wire, data: bytes, *, side: Side = "service") -> bool:
    assert isinstance(one.session, Quickly)
    return one.session.quick(side).lets_pass(data)


def waiting(at: str = "near", *, key: str = "p-2", **settings: Any) -> tuple[CollectingSink, Wire]:
    """A rule waits for a key, and another message has just passed."""
    sink, one = ruled(at, key=key, **settings)
    one.ask(b.select(1))
    one.reply(b.consume_ok(1))
    one.ask(OTHER)
    one.reply(b.deliver(1, 1, body(1)))
    return sink, one


@pytest.mark.parametrize(
    ("at", "side", "data"),
    [
        ("near", "service", OTHER),
        ("near", "service", OTHER + b.ack(1, 1) + OTHER),
        ("near", "target", b.deliver(1, 2, body(2))),
        ("far", "target", b.deliver(1, 2, body(1)) + b.ack(1, 1)),
        ("far", "service", MEANT),
    ],
    ids=["a-publish-of-another", "several", "deliveries-near", "a-delivery-of-another", "publishes-far"],
)
def test_what_no_rule_can_mean_passes_unread(at: str, side: Side, data: bytes) -> None:
    _, one = waiting(at)
    assert unread(one, data, side=side)


@pytest.mark.parametrize(
    "data",
    [
        MEANT,
        OTHER + MEANT,
        b.publish(1, "jobs", b'{"id":"p\\u002d2"}'),
        b.publish(1, "jobs", '{"id":"p-2"}'.encode("utf-16")),
        b.publish(1, "jobs", b"eyJib2R5IjogIlcxMD0ifQ=="),
        b.publish(1, "jobs", body(1))[:-5],
        b.publish(1, "jobs", b""),
        OTHER + b.BEAT,
        b"\x01\x00",
        b"\x01\x00\x01\x00\x00\x00\x01\x00\xce",
    ],
    ids=["meant", "behind-another", "escaped", "utf-16", "celery", "half", "empty", "heartbeat", "a-beginning", "no-method"],
)
def test_what_may_be_meant_is_read_first(data: bytes) -> None:
    _, one = waiting()
    assert not unread(one, data)


@pytest.mark.parametrize("key", ["7", "1e-07", "nan", "True", "null", "p 2", "id:m-1", "-", ""])
def test_a_key_that_may_be_another_value_in_the_bytes_is_looked_for(key: str) -> None:
    _, one = waiting(key=key)
    assert not unread(one, OTHER)


def test_a_word_about_a_message_that_is_meant_is_read_first() -> None:
    _, one = waiting(name="request_lost", attributes=None)
    assert unread(one, OTHER)
    assert not unread(one, b.ack(1, 1))


def test_nothing_passes_unread_before_all_that_went_before_is_known() -> None:
    sink, one = ruled("near", key="p-2")
    assert not unread(one, OTHER)
    one.ask(OTHER)
    assert unread(one, OTHER)
    one.ask(MEANT[:20])
    assert not unread(one, OTHER)
    one.ask(MEANT[20:] + OTHER)
    assert not unread(one, OTHER)
    one.ask(OTHER)
    assert unread(one, OTHER)
    assert [event.key for event in sink.of("bit")] == ["p-2"]


def test_a_rule_that_is_armed_now_has_everything_read_once_more() -> None:
    sink, one = waiting()
    sink.book.arm(Rule(id="f2", name="altered", link="writer->tcs", key="p-1", attributes={"a": "1"}))
    assert not unread(one, OTHER)
    sink.book.disarm("f1")
    sink.book.disarm("f2")
    assert not unread(one, OTHER)


def test_what_passed_unread_is_in_the_books() -> None:
    sink, one = waiting()
    assert isinstance(one.session, Quickly)
    one.session.quick("service").put_off(OTHER, 0.5)
    out = one.ask(MEANT)
    assert out != MEANT
    assert [event.key for event in sink.of("attempted")] == ["p-1", "p-1", "p-2"]
