"""Which event is a moment, and what its bytes wait for."""

import asyncio

import pytest

from harness.history.events import Event
from harness.model import Moment
from harness.recorder.moments import Moments, points

EVENTS = [
    (Event(kind="acknowledged", at="far", queue="q"), [("q", "sent")]),
    (Event(kind="acknowledged", at="harness", queue="q"), [("q", "sent")]),
    (Event(kind="acknowledged", at="near", queue="q"), []),
    (Event(kind="attempted", at="far", queue="q", data={"unconfirmed": True}), [("q", "sent")]),
    (Event(kind="attempted", at="far", queue="q", data={"exchange": ""}), []),
    (Event(kind="attempted", at="near", queue="q", data={"unconfirmed": True}), []),
    (Event(kind="delivered", at="near", queue="q"), [("q", "delivered")]),
    (Event(kind="delivered", at="far", queue="q"), []),
    (Event(kind="settled", at="far", queue="q", wire="Basic.Ack", how="ack"), [("q", "settled")]),
    (Event(kind="settled", at="near", queue="q", wire="Basic.Ack", how="ack"), []),
    (Event(kind="settled", at="far", queue="q", wire="DeleteMessage", how="delete"), []),
    (Event(kind="confirmed", at="far", queue="q", wire="DeleteMessage", how="delete", ok=True), [("q", "settled")]),
    (Event(kind="confirmed", at="far", queue="q", wire="DeleteMessage", how="delete", ok=False), []),
    (Event(kind="confirmed", at="far", queue="q", how="visibility", ok=True), []),
    (Event(kind="requested", at="resource", link="a->tcs"), [("tcs", "requested")]),
    (Event(kind="requested", at="resource", link="a->tcs", ok=False), []),
    (Event(kind="requested", at="near", link="a->tcs"), []),
    (Event(kind="effected", at="resource", link="a->tcs"), [("tcs", "effected")]),
    (Event(kind="answered", at="near", link="a->tcs"), [("tcs", "answered")]),
    (Event(kind="answered", at="resource", link="a->tcs"), []),
    (Event(kind="exited", service="a"), [("a", "exited")]),
    (Event(kind="noticed"), []),
]


@pytest.mark.parametrize(("event", "expected"), EVENTS, ids=[str(number) for number in range(len(EVENTS))])
def test_an_event_is_the_moments_it_can_be_named_by(event: Event, expected: list[tuple[str, str]]):
    assert list(points(event)) == expected


def sent(key: str = "") -> Event:
    return Event(kind="acknowledged", at="harness", queue="q", key=key)


class Fired(list[str]):
    def __call__(self, watch: str, event: Event) -> None:
        self.append(f"{watch} {event.kind}")


@pytest.fixture
def fired() -> Fired:
    return Fired()


@pytest.fixture
def loop():
    made = asyncio.new_event_loop()
    yield made
    made.close()


def test_the_nth_event_is_held_until_its_release(loop: asyncio.AbstractEventLoop, fired: Fired):
    moments = Moments(loop, fired)
    moments.watch("w1", Moment("q", "sent", 2))
    first, second, third = (moments.happened(sent()) for _ in range(3))
    assert first is None
    assert third is None
    assert fired == ["w1 acknowledged"]
    assert second is not None
    assert not second.done.done()
    moments.release("w1")
    assert second.done.done()


def test_a_moment_of_one_message_counts_only_that_message(loop: asyncio.AbstractEventLoop, fired: Fired):
    moments = Moments(loop, fired)
    moments.watch("w1", Moment("q", "sent", key="7"))
    held = [moments.happened(sent(key)) is not None for key in ("6", "7", "7")]
    assert held == [False, True, False]


def test_what_two_moments_hold_waits_for_both(loop: asyncio.AbstractEventLoop, fired: Fired):
    moments = Moments(loop, fired)
    moments.watch("w1", Moment("q", "sent"))
    moments.watch("w2", Moment("q", "sent", key="7"))
    hold = moments.happened(sent("7"))
    assert sorted(fired) == ["w1 acknowledged", "w2 acknowledged"]
    assert hold is not None
    moments.release("w1")
    assert not hold.done.done()
    moments.release("w2")
    assert hold.done.done()


def test_a_moment_that_has_passed_is_reported_at_once(loop: asyncio.AbstractEventLoop, fired: Fired):
    moments = Moments(loop, fired)
    moments.happened(sent())
    moments.watch("w1", Moment("q", "sent"))
    assert fired == ["w1 fault"]
    assert moments.happened(sent()) is None


def test_what_is_not_watched_any_more_is_neither_reported_nor_held(loop: asyncio.AbstractEventLoop, fired: Fired):
    moments = Moments(loop, fired)
    moments.watch("w1", Moment("q", "sent"))
    moments.watch("w2", Moment("q", "sent", 2))
    hold = moments.happened(sent())
    moments.unwatch("w1")
    assert hold is not None
    assert hold.done.done()
    moments.unwatch("w2")
    assert moments.happened(sent()) is None
    moments.watch("w3", Moment("q", "sent", 3))
    last = moments.happened(sent())
    moments.release_all()
    assert last is not None
    assert last.done.done()
