import pytest

from harness.checks import recovered
from harness.checks.outcome import outcome
from tests.histories import dead, done, history, over, place, rabbit, sent, sqs

OUTAGE = "1 fault f1 outage svc->place began\n10 fault f1 outage svc->place ended"
HELD = "2 delivered q a 1:1\n2.1 settled q a 1:1 requeue"


def back(t, key="a"):
    return f"{t} delivered q {key} 1:7 redelivered=true\n{t} posted {key} 7\n{t} settled q {key} 1:7 ack"


def judged(folder, *lines, within=30.0, **more):
    return recovered(history(folder, *lines, **more), within=within)


def test_kept_when_the_effect_came_in_time(tmp_path):
    verdict = judged(tmp_path, sent("a"), OUTAGE, HELD, back(39), over())

    assert (verdict.conclusion, verdict.premises) == ("kept", 1)


def test_late(tmp_path):
    verdict = judged(tmp_path, sent("a"), OUTAGE, HELD, back(41), over())

    assert (verdict.conclusion, verdict.labels) == ("broken", ("late",))
    assert "31.0 s after the fault was over (promised: 30 s)" in verdict.sentence


def test_counted_from_the_send_where_that_is_later(tmp_path):
    lines = [sent("a"), OUTAGE, HELD, back(12), sent("b", t=20), back(49, "b"), over()]

    assert judged(tmp_path, *lines).conclusion == "kept"


def test_a_message_sent_after_the_fault_can_be_late_too(tmp_path):
    lines = [sent("a"), OUTAGE, HELD, back(12), sent("b", t=20), back(51, "b"), over()]

    assert judged(tmp_path, *lines).label == "late"


def test_messages_done_before_the_fault_prove_nothing(tmp_path):
    verdict = judged(tmp_path, sent("a", "b"), done("b", t=0.1, first=9), OUTAGE, HELD, back(12), over())

    assert (verdict.conclusion, verdict.premises) == ("kept", 1)


def test_plain_messages_that_waited_for_the_end_are_counted(tmp_path):
    verdict = judged(tmp_path, sent("a", "b"), OUTAGE, HELD, back(12), done("b", t=13, first=9), over())

    assert (verdict.conclusion, verdict.premises) == ("kept", 2)


def test_a_bitten_message_that_was_done_within_the_fault_is_counted(tmp_path):
    verdict = judged(tmp_path, sent("a"), OUTAGE, HELD, back(9.5), over())

    assert (verdict.conclusion, verdict.premises) == ("kept", 1)


NEVER = {
    "left": [over("q a")],
    "acknowledged": ["11 delivered q a 1:7\n11 settled q a 1:7 ack", over()],
    "dead-lettered": ["11 delivered q a 1:7\n11 settled q a 1:7 reject", over("dlq a", queues=("q", "dlq"))],
}


@pytest.mark.parametrize("lines", NEVER.values(), ids=NEVER)
def test_never(tmp_path, lines):
    world = (rabbit(effects=(("place",),), dead_letter="dlq"), dead(), place())

    assert judged(tmp_path, sent("a"), OUTAGE, HELD, *lines, world=world).labels == ("never",)


def test_never_is_not_said_of_a_run_that_was_not_drained(tmp_path):
    assert judged(tmp_path, sent("a"), OUTAGE, HELD, over("q a", t=20, how="no")).conclusion == "unknown"


def test_late_is(tmp_path):
    verdict = judged(tmp_path, sent("a"), OUTAGE, HELD, over("q a", t=60, how="no"))

    assert (verdict.labels, verdict.definite) == (("late",), 1)
    assert "still not effected 50.0 s after" in verdict.sentence


@pytest.mark.parametrize(
    ("t", "within", "word"),
    [(34, 60, "unknown"), (34.5, 20, "late"), (36, 60, "never")],
    ids=["may still come", "may still come, too late", "will not come"],
)
def test_what_sqs_was_about_to_deliver_again_is_not_called_never(tmp_path, t, within, word):
    world = (sqs(effects=(("place",),)), place())
    taken = "3 delivered q a r1 link=svc->sqs mid=m"
    verdict = judged(
        tmp_path, sent("a"), *OUTAGE.splitlines()[:1], taken, OUTAGE.splitlines()[1], over("q a", t=t), within=within, world=world
    )

    assert (verdict.label or verdict.conclusion) == word


def test_never_is_put_down_to_a_fault_that_began_after_the_last_delivery(tmp_path):
    taken = "0.9 delivered q a 1:1\n0.95 near requested a 1 wire=POST"
    run = history(tmp_path, sent("a"), taken, "1 fault f1 outage svc->place began\n1.1 near closed svc->place 1 rst", over("q a"))

    assert outcome(recovered(run, within=30).broken_as("never")).problem == ""


def test_a_fault_that_never_ends_is_counted_from_its_beginning(tmp_path):
    begins = "1 fault f1 outage svc->place began"

    assert judged(tmp_path, sent("a"), begins, HELD, back(30), over()).conclusion == "kept"
    assert judged(tmp_path, sent("a"), begins, HELD, back(32), over()).label == "late"


def test_without_a_fault_there_was_nothing_to_recover_from(tmp_path):
    verdict = judged(tmp_path, sent("a"), done("a"), over())

    assert (verdict.conclusion, verdict.premises_of("never")) == ("vacuous", 0)
    assert "no fault held up any message" in verdict.sentence


def test_what_its_sender_gave_up_is_not_awaited(tmp_path):
    given_up = "0 harness attempted q b ends=refused\n0 harness acknowledged q b\n3 delivered q b 1:5\n3 settled q b 1:5 ack"

    assert judged(tmp_path, sent("a"), OUTAGE, HELD, given_up, back(12), over()).premises == 1
