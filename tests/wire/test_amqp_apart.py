"""What rules do far with deliveries, in cases that a broker does not bring about at will: nothing comes twice, or astray."""

import asyncio
from collections.abc import Iterator

import pytest
from pika import spec

from harness.wire import amqp
from harness.wire.rules import Rule
from harness.wire.streams import Later, Step
from tests.wire import amqp_bytes as b
from tests.wire.amqp_bytes import BODY
from tests.wire.amqp_world import HoldingSink
from tests.wire.taps import Wire, tap

LINK = "writer->tcs"
HELD = Rule(id="f1", name="held", link=LINK, times=1)
LOST = Rule(id="f1", name="answer_lost", link=LINK, on="Basic.Deliver", times=1)
WINDOW = Rule(id="f1", name="reordered", link=LINK, window=3)


class Far:
    """A far tap whose service consumes on channel 1."""

    def __init__(self, loop: asyncio.AbstractEventLoop, rule: Rule) -> None:
        self.sink = HoldingSink(loop)
        self.wire = Wire(amqp.session(tap(self.sink, at="far")))
        self.wire.ask(b.HELLO + b.consume(1, "jobs"))
        self.wire.reply(b.opened(1) + b.consume_ok(1))
        self.sink.book.arm(rule)

    def steps(self, data: bytes) -> list[Step]:
        return list(self.wire.session.from_target(data))

    def bytes(self, data: bytes) -> bytes:
        return b"".join(step for step in self.steps(data) if isinstance(step, bytes))


def later(steps: list[Step]) -> bytes:
    """Return what comes of the one step that waits."""
    (one,) = [step for step in steps if isinstance(step, Later)]
    return b"".join(step for step in one.then() if isinstance(step, bytes))


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    yield made
    made.close()


def test_what_is_held_comes_once_under_the_next_tag(loop: asyncio.AbstractEventLoop) -> None:
    far = Far(loop, HELD)
    held = far.steps(b.deliver(1, 1, BODY))
    assert far.bytes(b.deliver(1, 2, b"other")) == b.deliver(1, 1, b"other")
    assert later(held) == b.deliver(1, 2, BODY)
    assert later(held) == b""


@pytest.mark.parametrize("end", [b.channel_close(1), b.connection_close()], ids=["channel", "connection"])
def test_what_is_held_does_not_come_where_nobody_takes_it(loop: asyncio.AbstractEventLoop, end: bytes) -> None:
    far = Far(loop, HELD)
    held = far.steps(b.deliver(1, 1, BODY))
    far.steps(end)
    assert later(held) == b""


def test_what_waits_to_be_reordered_comes_before_its_consumer_hears_that_it_gets_no_more(loop: asyncio.AbstractEventLoop) -> None:
    far = Far(loop, WINDOW)
    waiting = far.steps(b.deliver(1, 1, BODY))
    assert far.bytes(b.method(1, spec.Basic.CancelOk(consumer_tag="c2"))) == b.method(1, spec.Basic.CancelOk(consumer_tag="c2"))
    cancelled = b.method(1, spec.Basic.CancelOk(consumer_tag="c1"))
    assert far.bytes(cancelled) == b.deliver(1, 1, BODY) + cancelled
    assert later(waiting) == b""


def test_what_waits_to_be_reordered_is_the_brokers_again_when_it_is_recovered(loop: asyncio.AbstractEventLoop) -> None:
    far = Far(loop, WINDOW)
    waiting = far.steps(b.deliver(1, 1, BODY))
    recover = b.method(1, spec.Basic.Recover(requeue=True))
    assert far.wire.ask(recover) == recover
    assert later(waiting) == b""


def test_a_window_that_its_rule_cannot_fill_any_more_is_let_go_in_order(loop: asyncio.AbstractEventLoop) -> None:
    far = Far(loop, Rule(id="f1", name="reordered", link=LINK, window=3, times=2))
    far.steps(b.deliver(1, 1, BODY))
    assert far.bytes(b.deliver(1, 2, b"other")) == b.deliver(1, 1, BODY) + b.deliver(1, 2, b"other")
    assert far.sink.of("bit") == []


def test_of_an_odd_window_the_middle_keeps_its_place(loop: asyncio.AbstractEventLoop) -> None:
    far = Far(loop, WINDOW)
    far.steps(b.deliver(1, 1, b"1") + b.deliver(1, 2, b"2"))
    assert far.bytes(b.deliver(1, 3, b"3")) == b.deliver(1, 1, b"3") + b.deliver(1, 2, b"2") + b.deliver(1, 3, b"1")
    assert len(far.sink.of("bit")) == 2


def test_a_message_too_long_to_be_kept_has_its_tag_right(loop: asyncio.AbstractEventLoop) -> None:
    far = Far(loop, LOST)
    assert far.bytes(b.deliver(1, 1, BODY)) == b""
    given, wanted = (b.deliver(1, tag, b"") for tag in (2, 1))
    size = (16 * 1024 * 1024 + 1).to_bytes(8, "big")
    assert far.bytes(given[:-11] + size + given[-3:]) == wanted[:-11] + size + wanted[-3:]


def test_a_channel_that_is_opened_anew_counts_anew(loop: asyncio.AbstractEventLoop) -> None:
    far = Far(loop, LOST)
    far.steps(b.deliver(1, 1, BODY) + b.channel_close(1))
    far.wire.ask(b.closed(1))
    assert far.bytes(b.opened(1) + b.deliver(1, 1, BODY)) == b.opened(1) + b.deliver(1, 1, BODY)


def test_a_message_asked_for_is_given_under_the_tag_that_is_next(loop: asyncio.AbstractEventLoop) -> None:
    far = Far(loop, LOST)
    far.steps(b.deliver(1, 1, BODY))
    far.wire.ask(b.method(1, spec.Basic.Get(queue="jobs")))
    got = [
        b.method(1, spec.Basic.GetOk(delivery_tag=tag, redelivered=False, exchange="", routing_key="jobs", message_count=0))
        for tag in (1, 2)
    ]
    assert far.bytes(got[1] + b.content(1, BODY)) == got[0] + b.content(1, BODY)
    assert far.wire.ask(b.reject(1, 1)) == b.reject(1, 2)
