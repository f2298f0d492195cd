"""What is put off is recorded before all that comes after it, with the time at which it passed."""

import asyncio
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop

from harness.clock import now
from harness.history.events import Event, Header
from harness.model import Moment
from harness.recorder import backlog
from harness.recorder.backlog import LEAST, MANY, MOST, Backlog
from harness.recorder.world import RecordedWorld


class Acknowledged:
    """A note of a tap."""

    def __init__(self, key: str) -> None:
        self.t = now()
        self._key = key

    def event(self) -> Event | None:
        return Event(kind="acknowledged", at="far", queue="jobs", key=self._key) if self._key else None


def told(tmp_path: Path, act: Callable[[RecordedWorld, Callable[[str], None]], None]) -> list[dict[str, Any]]:
    """Return the journal of a world in which `act(world, pass_)` happened; `pass_(key)` puts an acknowledgement off."""

    async def play() -> None:
        world = RecordedWorld(
            Header(sandbox="h1", started=""), tmp_path / "journal.jsonl", lambda _, event: seen.append(event.how)
        )
        act(world, lambda key: world.note(Acknowledged(key), 1))
        world.close()

    seen: list[str] = []
    asyncio.run(play())
    _, *events = map(json.loads, (tmp_path / "journal.jsonl").read_text().splitlines())
    return [*events, *({"fired": how} for how in seen)]


def test_what_was_put_off_comes_before_what_is_recorded_after_it(tmp_path: Path) -> None:
    def act(world: RecordedWorld, pass_: Callable[[str], None]) -> None:
        pass_("1")
        pass_("2")
        world.record(Event(kind="started", service="a"))
        pass_("3")

    events = told(tmp_path, act)
    assert [(event["n"], event.get("key", "")) for event in events] == [(1, "1"), (2, "2"), (3, ""), (4, "3")]
    assert sorted(event["t"] for event in events) == [event["t"] for event in events]


def test_bytes_that_are_read_later_are_recorded_with_the_time_they_passed_and_in_their_place(tmp_path: Path) -> None:
    answers = []

    def act(world: RecordedWorld, pass_: Callable[[str], None]) -> None:
        def take(data: bytes, t: float) -> None:
            world.settle()  # what is going on is not begun again
            for key in data.decode():
                world.record(Event(kind="acknowledged", key=key, t=t))

        pass_("1")
        answers.append(world.later(take, b"23", now()))
        pass_("4")
        world.watch("w1", Moment("jobs", "sent", 9).to_json())
        answers.append(world.later(take, b"5", now()))

    events = told(tmp_path, act)
    assert [(event["n"], event["key"]) for event in events] == [(1, "1"), (2, "2"), (3, "3"), (4, "4")]
    assert events[0]["t"] <= events[1]["t"] == events[2]["t"] <= events[3]["t"]
    assert answers == [True, False]


def test_a_note_of_which_nothing_comes_has_no_number(tmp_path: Path) -> None:
    def act(_: RecordedWorld, pass_: Callable[[str], None]) -> None:
        pass_("")
        pass_("1")

    assert [(event["n"], event["key"]) for event in told(tmp_path, act)] == [(1, "1")]


@pytest.mark.parametrize(
    "ask",
    [
        lambda world: world.counts(),
        lambda world: world.flush(),
        lambda world: world.declare({"what": "queue", "broker": "rabbitmq", "name": "jobs", "key": "/id"}),
        lambda world: world.arm({"id": "f1", "name": "altered", "link": "a->b"}),
    ],
    ids=["counts", "flush", "declare", "arm"],
)
def test_who_asks_is_told_of_all_that_has_passed(tmp_path: Path, ask: Callable[[RecordedWorld], object]) -> None:
    numbers = []

    def act(world: RecordedWorld, pass_: Callable[[str], None]) -> None:
        pass_("1")
        ask(world)
        numbers.append(world.counts())

    events = told(tmp_path, act)
    assert numbers == [{"jobs.sent": 1}]
    assert events[0]["key"] == "1"


