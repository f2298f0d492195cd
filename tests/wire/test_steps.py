"""What a link does with steps that are no bytes: answers to the sender, and what comes later while all else goes on."""

from collections.abc import Callable, Iterator

import pytest

from harness.clock import eventually
from harness.history.events import Event
from harness.wire.rules import Rule
from harness.wire.streams import Back, Ending, Hold, Later, Side, Step
from tests.wire.links import Loop, Passing, Road, received

RULE = Rule(id="f1", name="held", link="writer->tcs")


class Acting(Passing):
    """Passes bytes on, but near `?` is answered, `h` held until the rule ends, `p` for a tenth of a second, `b` by a barrier."""

    def from_service(self, data: bytes) -> Iterator[Step]:
        for letter in map(bytes, zip(data, strict=True)):
            yield from self._near(letter) if self.tap.at == "near" else (letter,)

    def _near(self, letter: bytes) -> Iterator[Step]:
        recorder = self.tap.recorder
        if letter == b"?":
            yield Back(b"!")
        elif letter == b"h":
            yield Later(recorder.until_disarmed("f1"), lambda: iter((b"H", Back(b"h"))))
        elif letter == b"p":
            yield Later(recorder.pause(0.1), lambda: iter((b"P",)))
        elif letter == b"b":
            hold = recorder.record(Event(kind="attempted"))
            yield from (b"", b"B") if hold is None else (hold, b"B")
        else:
            yield letter

    def ended(self, by: Side, how: Ending) -> None:
        self.tap.recorder.record(Event(kind="noticed", at=self.tap.at, how=how, data={"by": by}))


@pytest.fixture
def acting(make_road: Callable[..., Road]) -> Road:
    road = make_road(session=Acting)
    road.loop.call(lambda: road.rules.arm(RULE))
    return road


def test_a_session_answers_by_itself_and_nothing_goes_on(acting: Road) -> None:
    service = acting.call()
    service.sendall(b"a?c")
    target = acting.answer()
    assert received(service, 1) == b"!"
    assert received(target, 2) == b"ac"


def test_what_comes_later_does_not_stop_what_comes_behind_it(acting: Road) -> None:
    service = acting.call()
    service.sendall(b"hpx")
    target = acting.answer()
    assert received(target, 1) == b"x"
    assert received(target, 1) == b"P"
    acting.loop.call(lambda: acting.rules.disarm("f1"))
    assert (received(target, 1), received(service, 1)) == (b"H", b"h")


def test_what_was_held_until_a_rule_ends_is_not_released_by_its_being_used_up(acting: Road) -> None:
    used = Rule(id="f1", name="held", link="writer->tcs", times=1)
    acting.loop.call(lambda: acting.rules.arm(used))
    service = acting.call()
    service.sendall(b"hx")
    target = acting.answer()
    assert received(target, 1) == b"x"
    assert acting.loop.call(lambda: acting.rules.take(used))
    assert acting.loop.call(lambda: acting.rules.armed("writer->tcs")) == ()
    service.sendall(b"y")
    assert received(target, 1) == b"y"
    acting.loop.call(lambda: acting.rules.disarm("f1"))
    assert received(target, 1) == b"H"


def test_a_rule_that_is_not_armed_holds_nothing(acting: Road) -> None:
    acting.loop.call(lambda: acting.rules.disarm("f1"))
    service = acting.call()
    service.sendall(b"h")
    assert received(acting.answer(), 1) == b"H"


def test_what_comes_later_waits_behind_a_barrier(acting: Road) -> None:
    acting.sink.holds = lambda event: event.kind == "attempted"
    service = acting.call()
    service.sendall(b"hbx")
    target = acting.answer()
    hold = eventually(lambda: next(iter(acting.sink.held), None), awaited="the barrier", within=60)
    acting.loop.call(lambda: acting.rules.disarm("f1"))
    acting.loop.call(lambda: None)
    release(acting.loop, hold)
    assert received(target, 3) == b"BxH"


def release(loop: Loop, hold: Hold | None) -> None:
    assert hold is not None
    loop.call(hold.release)


def test_nothing_comes_later_where_the_sender_has_ended(acting: Road) -> None:
    service = acting.call()
    service.sendall(b"hx")
    target = acting.answer()
    assert received(target, 1) == b"x"
    service.close()
    assert target.recv(1) == b""
    acting.until("noticed", "near")
    acting.loop.call(lambda: acting.rules.disarm("f1"))
    assert target.recv(1) == b""
    assert acting.sink.of("gap") == []
