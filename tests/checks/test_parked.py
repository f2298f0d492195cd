"""Each label of `parked`: what becomes of a message that cannot be done, before and after the attempts it is allowed."""

import pytest

from harness.checks import parked
from harness.errors import UsageError
from tests.histories import dead, done, history, over, place, rabbit, sent, sqs

WORLD = (rabbit(effects=(("place",),), dead_letter="dlq"), dead(), place())
NOWHERE = (rabbit(effects=(("place",),)), place())
SQS = (sqs(effects=(("place",),), dead_letter="dlq", max_receive_count=3), dead(broker="aws"), place())
PARKING = (rabbit(effects=(("place",),)), rabbit("parked", role="parking"), place())
BOTH = ("q", "dlq")


def requeued(times, *, first=1):
    return "\n".join(f"{n} delivered q a 1:{n}\n{n}.5 settled q a 1:{n} requeue" for n in range(first, first + times))


def rejected(nth):
    return f"{nth} delivered q a 1:{nth}\n{nth}.5 settled q a 1:{nth} reject"


def received(times):
    return "\n".join(f"{1 + 30 * n} delivered q a r{n} link=svc->sqs mid=m" for n in range(times))


def judged(folder, *lines, world=WORLD, attempts=3):
    return parked(history(folder, *lines, world=world), attempts=attempts)


def aside(t=20):
    put = "\n".join(f"{t + 0.1} {at} attempted parked a x=1" for at in ("near", "far"))
    return f"{t} delivered q a 1:{t}\n{put}\n{t + 0.1} far acknowledged parked a x=1\n{t + 0.2} settled q a 1:{t} ack"


BROKEN = {
    "given back four times": ("redelivered_for_ever", WORLD, [requeued(4)], over("q a", queues=BOTH)),
    "and never looked at again": ("redelivered_for_ever", WORLD, [requeued(4)], "50 drained steady\n50 closing"),
    "received for ever": ("redelivered_for_ever", (sqs(effects=(("place",),)), place()), [received(5)], over("q a", t=200)),
    "given back, then gone": ("not_parked", WORLD, [requeued(4)], over(queues=BOTH)),
    "acknowledged at its last attempt": (
        "not_parked",
        WORLD,
        [requeued(2), "3 delivered q a 1:3\n3.5 settled q a 1:3 ack"],
        over(queues=BOTH),
    ),
    "acknowledged at its first attempt": (
        "not_parked",
        WORLD,
        ["3 delivered q a 1:3\n3.5 settled q a 1:3 ack"],
        over(queues=BOTH),
    ),
    "rejected into nothing": ("not_parked", NOWHERE, [rejected(1)], over()),
    "expired meanwhile": ("not_parked", WORLD, [requeued(2)], over(queues=BOTH)),
    "left in its queue after its attempts": ("not_parked", WORLD, [requeued(3)], over("q a", queues=BOTH)),
    "dead-lettered at its fourth attempt": ("parked_late", WORLD, [requeued(3), rejected(4)], over("dlq a", queues=BOTH)),
    "parked at its fourth attempt": ("parked_late", PARKING, [requeued(3), aside()], over("parked a", queues=("q", "parked"))),
    "effected, and dead-lettered late": (
        "parked_late",
        WORLD,
        [requeued(3), "4 delivered q a 1:4\n4.1 posted a 1\n4.5 settled q a 1:4 reject"],
        over("dlq a", queues=BOTH),
    ),
}


@pytest.mark.parametrize(("label", "world", "lines", "end"), BROKEN.values(), ids=BROKEN)
def test_broken(tmp_path, label, world, lines, end):
    verdict = judged(tmp_path, sent("a"), *lines, end, world=world)

    assert (verdict.conclusion, verdict.labels, verdict.definite) == ("broken", (label,), 1)
    assert verdict.premises_of(label) == 1


