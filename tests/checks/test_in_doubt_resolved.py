"""Both labels of `in_doubt_resolved`: done again blindly, and forgotten; and what resolves a doubt."""

import pytest

from harness.checks import accounted, in_doubt_resolved
from tests.histories import dead, done, history, over, place, rabbit, sent

WORLD = (rabbit(effects=(("place",),), dead_letter="dlq"), dead(), place())
BOTH = ("q", "dlq")
LOST = (
    "1 delivered q a 1:1\n1.1 near requested a 1 wire=POST\n1.1 resource requested a 1 wire=POST\n"
    "1.1 resource effected a 1\n1.2 near closed svc->place 1 rst"
)
NOT_DONE = LOST.replace("1.1 resource effected a 1\n", "")
NOT_THERE = NOT_DONE.replace("1.1 resource requested a 1 wire=POST\n", "")
BACK = "1.3 settled q a 1:1 requeue\n2 delivered q a 1:2 redelivered=true"
ACK = "3 settled q a 1:2 ack"
AGAIN = "2.2 posted a 1 conn=2"
ASKED = "2.1 near requested a 9 conn=2 wire=GET\n2.1 near answered a 9 {} conn=2"


def answered(status, *, effected=False):
    change = "2.2 resource effected a 1 conn=2\n" if effected else ""
    return (
        f"2.2 near requested a 1 wire=POST conn=2\n2.2 resource requested a 1 wire=POST conn=2\n{change}"
        f"2.3 resource answered a 1 {status} conn=2\n2.3 near answered a 1 {status} conn=2"
    )


def judged(folder, *lines, end=None):
    return in_doubt_resolved(history(folder, sent("a"), *lines, end or over(queues=BOTH), world=WORLD, variant="as it was"))


BROKEN = {
    "done, and done again": ("blind_retry", [LOST, BACK, AGAIN, ACK]),
    "not done, and then done": ("blind_retry", [NOT_DONE, BACK, AGAIN, ACK]),
    "again within the same delivery": ("blind_retry", [LOST, AGAIN, "3 settled q a 1:1 ack"]),
    "asked in vain": ("blind_retry", [LOST, BACK, ASKED.format(500), AGAIN, ACK]),
    "acknowledged, and not done": ("vanished", [NOT_DONE, "3 settled q a 1:1 ack"]),
    "acknowledged, and never there": ("vanished", [NOT_THERE, "3 settled q a 1:1 ack"]),
    "rejected into nothing": ("vanished", [NOT_THERE, "3 settled q a 1:1 reject"]),
    "gone": ("vanished", [NOT_THERE]),
}


@pytest.mark.parametrize(("label", "lines"), BROKEN.values(), ids=BROKEN)
def test_broken(tmp_path, label, lines):
    verdict = judged(tmp_path, *lines)

    assert (verdict.conclusion, verdict.labels, verdict.definite) == ("broken", (label,), 1)
    assert verdict.premises_of(label) == 1


KEPT = {
    "asked, and it was there": ([LOST, BACK, ASKED.format(200), ACK], None),
    "asked, and it was not": ([NOT_DONE, BACK, ASKED.format(404), AGAIN, ACK], None),
    "repeated with an idempotency key": ([LOST, BACK, answered(200), ACK], None),
    "repeated, and refused as done": ([LOST, BACK, answered(409), ACK], None),
    "never there, and sent again": ([NOT_THERE, BACK, AGAIN, ACK], None),
    "done, and left at that": ([LOST, "3 settled q a 1:1 ack"], None),
    "put aside": ([LOST, "3 settled q a 1:1 reject"], over("dlq a", queues=BOTH)),
    "put aside, and not done": ([NOT_DONE, "3 settled q a 1:1 reject"], over("dlq a", queues=BOTH)),
    "still in its queue": ([NOT_DONE, "3 settled q a 1:1 requeue"], over("q a", queues=BOTH)),
}


@pytest.mark.parametrize(("lines", "end"), KEPT.values(), ids=KEPT)
def test_kept(tmp_path, lines, end):
    assert judged(tmp_path, *lines, end=end).conclusion == "kept"


UNKNOWN = {
    "a repetition that did not get there": [
        LOST,
        BACK,
        "2.2 near requested a 1 wire=POST conn=2\n2.3 near closed svc->place 2 rst",
        ACK,
    ],
    "an ack that is under way": [NOT_DONE, "3 near settled q a 1:1 ack"],
    "a gap of a tap": [LOST, BACK, AGAIN, ACK, "4 gap svc->place 1"],
}


@pytest.mark.parametrize("lines", UNKNOWN.values(), ids=UNKNOWN)
def test_what_cannot_be_told(tmp_path, lines):
    verdict = judged(tmp_path, *lines)

    assert (verdict.conclusion, verdict.definite) == ("unknown", 0)


def test_without_a_doubt_there_is_nothing_to_resolve(tmp_path):
    verdict = judged(tmp_path, done("a"))

    assert (verdict.conclusion, verdict.premises) == ("vacuous", 0)


def test_a_request_that_was_never_there_leaves_nothing_to_repeat_blindly(tmp_path):
    assert judged(tmp_path, NOT_THERE, BACK, AGAIN, ACK).premises_of("blind_retry") == 0


def test_the_sentence_says_what_was_not_done(tmp_path):
    assert (
        "a: repeated a request whose answer was lost, without asking first, and did it again"
        in judged(tmp_path, LOST, BACK, AGAIN, ACK).sentence
    )


def test_a_call_about_no_message_that_was_bitten_was_tried_again_by_whatever_came_after_it(tmp_path):
    bit = "0.5 fault f1 status svc->rabbitmq began\n0.6 near bit f1 wire=Basic.Consume"
    run = history(tmp_path, sent("a"), bit, done("a"), over(queues=BOTH), world=WORLD)

    assert accounted(run).conclusion == "kept"
