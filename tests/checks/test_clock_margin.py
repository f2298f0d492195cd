"""Compressed runs in which the machine came too near to the timers, as literal histories: unknown, never broken."""

from pathlib import Path

import pytest

from harness.checks import accounted, effected_once, paced, recovered
from harness.history.events import KINDS, Declaration
from harness.history.journal import Seen
from tests.histories import USUAL, done, history, over, place, rabbit, sent, sqs

HELD_UP = (rabbit(effects=(("place",),)), rabbit("later", role="retry", ttl=10.0, dead_letter="q"), place())
WELL = (sent("a"), done("a"))
TOLD = (
    "an answer (p99 of 2) took 2.1 s of the world's time and the shortest timer, ttl of later, is 10 s, less than 5 times as"
    " long; take a lower --harness-speed or a quieter machine"
)
END = "50 drained quiet", "50 closing", "50 scanned q", "50 scanned later"


def once(t: float, x: int, took: float) -> str:
    """Ask the place for something that no message is about, and get the answer so much later."""
    return f"{t} near requested x {x} conn=9\n{t + took} near answered x {x} 200 conn=9"


def asked(t: float, x: int, took: float) -> str:
    """Ask twice: one answer that is late is not what a machine usually takes."""
    return f"{once(t, x, took)}\n{once(t + took, x + 1, took)}"


@pytest.mark.parametrize(("took", "word"), [(1.9, "kept"), (2.1, "unknown")], ids=["room", "no room"])
def test_answers_need_to_be_five_times_quicker_than_the_shortest_timer(tmp_path: Path, took: float, word: str):
    told = history(tmp_path, *WELL, asked(3, 7, took), *END, world=HELD_UP, speed=20)
    verdict = accounted(told)

    assert verdict.conclusion == word
    assert word == "kept" or verdict.sentence == f"accounted: unknown: clock margin: at speed 20 {TOLD}"


@pytest.mark.parametrize(("took", "word"), [(4.9, "kept"), (5.1, "unknown")], ids=["far below", "near"])
def test_one_hiccup_far_below_the_timer_is_forgiven(tmp_path: Path, took: float, word: str):
    told = history(tmp_path, *WELL, once(3, 7, took), *END, world=HELD_UP, speed=20)

    assert accounted(told).conclusion == word


@pytest.mark.parametrize(("took", "reason"), [(4.9, False), (5.1, True)], ids=["far below", "near"])
def test_so_is_the_only_answer_there_is(tmp_path: Path, took: float, *, reason: bool):
    told = history(tmp_path, once(3, 7, took), *END, world=HELD_UP, speed=20)

    assert bool(told.ledger().margin.reason()) is reason


def test_the_same_at_speed_one_says_nothing_of_the_clock(tmp_path: Path):
    told = history(tmp_path, *WELL, asked(3, 7, 2.1), *END, world=HELD_UP)

    assert accounted(told).conclusion == "kept"


def test_what_is_broken_on_a_clock_without_room_is_unknown(tmp_path: Path):
    lines = (sent("a", "b"), done("a"), asked(3, 7, 2.1), "50 drained quiet", "50 closing", "50 scanned q", "50 scanned later")
    quick, real = tmp_path / "quick", tmp_path / "real"
    quick.mkdir()
    real.mkdir()

    assert accounted(history(quick, *lines, world=HELD_UP, speed=20)).conclusion == "unknown"
    assert accounted(history(real, *lines, world=HELD_UP)).label == "lost"


def test_an_answer_that_a_fault_held_up_is_no_measure(tmp_path: Path):
    slow = "2 fault f1 latency svc->place began code=latency(l,~seconds=5)", "3 near requested a 7", "8 near answered a 7 200"
    told = history(tmp_path, *WELL, *slow, "40 fault f1 latency svc->place ended", *END, world=HELD_UP, speed=20)

    assert not told.ledger().margin.reason()


def test_a_fault_that_only_happens_is_no_timer(tmp_path: Path):
    fault = "2 fault f1 reset svc->other began", "2.1 fault f1 reset svc->other ended"
    told = history(tmp_path, *WELL, *fault, asked(9, 7, 1.1), over(), speed=20)

    assert not told.ledger().margin.reason()


def test_a_fault_that_ends_soon_is_a_timer_too(tmp_path: Path):
    fault = "2 fault f1 outage svc->other began", "7 fault f1 outage svc->other ended"
    told = history(tmp_path, *WELL, *fault, asked(9, 7, 1.1), over(), speed=20)

    assert "the shortest timer, outage on svc->other, is 5 s" in told.ledger().margin.reason()


