"""AMQP recorded after it has passed: the same story, also where rules and garbled bytes come between."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from pika import spec

from harness.clock import now
from harness.wire import amqp
from harness.wire.rules import Rule, RuleBook
from harness.wire.streams import Note
from tests.wire import amqp_bytes as b
from tests.wire.amqp_bytes import BODY, KEYED
from tests.wire.taps import CollectingSink, Wire, tap


class Deferring(CollectingSink):
    """A recorder that records only when it has to."""

    def __init__(self) -> None:
        super().__init__(queues=KEYED)
        self.waiting: list[Callable[[], object]] = []
        self.notes: list[Note] = []
        self._is_reading = False

    def later(self, take: Callable[[bytes, float], None], data: bytes, t: float) -> bool:
        self.waiting.append(partial(self._read, partial(take, data, float(len(self.waiting)))))
        return True

    def _read(self, take: Callable[[], None]) -> None:
        self._is_reading = True
        take()
        self._is_reading = False

    def note(self, note: Note, size: int) -> None:
        self.notes.append(note)
        tell = partial(super().note, note, size)
        if self._is_reading:
            tell()
        else:
            self.waiting.append(tell)

    def settle(self) -> None:
        waiting, self.waiting = self.waiting, []
        for one in waiting:
            one()


def deferred(at: str = "near", *rules: Rule, book: RuleBook | None = None) -> tuple[Deferring, Wire]:
    sink = Deferring()
    return sink, Wire(amqp.session(tap(sink, *rules, at=at, book=book)))  # type: ignore[arg-type]


NEVER = Rule(id="f9", name="altered", link="writer->tcs", key="never", attributes={"a": "1"})
"""Makes the far tap read at once: what the service sends after it has gone on, what the broker sends before."""


def test_what_passed_is_read_later_with_the_time_it_passed() -> None:
    sink, one = deferred()
    one.ask(b.HELLO + b.select(1))
    one.ask(b.publish(1, "jobs", BODY))
    one.reply(b.ack(1, 1))
    assert (sink.events, sink.notes) == ([], [])
    sink.settle()
    assert sink.story("kind", "key") == [("attempted", "p-1"), ("acknowledged", "p-1")]
    assert [note.t for note in sink.notes] == [1.0, 2.0]


def test_what_passed_under_a_rule_waits_as_notes() -> None:
    sink, one = deferred("far", NEVER)
    began = now()
    one.ask(b.HELLO + b.select(1) + b.publish(1, "jobs", BODY))
    one.reply(b.ack(1, 1))
    assert sink.events == []
    assert began <= sink.notes[0].t <= sink.notes[1].t <= now()
    sink.settle()
    assert sink.story("kind", "key") == [("attempted", "p-1"), ("acknowledged", "p-1")]


def test_a_rule_finds_all_that_passed_before_it_was_armed() -> None:
    book = RuleBook()
    sink, one = deferred("far", book=book)
    one.ask(b.HELLO + b.select(1) + b.publish(1, "jobs", BODY))
    book.arm(Rule(id="f1", name="answer_lost", link="writer->tcs"))
    assert one.reply(b.ack(1, 1)) == b""
    sink.settle()
    assert sink.story("kind", "key") == [("attempted", "p-1"), ("acknowledged", "p-1"), ("bit", "p-1")]


@pytest.mark.parametrize("rules", [(), (NEVER,)], ids=["later", "noted"])
def test_a_message_that_cannot_be_read_is_a_gap_and_nothing_of_its_connection_follows(rules: tuple[Rule, ...]) -> None:
    sink, one = deferred("far", *rules)
    garbled = b.publish(1, "jobs", BODY).replace(b"\x04jobs", b"\x09jobs")
    one.ask(b.HELLO + b.select(1) + b.publish(1, "jobs", BODY) + garbled + b.publish(1, "jobs", BODY))
    one.reply(b.ack(1, 3, multiple=True) + b.channel_close(1))
    one.ask(b"GET / HTTP/1.1")
    sink.settle()
    assert sink.story("kind", "key") == [("attempted", "p-1"), ("gap", "")]
    assert one.ask(b"more") == b"more"


@pytest.mark.parametrize("rules", [(), (NEVER,)], ids=["later", "noted"])
def test_what_was_read_before_garbled_bytes_is_still_told(rules: tuple[Rule, ...]) -> None:
    sink, one = deferred("far", *rules)
    one.ask(b.HELLO + b.publish(1, "jobs", BODY) + b"GET / HTTP/1.1")
    one.reply(b.channel_close(1))
    sink.settle()
    assert sink.story("kind", "key") == [("attempted", "p-1"), ("gap", "")]


def test_a_consumer_that_has_passed_is_known_to_who_asks() -> None:
    sink, one = deferred()
    one.ask(b.HELLO + b.consume(1, "jobs"))
    one.reply(b.consume_ok(1))
    session: Any = one.session
    assert session.carries("Basic.Consume")
    assert sink.story("kind", "queue") == [("subscribed", "jobs")]


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
