"""When faults begin and end, told by hands that write down what they were told and by real timers."""

import json
import threading

import pytest

from harness.errors import HarnessError, UsageError
from harness.faults import altered, answer_lost, kill, latency, outage
from harness.faults.hands import Hands
from harness.faults.schedule import Schedule
from harness.model import Fault, Moment
from tests.faults.recording import BROKER, TCS, RecordingHands

FIRST = Moment("jobs", "delivered")
TENTH = Moment("tcs", "answered", 10)
DOWN = [f"refuse {TCS}", f"disable {TCS}"]
UP = [f"enable {TCS}", f"accept {TCS}"]


@pytest.fixture
def hands() -> RecordingHands:
    return RecordingHands()


@pytest.fixture
def schedule(hands: RecordingHands) -> Schedule:
    protocol: Hands = hands
    return Schedule(protocol)


def states(schedule: Schedule) -> list[str]:
    return [standing.state for standing in schedule.standing()]


def test_a_fault_without_moment_is_in_place_when_inject_returns(schedule: Schedule, hands: RecordingHands):
    assert schedule.inject(outage(TCS)) == ("f1",)
    assert hands.acts == ["injected f1", "began f1", *DOWN]
    assert hands.timers == []
    schedule.heal()
    assert hands.since(4) == [*UP, "ended f1"]
    assert states(schedule) == ["ended"]


@pytest.mark.parametrize(
    ("fault", "begun", "over"),
    [
        (latency(TCS, 2.5), f"latency {TCS} 2.5", f"no latency {TCS}"),
        (latency(TCS, 2.5, jitter=0.5), f"latency {TCS} 2.5 +-0.5", f"no latency {TCS}"),
        (latency(BROKER, 2.5, key="42"), "arm f1", "disarm f1"),
        (answer_lost(TCS, times=1), "arm f1", "disarm f1"),
        (altered(TCS, drop=("JavaType",)), "arm f1", "disarm f1"),
        (kill("writer"), "kill writer KILL", "restart writer"),
        (kill("writer", signal="TERM"), "kill writer TERM", "restart writer"),
    ],
    ids=str,
)
def test_each_fault_does_its_own_and_takes_it_back(
    schedule: Schedule, hands: RecordingHands, fault: Fault, begun: str, over: str
):
    schedule.inject(fault)
    schedule.heal()
    assert hands.acts == ["injected f1", "began f1", begun, over, "ended f1"]


def test_the_journal_says_what_was_injected_and_with_which_call(schedule: Schedule, hands: RecordingHands):
    schedule.inject(outage(TCS), latency(BROKER, 1))
    schedule.inject(kill("writer"))
    data = {event.fault: event.data for event in hands.events if event.how == "injected"}
    assert data == {
        "f1": {"fault": "outage", "link": "writer->tcs", "code": repr(outage(TCS)), "call": 1},
        "f2": {"fault": "latency", "link": "writer->rabbitmq", "code": repr(latency(BROKER, 1)), "call": 1},
        "f3": {"fault": "kill", "victim": "writer", "code": repr(kill("writer")), "call": 2},
    }


def test_a_slow_link_and_a_slow_message_do_not_meet(schedule: Schedule, hands: RecordingHands):
    schedule.inject(latency(TCS, 1), latency(TCS, 9, times=1))
    schedule.heal()
    assert hands.since(2) == [
        "began f1", f"latency {TCS} 1", "began f2", "arm f2", f"no latency {TCS}", "ended f1", "disarm f2", "ended f2",
    ]  # fmt: skip


def test_the_journal_has_the_moment_of_a_fault_as_a_value(schedule: Schedule, hands: RecordingHands):
    moment = (FIRST | TENTH) + 5
    schedule.inject(outage(TCS, begins=moment))
    data = hands.events[0].data or {}
    assert Moment.from_json(json.loads(json.dumps(data["begins"]))) == moment


def test_a_fault_begins_while_its_moment_is_held(schedule: Schedule, hands: RecordingHands):
    schedule.inject(outage(TCS, begins=TENTH))
    assert hands.acts == ["injected f1"]
    hands.happens(TENTH)
    assert hands.since(1) == ["began f1", *DOWN]
    hands.happens(TENTH)
    assert len(hands.acts) == 4


