"""What `inject` refuses: places that do not exist, and what the wire there cannot carry out; nothing of such a call begins."""

import pytest

from harness.errors import UsageError
from harness.faults import kill, latency, outage, shortened
from harness.faults.schedule import Schedule
from harness.model import Fault, Link, Moment
from tests.faults.recording import TCS, RecordingHands

FIRST = Moment("jobs", "delivered")
TENTH = Moment("tcs", "answered", 10)


@pytest.fixture
def hands() -> RecordingHands:
    return RecordingHands()


@pytest.fixture
def schedule(hands: RecordingHands) -> Schedule:
    return Schedule(hands)


def test_unknown_links_are_refused_with_those_there_are(schedule: Schedule, hands: RecordingHands):
    with pytest.raises(UsageError, match="there is no link writer->tsc; there are: writer->tcs, writer->rabbitmq"):
        schedule.inject(outage(TCS), outage(Link("writer", "tsc")))
    assert hands.acts == []


def test_what_a_wire_cannot_carry_out_is_refused_before_anything_begins():
    hands = RecordingHands(fails=["support shortened"])
    schedule = Schedule(hands)
    with pytest.raises(UsageError, match="shortened on writer->tcs: there is no such thing here"):
        schedule.inject(outage(TCS), shortened(TCS, 2, begins=FIRST))
    assert hands.acts == []
    assert schedule.standing() == ()


def test_unknown_victims_are_refused_with_those_there_are(schedule: Schedule, hands: RecordingHands):
    with pytest.raises(UsageError, match="there is no 'reader' that could be killed; there are: writer"):
        schedule.inject(kill("reader"))
    assert hands.acts == []


def test_unknown_faults_are_refused_with_those_there_are(schedule: Schedule):
    with pytest.raises(UsageError, match=r"there is no fault 'flood'; harness\.faults has: outage, latency, kill, altered"):
        schedule.inject(Fault("flood", link=TCS))


def test_unknown_things_in_a_moment_are_refused_and_nothing_is_left(schedule: Schedule, hands: RecordingHands):
    with pytest.raises(UsageError, match="there is no 'tsc'"):
        schedule.inject(latency(TCS, 1, begins=FIRST), outage(TCS), outage(TCS, begins=TENTH & Moment("tsc", "answered")))
    assert [one.state for one in schedule.standing()] == ["cancelled", "cancelled", "cancelled"]
    assert hands.watched == {}
    assert hands.acts == ["injected f1", "injected f2", "injected f3"]
