"""What is put off is recorded before all that comes after it, with the time at which it passed."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.history.events import Event, Header
from harness.model import Moment
from harness.recorder.backlog import MOST, SLICE, Backlog
from harness.recorder.world import RecordedWorld


def told(tmp_path: Path, act: Callable[[RecordedWorld, Callable[[str], bool]], None]) -> list[dict[str, Any]]:
    """Return the journal of a world in which `act(world, pass_)` happened; `pass_(key)` puts an acknowledgement off."""

    async def play() -> None:
        world = RecordedWorld(
            Header(sandbox="h1", started=""), tmp_path / "journal.jsonl", lambda _, event: seen.append(event.how)
        )

        def take(data: bytes, t: float) -> None:
            world.record(Event(kind="acknowledged", at="far", queue="jobs", key=data.decode(), t=t))

        act(world, lambda key: world.later(take, key.encode()))
        world.close()

    seen: list[str] = []
    asyncio.run(play())
    _, *events = map(json.loads, (tmp_path / "journal.jsonl").read_text().splitlines())
    return [*events, *({"fired": how} for how in seen)]


def test_what_was_put_off_comes_before_what_is_recorded_after_it(tmp_path: Path) -> None:
    def act(world: RecordedWorld, pass_: Callable[[str], bool]) -> None:
        pass_("1")
        pass_("2")
        world.record(Event(kind="started", service="a"))
        pass_("3")

    events = told(tmp_path, act)
    assert [(event["n"], event.get("key", "")) for event in events] == [(1, "1"), (2, "2"), (3, ""), (4, "3")]
    assert sorted(event["t"] for event in events) == [event["t"] for event in events]


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

    def act(world: RecordedWorld, pass_: Callable[[str], bool]) -> None:
        pass_("1")
        ask(world)
        numbers.append(world.counts())

    events = told(tmp_path, act)
    assert numbers == [{"jobs.sent": 1}]
    assert events[0]["key"] == "1"


def test_a_moment_that_passed_and_is_not_recorded_yet_has_happened(tmp_path: Path) -> None:
    def act(world: RecordedWorld, pass_: Callable[[str], bool]) -> None:
        pass_("1")
        world.watch("w1", Moment("jobs", "sent").to_json())

    assert told(tmp_path, act)[1:] == [{"fired": "late"}]


def test_nothing_is_put_off_while_a_moment_is_watched(tmp_path: Path) -> None:
    answers = []

    def act(world: RecordedWorld, pass_: Callable[[str], bool]) -> None:
        world.watch("w1", Moment("jobs", "sent", 2).to_json())
        answers.append(pass_("1"))
        world.unwatch("w1")
        answers.append(pass_("2"))

    assert [event["key"] for event in told(tmp_path, act)] == ["2"]
    assert answers == [False, True]


def test_it_is_worked_off_in_slices_between_which_the_loop_goes_on() -> None:
    async def play() -> list[str]:
        loop = asyncio.get_running_loop()
        backlog, seen, over = Backlog(loop), list[str](), loop.create_future()

        def take(data: bytes, _: float) -> None:
            seen.append("taken")
            if data == b"last":
                over.set_result(None)
            else:
                loop.call_soon(seen.append, "other")

        for _number in range(2):
            backlog.put(take, bytes(SLICE), 0.0)
        backlog.put(take, b"last", 0.0)
        await over
        return seen

    assert asyncio.run(play()) == ["taken", "other", "taken", "other", "taken"]


def test_more_than_may_wait_is_recorded_at_once() -> None:
    async def play() -> list[int]:
        backlog, seen = Backlog(asyncio.get_running_loop()), list[int]()

        def take(data: bytes, _: float) -> None:
            backlog.settle()  # whoever records asks for this: what is going on is not begun again
            seen.append(len(data))

        backlog.put(take, bytes(MOST), 0.0)
        before = list(seen)
        backlog.put(take, b"x", 0.0)
        return [len(before), *seen]

    assert asyncio.run(play()) == [0, MOST, 1]