def test_a_moment_that_has_come_begins_the_fault_at_once(schedule: Schedule, hands: RecordingHands):
    hands.happens(TENTH)
    schedule.inject(outage(TCS, begins=TENTH))
    assert states(schedule) == ["on"]


def test_both_is_when_the_last_has_come(schedule: Schedule, hands: RecordingHands):
    schedule.inject(outage(TCS, begins=FIRST & TENTH))
    hands.happens(TENTH)
    assert states(schedule) == ["waiting"]
    hands.happens(FIRST)
    assert states(schedule) == ["on"]


def test_either_is_when_the_first_has_come_and_the_other_is_awaited_no_more(schedule: Schedule, hands: RecordingHands):
    schedule.inject(outage(TCS, begins=FIRST | TENTH))
    hands.happens(TENTH)
    assert states(schedule) == ["on"]
    assert hands.watched == {}


def test_plus_is_a_timer_after_the_event(schedule: Schedule, hands: RecordingHands):
    schedule.inject(kill("writer", begins=FIRST + 60))
    assert not schedule.standing()[0].timed
    hands.happens(FIRST)
    assert schedule.standing()[0].timed
    assert states(schedule) == ["waiting"]
    assert hands.rings() == 60
    assert hands.since(1) == ["began f1", "kill writer KILL"]
    assert not schedule.standing()[0].timed


def test_moments_nest(schedule: Schedule, hands: RecordingHands):
    exited = Moment("writer", "exited")
    schedule.inject(outage(TCS, begins=((FIRST + 5) & (TENTH | exited)) + 7))
    hands.happens(exited)
    hands.happens(FIRST)
    assert hands.rings() == 5
    assert hands.rings() == 7
    assert states(schedule) == ["on"]


def test_a_duration_ends_the_fault_by_a_timer(schedule: Schedule, hands: RecordingHands):
    schedule.inject(outage(TCS, begins=TENTH, lasts=30))
    assert hands.timers == []
    hands.happens(TENTH)
    assert schedule.standing()[0].timed
    assert hands.rings() == 30
    assert hands.acts[-3:] == [*UP, "ended f1"]
    assert schedule.standing()[0] == ("f1", outage(TCS, begins=TENTH, lasts=30), 1, "ended", False)


def test_a_kill_that_ends_is_a_restart(schedule: Schedule, hands: RecordingHands):
    schedule.inject(kill("writer", lasts=5))
    assert hands.rings() == 5
    assert hands.acts[-2:] == ["restart writer", "ended f1"]


def test_a_link_is_up_again_only_when_both_outages_have_ended(schedule: Schedule, hands: RecordingHands):
    schedule.inject(outage(TCS, lasts=30), outage(TCS, lasts=60), outage(BROKER, lasts=90))
    assert hands.rings() == 30
    assert f"accept {TCS}" not in hands.acts
    assert hands.rings() == 60
    assert hands.acts[-3:] == [*UP, "ended f2"]
    assert [act for act in hands.acts if act in DOWN] == DOWN


def test_of_two_kills_the_last_to_end_restarts(schedule: Schedule, hands: RecordingHands):
    schedule.inject(kill("writer", lasts=5), kill("writer", lasts=9))
    hands.rings()
    hands.rings()
    assert hands.acts.count("restart writer") == 1


def test_of_two_latencies_the_later_injected_acts_whichever_begins_first(schedule: Schedule, hands: RecordingHands):
    schedule.inject(latency(TCS, 1, begins=FIRST), latency(TCS, 2, lasts=30))
    hands.happens(FIRST)
    hands.rings()
    schedule.heal()
    assert [act for act in hands.acts if "latency" in act] == [
        f"latency {TCS} 2", f"latency {TCS} 2", f"latency {TCS} 1", f"no latency {TCS}",
    ]  # fmt: skip


def test_heal_ends_what_is_on_and_cancels_what_has_not_begun(schedule: Schedule, hands: RecordingHands):
    schedule.inject(outage(TCS, lasts=30), latency(BROKER, 1, begins=FIRST), kill("writer", begins=TENTH + 5))
    hands.happens(TENTH)
    schedule.heal()
    assert states(schedule) == ["ended", "cancelled", "cancelled"]
    assert (hands.watched, hands.timers) == ({}, [])
    hands.happens(FIRST)
    schedule.heal()
    assert states(schedule) == ["ended", "cancelled", "cancelled"]


