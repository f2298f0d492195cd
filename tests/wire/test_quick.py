"""The short way of bytes that nothing holds and nothing changes: who takes it, who does not, and what comes of it."""

import asyncio
import socket
from collections.abc import Callable, Iterator

import pytest

from harness.clock import eventually, now
from harness.history.events import Event
from harness.wire import amqp, ses
from harness.wire.receipts import Receipts
from harness.wire.rules import Rule, RuleBook
from harness.wire.streams import Quick, Quickly, Side
from harness.wire.weather import Weather
from tests.wire import amqp_bytes as b
from tests.wire.links import Passing, Road, received
from tests.wire.sqs_calls import LINK, SEND, SENT, URL, call
from tests.wire.taps import CollectingSink, Wire, tap

REFUSED = call("SendMessage", {"QueueUrl": URL, "MessageBody": "x", "DelaySeconds": 901})
NEVER = Rule(id="f1", name="altered", link=LINK, key="never", attributes={"a": "1"})
PUBLISH = b.publish(1, "jobs", b.BODY)


class Hasty(Passing):
    """Passes bytes; those with a `!` in them are looked at before, the others are noticed after."""

    def quick(self, by: Side) -> Quick:
        return Quick(lambda data: b"!" not in data, self._put_off)

    def _put_off(self, data: bytes, t: float) -> None:
        assert t <= now()
        self.tap.recorder.record(Event(kind="noticed", at=self.tap.at, body=data.decode()))


def opened(road: Road) -> tuple[socket.socket, socket.socket]:
    """Open a connection that has started: something has gone over it."""
    service = road.call()
    service.sendall(b"hi")
    target = road.answer()
    assert received(target, 2) == b"hi"
    return service, target


def told(road: Road) -> list[tuple[str, str]]:
    """Return what the near tap recorded since."""
    events = road.sink.of("noticed", "attempted", "bit", at="near")
    return [(event.kind, event.body) for event in events if event.body != "hi"]


def test_what_may_pass_is_noticed_after_and_what_may_not_before(make_road: Callable[..., Road]) -> None:
    road = make_road(session=Hasty)
    service, target = opened(road)
    for said in (b"one", b"two!", b"three"):
        service.sendall(said)
        assert received(target, len(said)) == said
        target.sendall(said)
        assert received(service, len(said)) == said
    seen = [("noticed", "one")] * 2 + [("attempted", "two!")] + [("noticed", "three")] * 2
    eventually(lambda: told(road) == seen, awaited="the last answer noticed", within=10, last=lambda: told(road))


def test_what_comes_behind_a_barrier_takes_no_short_way(make_road: Callable[..., Road]) -> None:
    road = make_road(session=Hasty, direct=True)
    road.sink.holds = lambda event: event.at == "near" and event.body == "first!"
    service, target = opened(road)
    service.sendall(b"first!")
    eventually(lambda: road.sink.held, awaited="the barrier", within=10, last=lambda: told(road))
    service.sendall(b"second")
    road.loop.call(road.sink.held[0].release)
    assert received(target, 12) == b"first!second"


def lets_pass(sink: CollectingSink, *, at: str = "near", data: bytes = SEND, rules: tuple[Rule, ...] = ()) -> bool:
    session = ses.session(tap(sink, *rules, at="near" if at == "near" else "far", link=LINK))
    assert isinstance(session, Quickly)
    return session.quick("service").lets_pass(data)


@pytest.fixture
def sink() -> CollectingSink:
    made = CollectingSink(queues={"aws:mail": "/personId", "rabbitmq:jobs": "/id"})
    made.receipts = Receipts(1.0, lambda: 0.0, lambda _: None)
    return made


@pytest.fixture
def watched(sink: CollectingSink) -> Iterator[CollectingSink]:
    sink.loop = asyncio.new_event_loop()
    yield sink
    sink.loop.close()


@pytest.mark.parametrize("at", ["near", "far"])
def test_a_call_passes_unread_while_nothing_is_to_happen_to_it(sink: CollectingSink, at: str) -> None:
    assert lets_pass(sink, at=at)