@pytest.mark.parametrize(
    ("spent", "after", "slow"),
    [(0.09, 3.0, False), (0.11, 3.0, True), (0.11, 1.9, False)],
    ids=["quick", "slow", "much beside its work"],
)
def test_the_work_of_a_service_needs_room_too(tmp_path: Path, spent: float, after: float, *, slow: bool):
    handled = "1 delivered q a 1:1", f"{1 + after} posted a 1", f"{1.1 + after} settled q a 1:1 ack"
    margin = history(tmp_path, sent("a"), *handled, *END, world=HELD_UP, speed=20).ledger().margin
    steps = margin.over(dict.fromkeys(KINDS, str))  # type: ignore[arg-type]  # they do nothing
    steps["drained"](Seen(kind="drained", data={"spent": {"svc": spent, "idle": 5.0, "strange": "?"}}))

    assert bool(margin.reason()) is slow
    assert not slow or "the work of svc on one delivery took 2.2 s" in margin.reason()


def test_of_a_service_that_never_acts_its_processor_time_is_all_there_is(tmp_path: Path):
    margin = history(tmp_path, sent("a"), "1 delivered q a 1:1", *END, world=HELD_UP, speed=20).ledger().margin
    margin.over(dict.fromkeys(KINDS, str))["drained"](Seen(kind="drained", data={"spent": {"svc": 0.2}}))  # type: ignore[arg-type]

    assert "the work of svc on one delivery took 4 s" in margin.reason()


def test_a_client_that_gives_up_by_itself_is_told(tmp_path: Path):
    lines = WELL[0], WELL[1], "3 near requested x 7 conn=9", "3.4 near closed svc->place 9 fin by=service"
    told = history(tmp_path, *lines, over(), speed=20)

    assert effected_once(told).conclusion == "unknown"
    assert "a client on svc->place gave up after 20 ms, though nothing held its answer" in effected_once(told).sentence


@pytest.mark.parametrize(
    "closed", ["3.4 near closed svc->place 9 fin by=target", "3.4 far closed svc->place 9 fin by=service"], ids=["target", "far"]
)
def test_a_connection_that_ends_otherwise_is_no_client_giving_up(tmp_path: Path, closed: str):
    told = history(tmp_path, *WELL, "3 near requested x 7 conn=9", closed, over(), speed=20)

    assert not told.ledger().margin.reason()


def test_a_world_without_timers_has_room(tmp_path: Path):
    told = history(tmp_path, *WELL, asked(3, 7, 2.1), over(), speed=20)

    assert accounted(told).conclusion == "kept"


def test_long_polls_are_no_measure_and_answers_without_a_question_neither(tmp_path: Path):
    poll = "3 near requested x 7 conn=9 wire=ReceiveMessage", "23 near answered x 7 200 conn=9 wire=ReceiveMessage"
    told = history(
        tmp_path, *WELL, *poll, "24 near answered x 8 200 conn=9", over(), world=(sqs(effects=(("place",),)), place()), speed=20
    )

    assert not told.ledger().margin.reason()


def test_a_service_on_the_machine_s_clock_is_not_judged_by_its_pauses(tmp_path: Path):
    world = (*USUAL, Declaration(what="service", name="svc", clock="real"))
    told = history(tmp_path, *WELL, over(), world=world, speed=20)

    assert accounted(told).conclusion == "kept"
    assert paced(told, per_second=1).sentence == (
        "paced: unknown: svc keeps the machine's clock, so at speed 20 its own pauses cannot be judged; take speed 1"
    )
    assert recovered(told, within=5).conclusion == "unknown"


EXPIRED = (
    "1 delivered q a r1 link=svc->sqs mid=m",
    "1.1 posted a 1",
    "32 delivered q a r2 link=svc->sqs mid=m",
    "32.1 posted a 2",
)


@pytest.mark.parametrize(
    ("clock", "speed", "word"), [("real", 20, "unknown"), ("", 20, "broken"), ("real", 1, "broken")], ids=str
)
def test_a_service_on_the_machine_s_clock_is_not_blamed_for_being_slow(tmp_path: Path, clock: str, speed: int, word: str):
    world = (sqs(effects=(("place",),)), place(), Declaration(what="service", name="svc", clock=clock))
    verdict = effected_once(history(tmp_path, sent("a"), *EXPIRED, over(t=90), world=world, speed=speed))

    assert verdict.conclusion == word
    assert word == "broken" or "svc keeps the machine's clock" in verdict.sentence


def test_but_for_what_is_no_matter_of_time_it_is(tmp_path: Path):
    world = (*USUAL, Declaration(what="service", name="svc", clock="real"))
    told = history(tmp_path, sent("a"), "1 delivered q a 1:1\n1.2 settled q a 1:1 ack", over(), world=world, speed=20)

    assert effected_once(told).label == "not_effected"


def test_a_client_that_gives_up_as_its_service_lost_another_connection_is_not(tmp_path: Path):
    fault = "3.1 fault f1 reset svc->rabbitmq began code=reset(l)", "3.2 fault f1 reset svc->rabbitmq ended"
    lines = WELL[0], WELL[1], "3 near requested x 7 conn=9", *fault, "3.4 near closed svc->place 9 fin by=service"
    told = history(tmp_path, *lines, over(), speed=20)

    assert not told.ledger().margin.reason()
