"""What a tap notices of weather that only Toxiproxy makes: bytes that are late, ends that come late."""

from collections.abc import Callable

import pytest

from harness.history.events import Event
from harness.wire.weather import Course, Weather
from tests.wire.taps import CollectingSink


def weather(name: str, **more: object) -> Weather:
    return Weather(id="f1", name=name, link="", **more)  # type: ignore[arg-type]


def noticed(course: Callable[[CollectingSink, list[float]], None], monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    """Return what a course noticed, told with a clock of the test's own."""
    sink, clock = CollectingSink(), [0.0]
    monkeypatch.setattr("harness.wire.weather._now", lambda: clock[0])
    course(sink, clock)
    return sink.of("bit")


def road_to(sink: CollectingSink, *weathers: Weather) -> Course:
    course = Course("answer", "writer->tcs", 7, sink, leaves="far", comes="near")
    course.weathers = weathers
    return course


@pytest.mark.parametrize(("took", "bits"), [(0.09, 0), (0.35, 0), (0.41, 1)])
def test_bytes_are_late_by_a_bandwidth_by_most_of_what_they_should_take(
    monkeypatch: pytest.MonkeyPatch, took: float, bits: int
) -> None:
    def told(sink: CollectingSink, clock: list[float]) -> None:
        course = road_to(sink, weather("bandwidth", bytes_per_second=1000))
        course.left(500, 500)
        clock[0] = took / 2
        course.came(200)
        clock[0] = took
        course.came(500)

    assert len(noticed(told, monkeypatch)) == bits


def test_a_moment_is_not_felt(monkeypatch: pytest.MonkeyPatch) -> None:
    def told(sink: CollectingSink, clock: list[float]) -> None:
        course = road_to(sink, weather("bandwidth", bytes_per_second=100_000))
        course.left(500, 500)
        clock[0] = 0.05
        course.came(500)

    assert noticed(told, monkeypatch) == []


def test_what_left_in_one_piece_and_came_in_several_is_noticed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def told(sink: CollectingSink, clock: list[float]) -> None:
        course = road_to(sink, weather("sliced", bytes=10), Weather(id="f2", name="bandwidth", link="", bytes_per_second=1))
        course.left(100, 100)  # what has left before is in the total
        course.left(130, 30)
        course.left(140, 10)
        for total in (100, 110, 120, 133, 140):
            course.came(total)

    (bit,) = noticed(told, monkeypatch)
    assert (bit.fault, bit.at, bit.conn, bit.data) == ("f1", "near", 7, {"side": "answer", "bytes": 30})


@pytest.mark.parametrize(("seconds", "bits"), [(1.0, 0), (0.6, 1)])
def test_an_end_is_late_by_most_of_what_it_should_take(monkeypatch: pytest.MonkeyPatch, seconds: float, bits: int) -> None:
    def told(sink: CollectingSink, clock: list[float]) -> None:
        course = road_to(sink, weather("slow_close", seconds=seconds))
        course.ended()
        clock[0] = 0.5
        course.ended()
        course.end_came()

    assert len(noticed(told, monkeypatch)) == bits


def test_an_end_that_nobody_sent_is_not_late(monkeypatch: pytest.MonkeyPatch) -> None:
    def told(sink: CollectingSink, _: list[float]) -> None:
        road_to(sink, weather("slow_close", seconds=1)).end_came()

    assert noticed(told, monkeypatch) == []
