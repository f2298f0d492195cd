"""Byte-level faults and pauses as values, what each has done to its link, and which of two of a kind acts."""

import json
import math
from collections.abc import Callable
from typing import Any

import pytest

from harness import faults
from harness.errors import UsageError
from harness.faults import bandwidth, cut_short, half_open, pause, reset, sliced, slow_close, timeout
from harness.faults.schedule import Schedule
from harness.faults.weather import TOXICS
from harness.model import Fault, Link, Moment
from harness.toxiproxy.toxics import Toxic, microseconds, milliseconds
from tests.faults.recording import BROKER, TCS, RecordingHands
from tests.faults.test_values import refused

DELIVERED = Moment("jobs", "delivered")
NAMES = {**{name: getattr(faults, name) for name in faults.__all__}, "Link": Link, "Moment": Moment}
FAULTS = [
    bandwidth(TCS, 20_000, lasts=3),
    slow_close(TCS, 2.5, begins=DELIVERED),
    timeout(TCS),
    timeout(TCS, seconds=0.25, side="request", begins=DELIVERED + 1, lasts=2),
    reset(TCS, lasts=3),
    reset(TCS),
    sliced(TCS, 16),
    sliced(TCS, 1, seconds=0.01, lasts=1),
    cut_short(TCS, 0, side="request"),
    cut_short(TCS, 20, lasts=30),
    half_open(TCS),
    half_open(BROKER, on="Basic.Consume", begins=DELIVERED),
    pause("writer", begins=DELIVERED, lasts=2),
]


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_fault_is_the_code_that_makes_it_and_goes_through_json(fault: Fault):
    assert eval(repr(fault), NAMES) == fault  # noqa: S307 (our own text)
    assert Fault.from_json(json.loads(json.dumps(fault.to_json()))) == fault


def test_what_the_code_looks_like():
    assert repr(timeout(TCS, seconds=5)) == "timeout(Link('writer', 'tcs'), seconds=5, side='answer')"
    assert repr(sliced(TCS, 16)) == "sliced(Link('writer', 'tcs'), bytes=16)"
    assert repr(half_open(TCS, on="GET")) == "half_open(Link('writer', 'tcs'), on='GET')"


REFUSED: list[tuple[Callable[[], str], str]] = [
    (lambda: refused(bandwidth, TCS, 999), "at least 1000 bytes a second pass, as in bandwidth(link, 10_000)"),
    (lambda: refused(bandwidth, TCS, "fast"), "at least 1000 bytes a second pass"),
    (lambda: refused(bandwidth, "writer->tcs", 1000), "write bandwidth(service.link(thing))"),
    (lambda: refused(slow_close, TCS, 0), "write slow_close(link, 5)"),
    (lambda: refused(timeout, TCS, seconds=0), "write timeout(link, seconds=5); without seconds nothing is closed"),
    (lambda: refused(timeout, TCS, side="both"), "the sides are 'answer' (what comes back to the service) and 'request'"),
    (lambda: refused(reset, TCS, lasts=0), "reset(link, lasts=30)"),
    (lambda: refused(sliced, TCS, 0), "a piece has at least one byte"),
    (lambda: refused(sliced, TCS, 2.0), "a piece has at least one byte"),
    (lambda: refused(sliced, TCS, 2, seconds=-1), "the pause between two pieces is 0 s or more"),
    (lambda: refused(sliced, TCS, 2, seconds=math.inf), "the pause between two pieces is 0 s or more"),
    (lambda: refused(cut_short, TCS, -1), "write cut_short(link, 20)"),
    (lambda: refused(cut_short, TCS, 20, side="up"), "cut_short(link, 20, side='up'): the sides are"),
    (lambda: refused(half_open, TCS, on=""), "on is a text"),
    (lambda: refused(pause, TCS), "write pause(instance)"),
]


@pytest.mark.parametrize(
    ("attempt", "sentence"), REFUSED, ids=[f"{number} {sentence}" for number, (_, sentence) in enumerate(REFUSED)]
)
def test_what_cannot_be_meant_is_refused_with_the_call_that_is_right(attempt: Callable[[], str], sentence: str):
    assert sentence in attempt()


@pytest.mark.parametrize(
    "toxic",
    [
        Toxic("slicer", "upstream", {}),
        Toxic("slicer", "upstream", {"average_size": 0, "size_variation": 0}),
        Toxic("slicer", "upstream", {"average_size": 4, "size_variation": 5}),
        Toxic("bandwidth", "upstream", {"rate": -1}),
        Toxic("bandwidth", "upstream", {"rate": 0}),
        Toxic("latency", "downstream", {"jitter": 2**62}),
    ],
    ids=str,
)
def test_what_would_end_the_server_is_never_sent(toxic: Toxic):
    with pytest.raises(UsageError, match="Toxiproxy would not survive it"):
        toxic.check()


def test_no_fault_is_such_a_toxic():
    made = [toxic for fault in FAULTS if fault.name in TOXICS for toxic in TOXICS[fault.name](fault)]
    for toxic in made:
        toxic.check()
    assert {toxic.name for toxic in made} >= {"slicer_upstream", "bandwidth_downstream", "limit_data_upstream"}


