"""Connections whose target is a resource of the harness: its terminal is their far side."""

from collections.abc import Callable, Iterator

import pytest

from harness.history.events import Event
from harness.wire.streams import Close, Ending, Step, Tap
from tests.wire.links import Road, received


class Echo:
    """A resource that says everything back, ends on `bye`, resets on `rst`, and breaks on `bug`."""

    def __init__(self, tap: Tap) -> None:
        self.tap = tap

    def received(self, data: bytes) -> Iterator[Step]:
        if data == b"bug":
            message = "a defect"
            raise ValueError(message)
        yield b"got "
        if data in (b"bye", b"rst"):
            yield Close(rst=data == b"rst", answer=b"last words")
        yield data

    def ended(self, how: Ending) -> None:
        self.tap.recorder.record(Event(kind="noticed", at="resource", conn=self.tap.conn, how=how))


def test_a_resource_is_its_own_far_side(make_road: Callable[..., Road]) -> None:
    road = make_road(Echo)
    service = road.call()
    service.sendall(b"hello")
    assert received(service, 9) == b"got hello"
    service.close()
    assert road.until("closed", "resource").how == "fin"
    assert road.until("noticed", "resource").how == "fin"
    assert {event.conn for event in road.sink.events} == {1}


def test_a_session_that_closes_says_its_last_words_first(make_road: Callable[..., Road]) -> None:
    road = make_road(Echo)
    service = road.call()
    service.sendall(b"bye")
    assert received(service, 99) == b"got last words"


def test_a_session_may_close_with_a_reset(make_road: Callable[..., Road]) -> None:
    road = make_road(Echo)
    service = road.call()
    service.sendall(b"rst")
    with pytest.raises(ConnectionResetError):
        received(service, 99)


def test_a_defect_of_a_session_is_a_gap_and_a_reset(make_road: Callable[..., Road]) -> None:
    road = make_road(Echo)
    service = road.call()
    service.sendall(b"bug")
    with pytest.raises(ConnectionResetError):
        received(service, 1)
    assert road.until("gap", "resource").data == {"reason": "ValueError in the decoder: a defect"}
