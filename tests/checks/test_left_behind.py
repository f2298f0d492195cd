"""What still lies in its SQS queue at the end: it waits for its visibility timeout, or nobody takes it, or it cannot be told."""

import pytest

from harness.checks import accounted, effected_once
from harness.checks.outcome import outcome
from tests.histories import dead, history, over, place, rabbit, sent, sqs

SQS = (sqs(effects=(("place",),)), place())
SQS_DLQ = (sqs(effects=(("place",),), dead_letter="dlq", max_receive_count=5), dead(broker="aws"), place())
BOTH = ("q", "dlq")
LINK = "link=svc->sqs conn=1"
TAKEN = f"1 delivered q a r1 {LINK} mid=m1"
PAUSED = f"2 settled q a r1 visibility delay=60 {LINK}\n2 confirmed q a r1 true {LINK}"
GIVEN_BACK = f"2 settled q a r1 visibility delay=0 {LINK}\n2 confirmed q a r1 true {LINK}"

LEFT = {
    "not visible again yet": (SQS, [], 30.9, "kept"),
    "let go of with a pause that is not over": (SQS, [PAUSED], 61, "kept"),
    "visible again for a moment only": (SQS, [], 31.9, "unknown"),
    "given back a moment before": (SQS, [GIVEN_BACK], 2.5, "unknown"),
    "long visible again": (SQS, [], 33, "wedged"),
    "long visible again, with a dead-letter queue and receives left": (SQS_DLQ, [], 33, "wedged"),
    "given back, and not taken": (SQS, [GIVEN_BACK], 3, "wedged"),
    "let go of with a pause that is over": (SQS, [PAUSED], 64, "wedged"),
    "its consumer is gone": (SQS, ["0 started svc\n5 exited svc 1"], 33, "kept"),
}


@pytest.mark.parametrize(("world", "lines", "t", "found"), LEFT.values(), ids=LEFT)
def test_what_lies_in_its_queue_waits_only_while_its_consumer_could_not_take_it(tmp_path, world, lines, t, found):
    verdict = accounted(history(tmp_path, sent("a"), TAKEN, *lines, over("q a", t=t, queues=BOTH), world=world))

    assert (verdict.label or verdict.conclusion) == found


def test_the_reason_says_how_long_it_could_have_been_taken(tmp_path):
    verdict = accounted(history(tmp_path, sent("a"), TAKEN, over("q a", t=32.5), world=SQS))

    assert (
        "1 message(s) may be wedged, it cannot be told: delivered once, and visible again for 1.5 s at most" in verdict.sentence
    )


@pytest.mark.parametrize(("how", "conclusion"), [("quiet", "broken"), ("steady", "kept")])
def test_while_it_is_still_delivered_sqs_will_dead_letter_it_itself(tmp_path, how, conclusion):
    run = history(tmp_path, sent("a"), TAKEN, over("q a", t=40, queues=BOTH, how=how), world=SQS_DLQ)

    assert accounted(run).conclusion == conclusion


@pytest.mark.parametrize(("t", "conclusion"), [(25, "unknown"), (32.5, "unknown"), (33, "broken")])
def test_what_was_about_to_be_delivered_again_may_still_have_its_effect(tmp_path, t, conclusion):
    assert effected_once(history(tmp_path, sent("a"), TAKEN, over("q a", t=t), world=SQS)).conclusion == conclusion


def test_a_copy_under_way_is_waited_for_although_the_first_lies_there(tmp_path):
    copied = "1.1 near attempted q a x=1\n1.1 far attempted q a x=1\n1.2 settled q a 1:1 ack"
    run = history(
        tmp_path, sent("a"), f"1 delivered q a 1:1\n{copied}", over("q a"), world=(rabbit(effects=(("place",),)), place())
    )

    assert accounted(run).conclusion == "kept"


BEGAN, ENDED = "2 fault f1 outage svc->place began", "5 fault f1 outage svc->place ended"
REFUSED = f"3 delivered q b r5 {LINK} mid=m5"
SERVED = (
    f"34 delivered q b r6 {LINK} mid=m5\n34.1 posted b 6\n34.2 settled q b r6 delete {LINK}\n34.2 confirmed q b r6 true {LINK}"
)
SINCE = {
    "wedged": (accounted, "", over("q a", t=90, queues=BOTH), "wedged"),
    "lost": (accounted, "", over(t=90, queues=BOTH), "lost"),
    "not effected": (effected_once, "", over("q a", t=90, queues=BOTH), "not_effected"),
    "effected, then dead-lettered": (
        accounted,
        "1.1 posted a 1\n33 far delivered q a r2 link=svc->sqs mid=m1",
        over("dlq a", t=90, queues=BOTH),
        "effected_and_dead_lettered",
    ),
}


@pytest.mark.parametrize(("check", "lines", "end", "label"), SINCE.values(), ids=SINCE)
def test_what_is_left_undone_after_a_fault_is_put_down_to_it_although_it_was_delivered_before(tmp_path, check, lines, end, label):
    before, _, after = lines.partition("\n")
    story = [sent("a", "b"), TAKEN, before, BEGAN, REFUSED, ENDED, after, SERVED, end]
    verdict = check(history(tmp_path, *story, world=SQS_DLQ, variant="as it was"))

    assert outcome(verdict.broken_as(label)).problem == ""