def test_an_event_that_is_put_in_knows_its_number(tmp_path: Path) -> None:
    answers = []

    def act(world: RecordedWorld, pass_: Callable[[str], None]) -> None:
        pass_("1")
        put = world.put({"kind": "started", "service": "a"})
        with pytest.raises(StopIteration) as done:
            put.send(None)
        answers.append(done.value.value)

    events = told(tmp_path, act)
    assert answers == [{"n": 2, "t": events[1]["t"]}]


def test_a_moment_that_passed_and_is_not_recorded_yet_has_happened(tmp_path: Path) -> None:
    def act(world: RecordedWorld, pass_: Callable[[str], None]) -> None:
        pass_("1")
        world.watch("w1", Moment("jobs", "sent").to_json())

    assert told(tmp_path, act)[1:] == [{"fired": "late"}]


def test_while_a_moment_is_watched_events_are_recorded_at_once(tmp_path: Path) -> None:
    holds = []

    def act(world: RecordedWorld, _: Callable[[str], None]) -> None:
        world.watch("w1", Moment("jobs", "sent", 2).to_json())
        holds.append(bool(world.watched))
        holds.extend(world.record(Event(kind="acknowledged", at="far", queue="jobs")) is not None for _number in range(3))
        holds.append(bool(world.watched))

    assert [event.get("n", "fired") for event in told(tmp_path, act)] == [1, 2, 3, "fired"]
    assert holds == [True, False, True, False, False]


def test_it_is_worked_off_in_slices_between_which_the_loop_goes_on() -> None:
    async def play() -> list[object]:
        loop = asyncio.get_running_loop()
        seen, over = list[object](), loop.create_future()

        def take(one: object) -> None:
            seen.append("taken")
            until = now() + 0.001
            while now() < until:
                pass
            if one is last:
                over.set_result(None)
            else:
                loop.call_soon(seen.append, "other")

        backlog, last = Backlog(loop, take), Event(kind="ready")
        for one in (Event(kind="started"), Event(kind="started"), last):
            backlog.put(one, 0)
        await over
        return seen

    assert asyncio.run(play()) == ["taken", "other", "taken", "other", "taken"]


@pytest.mark.parametrize(("size", "at_once"), [(0, 5), (MANY, 20)], ids=["few", "many"])
def test_where_many_wait_more_are_taken_in_one_go(monkeypatch: pytest.MonkeyPatch, size: int, at_once: int) -> None:
    ticks = itertools.count()
    monkeypatch.setattr(backlog, "now", lambda: next(ticks) * 10e-6)

    async def play() -> int:
        loop = asyncio.get_running_loop()
        taken = list[object]()
        first: asyncio.Future[int] = loop.create_future()

        def take(one: object) -> None:
            if not taken:
                loop.call_soon(lambda: first.set_result(len(taken)))
            taken.append(one)

        waiting = Backlog(loop, take)
        waiting.put(Event(kind="started"), size)
        for _ in range(40):
            waiting.put(Event(kind="ready"), 0)
        return await first

    assert abs(asyncio.run(play()) - at_once) <= 1


def test_more_than_may_wait_is_recorded_at_once() -> None:
    async def play() -> list[int]:
        taken = list[object]()
        backlog = Backlog(asyncio.get_running_loop(), taken.append)
        backlog.put(Event(kind="started"), MOST - LEAST)
        before = len(taken)
        backlog.put(Event(kind="ready"), 0)
        backlog.settle()
        return [before, len(taken)]

    assert asyncio.run(play()) == [0, 2]


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_a_pause_is_never_too_short(tmp_path: Path, loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """Timers of uvloop count whole milliseconds, also from the middle of one."""

    async def play() -> list[float]:
        world, early = RecordedWorld(Header(sandbox="h1", started=""), tmp_path / "journal.jsonl", lambda *_: None), []
        for _ in range(30):
            began = now()
            await world.pause(0.0034).done
            early.append(0.0034 - (now() - began))
        world.close()
        return early

    with asyncio.Runner(loop_factory=loop) as runner:
        early = runner.run(play())
    assert max(early) <= 0