def test_an_end_that_rings_after_heal_does_nothing(schedule: Schedule, hands: RecordingHands):
    schedule.inject(outage(TCS, lasts=30))
    _, ring = hands.timers[0]
    schedule.heal()
    acts = list(hands.acts)
    ring()
    assert hands.acts == acts


def test_nothing_injected_is_nothing(schedule: Schedule, hands: RecordingHands):
    assert schedule.inject() == ()
    schedule.heal()
    assert hands.acts == []


def test_a_beginning_that_fails_is_recorded_and_raised_by_inject():
    hands = RecordingHands(fails=[f"disable {TCS}"])
    schedule = Schedule(hands)
    with pytest.raises(HarnessError, match="f1, outage writer->tcs lasts=30, could not begin: cannot disable writer->tcs"):
        schedule.inject(outage(TCS, lasts=30))
    assert hands.acts[-1] == "failed f1"
    assert hands.events[-1].data is not None
    assert hands.events[-1].data["reason"] == "could not begin: cannot disable writer->tcs"
    assert hands.timers == []


def test_a_beginning_that_fails_in_a_moment_surfaces_at_the_next_act():
    hands = RecordingHands(fails=["arm f1"])
    schedule = Schedule(hands)
    schedule.inject(answer_lost(TCS, begins=FIRST))
    schedule.raise_problem()
    hands.happens(FIRST)
    assert states(schedule) == ["failed"]
    with pytest.raises(
        HarnessError, match=r"answer_lost writer->tcs begins=jobs delivered \(1\), could not begin: cannot arm f1"
    ):
        schedule.raise_problem()


def test_an_end_that_fails_surfaces_too_and_the_first_problem_stays():
    hands = RecordingHands(fails=[f"enable {TCS}", "restart writer", "failed f1"])
    schedule = Schedule(hands)
    schedule.inject(outage(TCS), kill("writer"))
    with pytest.raises(HarnessError, match="f1, outage writer->tcs, could not end: cannot enable writer->tcs"):
        schedule.heal()
    assert states(schedule) == ["failed", "failed"]
    assert "f1" in str(schedule.problem())


def test_after_close_nothing_begins_or_ends(schedule: Schedule, hands: RecordingHands):
    schedule.inject(outage(TCS, lasts=30), latency(TCS, 1, begins=FIRST))
    _, ring = hands.timers[0]
    _, begin = hands.watched["w1"]
    acts = list(hands.acts)
    schedule.close()
    assert (hands.watched, hands.timers) == ({}, [])
    ring()
    begin(hands.events[0])
    assert hands.acts == acts
    with pytest.raises(UsageError, match="this sandbox is closed"):
        schedule.inject(outage(TCS))


def test_a_fault_may_begin_in_the_exit_that_another_caused(hands: RecordingHands):
    """The recorder reports `exited` from a thread of its own while the kill may still be at work."""
    exited = Moment("writer", "exited")

    class Killing(RecordingHands):
        def kill(self, victim: str, signal: str) -> None:
            super().kill(victim, signal)  # type: ignore[arg-type]
            reporter = threading.Thread(target=self.happens, args=(exited,))
            reporter.start()
            reporter.join()

    killing = Killing()
    schedule = Schedule(killing)
    schedule.inject(outage(TCS, begins=exited), kill("writer"))
    assert killing.acts == ["injected f1", "injected f2", "began f2", "kill writer KILL", "began f1", *DOWN]


def test_moments_reported_at_the_same_time_begin_each_fault_once(schedule: Schedule, hands: RecordingHands):
    moments = [Moment("jobs", "delivered", n) for n in range(1, 41)]
    either = moments[0]
    for moment in moments[1:]:
        either = either | moment
    schedule.inject(outage(TCS, begins=either), latency(TCS, 1, begins=moments[0] & moments[-1]))
    gate = threading.Barrier(len(moments))

    def report(moment: Moment) -> None:
        gate.wait()
        hands.happens(moment)

    threads = [threading.Thread(target=report, args=(moment,)) for moment in moments]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert states(schedule) == ["on", "on"]
    assert (hands.acts.count("began f1"), hands.acts.count("began f2")) == (1, 1)
