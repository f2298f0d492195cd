"""AMQP recorded after it has passed: the same story, also where rules and garbled bytes come between."""

import asyncio
from collections.abc import Callable

from pika import spec

from harness.wire import amqp
from harness.wire.rules import Rule, RuleBook
from tests.wire import amqp_bytes as b
from tests.wire.amqp_bytes import BODY, KEYED
from tests.wire.taps import CollectingSink, Wire, tap


class Deferring(CollectingSink):
    """A recorder that records only when it has to."""

    def __init__(self) -> None:
        super().__init__(queues=KEYED)
        self.waiting: list[tuple[Callable[[bytes, float], None], bytes, float]] = []

    def later(self, take: Callable[[bytes, float], None], data: bytes) -> bool:
        self.waiting.append((take, data, float(len(self.waiting))))
        return True

    def settle(self) -> None:
        waiting, self.waiting = self.waiting, []
        for take, data, t in waiting:
            take(data, t)


def deferred(at: str = "near", book: RuleBook | None = None) -> tuple[Deferring, Wire]:
    sink = Deferring()
    return sink, Wire(amqp.session(tap(sink, at=at, book=book)))  # type: ignore[arg-type]


def test_what_passed_is_recorded_with_the_time_it_passed() -> None:
    sink, one = deferred()
    one.ask(b.HELLO + b.select(1))
    one.ask(b.publish(1, "jobs", BODY))
    one.reply(b.ack(1, 1))
    assert sink.events == []
    sink.settle()
    assert sink.story("kind", "t", "key") == [("attempted", 1.0, "p-1"), ("acknowledged", 2.0, "p-1")]


def test_a_rule_finds_all_that_passed_before_it_was_armed() -> None:
    book = RuleBook()
    sink, one = deferred("far", book)
    one.ask(b.HELLO + b.select(1) + b.publish(1, "jobs", BODY))
    book.arm(Rule(id="f1", name="answer_lost", link="writer->tcs"))
    assert one.reply(b.ack(1, 1)) == b""
    assert sink.story("kind", "key") == [("attempted", "p-1"), ("acknowledged", "p-1"), ("bit", "p-1")]


def test_after_a_gap_what_waits_is_not_looked_at() -> None:
    sink, one = deferred()
    data = b.HELLO + b.publish(1, "jobs", BODY)
    assert (one.ask(b"GET / "), one.ask(data), one.reply(data)) == (b"GET / ", data, data)
    sink.settle()
    assert sink.story("kind") == [("gap",)]


def test_a_message_of_a_method_nobody_knows_is_none() -> None:
    sink, one = deferred()
    one.ask(b.HELLO)
    one.ask(b.method(1, spec.Basic.Qos(prefetch_count=1)) + b.content(1, BODY) + b.publish(1, "jobs", BODY))
    sink.settle()
    assert sink.story("kind", "x") == [("attempted", 1)]


def test_a_message_with_a_frame_that_ends_wrong_is_a_gap() -> None:
    sink, one = deferred()
    one.ask(b.HELLO)
    one.ask(b.publish(1, "jobs", BODY)[:-1] + b"\x00")
    sink.settle()
    assert [event.data for event in sink.events] == [{"reason": "from the service: a frame ends in 0x0, not in 0xce"}]


def test_garbled_bytes_are_a_gap_also_where_recording_comes_first() -> None:
    sink = CollectingSink(queues=KEYED)
    sink.loop = asyncio.new_event_loop()
    one = b.wire(sink)
    first, second = b.HELLO + b.publish(1, "jobs", BODY), b"GET / HTTP/1.1"
    assert (one.ask(first), one.ask(second)) == (first, second)
    sink.loop.close()
    assert sink.story("kind") == [("attempted",), ("gap",)]


def test_a_route_that_is_longer_than_its_method_is_a_gap() -> None:
    sink = CollectingSink()
    data = b.publish(1, "jobs", BODY).replace(b"\x04jobs", b"\x09jobs")
    assert b.wire(sink).ask(b.HELLO + data) == b.HELLO + data
    assert [event.data for event in sink.events] == [{"reason": "from the service: a method is shorter than its routing key"}]