def test_times_are_counted_as_the_server_does():
    assert (milliseconds(2.5), milliseconds(0.0001), microseconds(0.25), microseconds(0)) == (2500, 1, 250_000, 0)
    with pytest.raises(UsageError, match="more than Toxiproxy can count"):
        milliseconds(math.inf)


# ---------------------------------------------------------------------------------------------------- what is done

BOTH = ("upstream", "downstream")
DONE: list[tuple[Fault, list[str], list[str]]] = [
    (
        bandwidth(TCS, 20_400),
        [f"toxic {TCS} bandwidth_{one} {{'rate': 20}}" for one in BOTH],
        [f"no toxic {TCS} bandwidth_{one}" for one in BOTH],
    ),
    (
        slow_close(TCS, 2.5),
        [f"toxic {TCS} slow_close_{one} {{'delay': 2500}}" for one in BOTH],
        [f"no toxic {TCS} slow_close_{one}" for one in BOTH],
    ),
    (timeout(TCS), [f"toxic {TCS} timeout_downstream {{'timeout': 0}}"], [f"no toxic {TCS} timeout_downstream"]),
    (
        timeout(TCS, seconds=2, side="request"),
        [f"toxic {TCS} timeout_upstream {{'timeout': 2000}}"],
        [f"no toxic {TCS} timeout_upstream"],
    ),
    (
        sliced(TCS, 16, seconds=0.01),
        [f"toxic {TCS} slicer_{one} {{'average_size': 16, 'size_variation': 0, 'delay': 10000}}" for one in BOTH],
        [f"no toxic {TCS} slicer_{one}" for one in BOTH],
    ),
    (cut_short(TCS, 20), [f"toxic {TCS} limit_data_downstream {{'bytes': 20}}"], [f"no toxic {TCS} limit_data_downstream"]),
    (reset(TCS, lasts=3), [], []),
]


@pytest.fixture
def hands() -> RecordingHands:
    return RecordingHands()


@pytest.fixture
def schedule(hands: RecordingHands) -> Schedule:
    return Schedule(hands)


@pytest.mark.parametrize(("fault", "begun", "over"), DONE, ids=[str(fault) for fault, _, _ in DONE])
def test_the_taps_look_before_toxiproxy_acts_and_until_it_is_over(
    schedule: Schedule, hands: RecordingHands, fault: Fault, begun: list[str], over: list[str]
):
    schedule.inject(fault)
    schedule.heal()
    assert hands.acts == [
        "injected f1", "began f1", "weather f1", *begun, *over, f"no weather {TCS} f1", "ended f1",
    ]  # fmt: skip


def test_a_reset_that_does_not_last_is_over_at_once(schedule: Schedule, hands: RecordingHands):
    schedule.inject(reset(TCS))
    assert hands.acts == ["injected f1", "began f1", "weather f1", f"no weather {TCS} f1", "ended f1"]
    assert [one.state for one in schedule.standing()] == ["ended"]


def test_what_is_half_open_is_not_healed(schedule: Schedule, hands: RecordingHands):
    schedule.inject(half_open(TCS), half_open(TCS, begins=DELIVERED))
    schedule.heal()
    assert hands.acts == ["injected f1", "injected f2", "began f1", "weather f1"]
    assert [one.state for one in schedule.standing()] == ["on", "cancelled"]


def test_an_operation_that_no_connection_of_the_link_carries_is_refused(schedule: Schedule, hands: RecordingHands):
    with pytest.raises(UsageError, match=r"no connection of writer->tcs carries Basic\.Consume"):
        schedule.inject(half_open(TCS, on="Basic.Consume"))
    assert hands.acts == []


def test_of_two_of_a_kind_the_one_injected_later_acts_and_then_the_other_again(schedule: Schedule, hands: RecordingHands):
    schedule.inject(bandwidth(TCS, 1000), bandwidth(TCS, 5000, lasts=2))
    hands.rings()
    schedule.heal()
    down = [act.removeprefix(f"toxic {TCS} ") for act in hands.acts if "bandwidth_downstream" in act]
    assert down == [
        "bandwidth_downstream {'rate': 1}",
        "bandwidth_downstream {'rate': 5}",
        "bandwidth_downstream {'rate': 1}",
        f"no toxic {TCS} bandwidth_downstream",
    ]


def test_two_directions_are_two(schedule: Schedule, hands: RecordingHands):
    schedule.inject(timeout(TCS), timeout(TCS, seconds=1, side="request", lasts=2))
    hands.rings()
    acts: list[Any] = [act for act in hands.acts if act.startswith("no toxic")]
    assert acts == [f"no toxic {TCS} timeout_upstream"]


def test_a_pause_ends_when_the_last_has_ended(schedule: Schedule, hands: RecordingHands):
    schedule.inject(pause("writer", lasts=1), pause("writer", lasts=2))
    hands.rings()
    assert "resume writer" not in hands.acts
    hands.rings()
    assert hands.acts[-2:] == ["resume writer", "ended f2"]