KEPT = {
    "dead-lettered at its third attempt": (WORLD, [requeued(2), rejected(3)], over("dlq a", queues=BOTH)),
    "dead-lettered at its first attempt": (WORLD, [rejected(1)], over("dlq a", queues=BOTH)),
    "by its sender's word": (
        WORLD,
        ["0 harness attempted q b ends=dead-lettered\n0 harness acknowledged q b", rejected(1)],
        over("dlq a", "dlq b", queues=BOTH),
    ),
    "parked at its third attempt": (PARKING, [requeued(2), aside()], over("parked a", queues=("q", "parked"))),
    "dead-lettered by SQS": (SQS, [received(3)], over("dlq a", queues=BOTH, t=200)),
    "dead-lettered after a delivery that was lost": (
        SQS,
        [
            received(2),
            "70 far delivered q a r9 link=svc->sqs mid=m",
            "110 delivered q a r10 link=svc->sqs mid=m",
            "150 far delivered q a r11 link=svc->sqs mid=m",
        ],
        over("dlq a", queues=BOTH, t=200),
    ),
    "dead-lettered without an attempt": (WORLD, [], over("dlq a", queues=BOTH)),
    "waiting for its next attempt": (WORLD, [requeued(2)], over("q a", queues=BOTH)),
    "redriven, and dead-lettered again": (
        WORLD,
        [requeued(2), rejected(3), "9 harness attempted q a data.redriven=1", requeued(2, first=10), rejected(12)],
        over("dlq a", queues=BOTH),
    ),
}


@pytest.mark.parametrize(("world", "lines", "end"), KEPT.values(), ids=KEPT)
def test_kept(tmp_path, world, lines, end):
    assert judged(tmp_path, sent("a"), *lines, end, world=world).conclusion == "kept"


UNKNOWN = {
    "not drained": (WORLD, [requeued(1), rejected(2)], "50 drained no\n50 closing\n50 scanned q\n50 scanned dlq"),
    "it went on, with attempts left": (WORLD, [requeued(2)], over("q a", queues=BOTH, how="steady")),
    "an ack that may not have come": (
        WORLD,
        ["1 delivered q a 1:1\n1.5 near settled q a 1:1 ack"],
        "50 drained quiet\n50 closing\n50 scanned q\n50 scanned dlq",
    ),
}


@pytest.mark.parametrize(("world", "lines", "end"), UNKNOWN.values(), ids=UNKNOWN)
def test_what_cannot_be_told(tmp_path, world, lines, end):
    verdict = judged(tmp_path, sent("a"), *lines, end, world=world)

    assert (verdict.conclusion, verdict.definite, verdict.possible) == ("unknown", 0, 1)


def test_what_a_gap_of_a_tap_may_have_touched_is_never_sure(tmp_path):
    verdict = judged(tmp_path, sent("a"), requeued(4), "5 gap svc->rabbitmq 1", over("q a", queues=BOTH))

    assert (verdict.conclusion, verdict.definite) == ("unknown", 0)


NONE = {
    "effected at once": [done("a")],
    "effected after many attempts": [requeued(5), done("a", t=10, first=10)],
    "never delivered": [],
}


@pytest.mark.parametrize("lines", NONE.values(), ids=NONE)
def test_without_a_failure_nothing_had_to_be_put_aside(tmp_path, lines):
    verdict = judged(tmp_path, sent("a"), *lines, over(*[] if lines else ["q a"], queues=BOTH))

    assert (verdict.conclusion, verdict.premises) == ("vacuous", 0)


def test_what_is_refused_rightly_need_not_be_put_aside(tmp_path):
    lines = ["0 harness attempted q a ends=refused\n0 harness acknowledged q a", "1 delivered q a 1:1\n2 settled q a 1:1 ack"]

    assert judged(tmp_path, *lines, over(queues=BOTH)).premises == 0


def test_the_sentence_says_how_often_and_what_was_promised(tmp_path):
    verdict = judged(tmp_path, sent("a"), requeued(4), over("q a", queues=BOTH))

    assert "a: delivered 4 times without effect, and was not put aside (promised: after 3)" in verdict.sentence


def test_a_message_is_tried_at_least_once(tmp_path):
    with pytest.raises(UsageError, match="a message is tried at least once"):
        judged(tmp_path, sent("a"), attempts=0)