@pytest.mark.parametrize("at", ["near", "far"])
def test_a_call_is_read_first_while_a_rule_is_armed(sink: CollectingSink, at: str) -> None:
    assert not lets_pass(sink, at=at, rules=(NEVER,))


def test_a_call_is_read_first_while_a_moment_is_watched(watched: CollectingSink) -> None:
    assert not lets_pass(watched)


@pytest.mark.parametrize(("at", "passes"), [("near", True), ("far", False)])
def test_a_call_that_aws_refuses_is_read_first_by_the_far_tap(sink: CollectingSink, at: str, *, passes: bool) -> None:
    assert lets_pass(sink, at=at, data=REFUSED) is passes


def test_an_answer_with_something_to_be_mended_is_read_first(sink: CollectingSink) -> None:
    book = RuleBook()
    session = ses.session(tap(sink, Rule(id="f1", name="altered", link=LINK, body="{}"), link=LINK, book=book))
    assert isinstance(session, Quickly)
    answers = session.quick("target")
    one = Wire(session)
    before = answers.lets_pass(SENT)
    one.ask(SEND)
    book.disarm("f1")
    altered = answers.lets_pass(SENT)
    one.reply(SENT)
    assert [before, altered, answers.lets_pass(SENT)] == [False, False, True]


def test_what_took_the_short_way_is_recorded(sink: CollectingSink) -> None:
    session = ses.session(tap(sink, link=LINK))
    assert isinstance(session, Quickly)
    session.quick("service").put_off(SEND, 0.5)
    session.quick("target").put_off(SENT, 0.5)
    assert sink.story("kind", "key") == [("attempted", "7"), ("acknowledged", "7"), ("answered", "")]


def test_frames_pass_unread_until_a_rule_was_armed(sink: CollectingSink) -> None:
    book = RuleBook()
    session = amqp.session(tap(sink, link=LINK, book=book))
    assert isinstance(session, Quickly)
    quick, one = session.quick("service"), Wire(session)
    before = quick.lets_pass(PUBLISH)
    quick.put_off(b.HELLO + PUBLISH, 0.5)
    book.arm(NEVER)
    armed = quick.lets_pass(PUBLISH)
    one.ask(PUBLISH)
    assert [before, armed] == [True, False]
    assert sink.story("kind", "key") == [("attempted", "p-1"), ("attempted", "p-1")]


def test_frames_are_read_first_while_a_moment_is_watched_or_nothing_is_understood(watched: CollectingSink) -> None:
    session = amqp.session(tap(watched, link=LINK))
    assert isinstance(session, Quickly)
    quick, one = session.quick("service"), Wire(session)
    assert not quick.lets_pass(PUBLISH)
    one.ask(b"GET / HTTP/1.1")
    watched.loop, loop = None, watched.loop
    assert not quick.lets_pass(PUBLISH)
    watched.loop = loop


def test_what_is_noticed_on_its_way_is_read_first(make_road: Callable[..., Road]) -> None:
    road = make_road(session=Hasty)
    service, target = opened(road)
    road.loop.call(lambda: road.link.begin(Weather(id="f1", name="timeout", link="writer->tcs", side="request")))
    service.sendall(b"one")
    assert received(target, 3) == b"one"
    road.loop.call(lambda: road.link.end("f1"))
    service.sendall(b"two")
    assert received(target, 3) == b"two"
    seen = [("attempted", "one"), ("bit", ""), ("noticed", "two")]
    eventually(lambda: told(road) == seen, awaited="the second", within=10, last=lambda: told(road))


def test_what_is_swallowed_is_read_first(make_road: Callable[..., Road]) -> None:
    road = make_road(session=Hasty)
    service, _ = opened(road)
    road.loop.call(lambda: road.link.begin(Weather(id="f1", name="half_open", link="writer->tcs")))
    service.sendall(b"one")
    road.until("bit", "near")
    assert told(road) == [("attempted", "one"), ("bit", "")]
