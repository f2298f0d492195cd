"""Each label of `nothing_dead_lettered`: the class of failure in which a message was dead-lettered; and its neighbours."""

import pytest

from harness.checks import nothing_dead_lettered
from tests.histories import dead, done, history, over, place, rabbit, sent, sqs

WORLD = (rabbit(effects=(("place",),), dead_letter="dlq"), dead(), place())
SQS = (sqs(effects=(("place",),), dead_letter="dlq", max_receive_count=1), dead(broker="aws"), place())
BOTH = ("q", "dlq")
OUTAGE = "0.9 fault f1 outage svc->place began"
ENDED = "9 fault f1 outage svc->place ended"
DELIVERED, REJECTED = "1 delivered q a 1:1", "2 settled q a 1:1 reject"
END = over("dlq a", queues=BOTH)


def answer(status):
    begun = "1.1 near requested a 1 wire=POST\n1.1 resource requested a 1 wire=POST"
    return f"{begun}\n1.2 resource answered a 1 {status}\n1.2 near answered a 1 {status}"


CLASSES = {
    "refused in an outage": ("transient_dead_lettered", [OUTAGE, DELIVERED, REJECTED, ENDED]),
    "cut before it was complete": (
        "transient_dead_lettered",
        [
            DELIVERED,
            "1.1 near requested a 1 wire=POST\n1.2 fault f1 outage svc->place began\n1.2 near closed svc->place 1 rst",
            REJECTED,
        ],
    ),
    "of which only the head arrived": (
        "transient_dead_lettered",
        [
            DELIVERED,
            "1.1 near requested a 1 wire=POST\n1.2 resource requested a 1 ok=false\n1.2 near closed svc->place 1 fin",
            REJECTED,
        ],
    ),
    "503": ("transient_dead_lettered", [DELIVERED, answer(503), REJECTED]),
    "429": ("transient_dead_lettered", [DELIVERED, answer(429), REJECTED]),
    "complete, and its answer lost": (
        "in_doubt_dead_lettered",
        [DELIVERED, "1.1 near requested a 1 wire=POST\n1.1 resource requested a 1\n1.2 near closed svc->place 1 rst", REJECTED],
    ),
    "complete, and no answer yet": (
        "in_doubt_dead_lettered",
        [DELIVERED, "1.1 near requested a 1 wire=POST\n1.1 resource requested a 1", REJECTED],
    ),
    "in doubt, then refused": (
        "in_doubt_dead_lettered",
        [
            DELIVERED,
            "1.1 near requested a 1 wire=POST\n1.1 resource requested a 1",
            "1.2 near closed svc->place 1 rst\n1.3 settled q a 1:1 requeue",
            "1.4 fault f1 outage svc->place began\n1.5 delivered q a 1:2 redelivered=true\n2 settled q a 1:2 reject",
        ],
    ),
    "in doubt, asked, then refused": (
        "transient_dead_lettered",
        [
            DELIVERED,
            "1.1 near requested a 1 wire=POST\n1.1 resource requested a 1",
            "1.2 near closed svc->place 1 rst\n1.3 settled q a 1:1 requeue",
            "1.4 delivered q a 1:2 redelivered=true\n1.45 near requested a 2 wire=GET conn=2\n1.46 near answered a 2 404 conn=2",
            "1.5 fault f1 outage svc->place began\n2 settled q a 1:2 reject",
        ],
    ),
    "400": ("dead_lettered", [DELIVERED, answer(400), REJECTED]),
    "401": ("dead_lettered", [DELIVERED, answer(401), REJECTED]),
    "for no reason seen": ("dead_lettered", [DELIVERED, REJECTED]),
    "before the outage": ("dead_lettered", [DELIVERED, REJECTED, "3 fault f1 outage svc->place began"]),
    "after the outage": (
        "dead_lettered",
        ["0.1 fault f1 outage svc->place began\n0.5 fault f1 outage svc->place ended", DELIVERED, REJECTED],
    ),
    "an outage of the broker's link": ("dead_lettered", ["0.9 fault f1 outage svc->rabbitmq began", DELIVERED, REJECTED]),
    "never seen": ("dead_lettered_unseen", []),
    "handed out, and never seen": ("dead_lettered_unseen", ["1 far delivered q a 1:1"]),
}


@pytest.mark.parametrize(("label", "lines"), CLASSES.values(), ids=CLASSES)
def test_the_label_is_the_class_of_failure(tmp_path, label, lines):
    verdict = nothing_dead_lettered(history(tmp_path, sent("a"), *lines, END, world=WORLD))

    assert (list(verdict.findings.labels), verdict.definite) == ([label], 1)
    assert verdict.premises_of(label) == 1


def test_a_success_that_was_then_rejected_has_no_class(tmp_path):
    lines = [DELIVERED, "1.1 posted a 1", REJECTED, END]

    assert nothing_dead_lettered(history(tmp_path, sent("a"), *lines, world=WORLD)).label == "dead_lettered"


def test_sqs_dead_letters_by_itself_what_was_received_too_often(tmp_path):
    lines = ["1 delivered q a r1 link=svc->sqs mid=m", answer(500), END]
    verdict = nothing_dead_lettered(history(tmp_path, sent("a"), *lines, world=SQS))

    assert verdict.label == "transient_dead_lettered"
    assert "given up by the broker after 1 delivery" in verdict.sentence


def test_a_reject_is_enough_where_nobody_scanned(tmp_path):
    lines = [sent("a"), DELIVERED, answer(503), REJECTED, "50 drained no", "50 closing"]

    assert nothing_dead_lettered(history(tmp_path, *lines, world=WORLD)).label == "transient_dead_lettered"


def test_a_reject_under_way_when_the_connection_broke_may_not_have_been_one(tmp_path):
    lines = [sent("a"), DELIVERED, answer(503), REJECTED, "2.1 closed svc->rabbitmq 1 rst", "50 drained quiet", "50 closing"]
    verdict = nothing_dead_lettered(history(tmp_path, *lines, world=WORLD))

    assert (verdict.conclusion, verdict.definite, verdict.possible) == ("unknown", 0, 1)


def test_a_dead_letter_queue_that_several_queues_share(tmp_path):
    world = (*WORLD, rabbit("other", effects=(("place",),), dead_letter="dlq"))
    lines = [sent("a"), sent("b", queue="other"), DELIVERED, REJECTED, done("b", queue="other", t=3, first=5)]
    verdict = nothing_dead_lettered(history(tmp_path, *lines, over("dlq a", queues=("q", "dlq", "other")), world=world))

    assert (verdict.definite, verdict.premises) == (1, 2)


def test_a_dead_letter_in_a_queue_that_nobody_names_belongs_to_its_key(tmp_path):
    world = (rabbit(effects=(("place",),)), dead("elsewhere"), place())
    lines = [
        sent("a"),
        DELIVERED,
        "1.5 settled q a 1:1 ack",
        over("elsewhere a", "elsewhere stranger", queues=("q", "elsewhere")),
    ]

    assert nothing_dead_lettered(history(tmp_path, *lines, world=world)).definite == 1


KEPT = {
    "effected": [sent("a"), done("a"), over(queues=BOTH)],
    "its sender wanted it dead-lettered": [
        "0 harness attempted q a ends=dead-lettered\n0 harness acknowledged q a",
        DELIVERED,
        REJECTED,
        END,
    ],
    "rejected, and not to be found": [sent("a"), DELIVERED, REJECTED, over(queues=BOTH)],
    "a letter that nobody sent": [sent("a"), done("a"), over("dlq stranger", queues=BOTH)],
}


@pytest.mark.parametrize("lines", KEPT.values(), ids=KEPT)
def test_kept(tmp_path, lines):
    assert nothing_dead_lettered(history(tmp_path, *lines, world=WORLD)).conclusion == "kept"


def test_without_a_failure_no_class_of_failure_could_have_shown(tmp_path):
    verdict = nothing_dead_lettered(history(tmp_path, sent("a"), done("a"), over(queues=BOTH), world=WORLD))

    assert verdict.premises_of("transient_dead_lettered") == verdict.premises_of("in_doubt_dead_lettered") == 0
    assert verdict.premises_of("dead_lettered") == 1


def test_a_bitten_message_that_recovered_is_ground_for_a_class_of_failure(tmp_path):
    cut = "1.1 near requested a 1 wire=POST\n1.2 fault f1 outage svc->place began\n1.2 near closed svc->place 1 rst"
    lines = [
        sent("a"),
        DELIVERED,
        cut,
        "1.3 settled q a 1:1 requeue",
        "5 fault f1 outage svc->place ended",
        done("a", t=6, first=2, conn=2),
    ]
    verdict = nothing_dead_lettered(history(tmp_path, *lines, over(queues=BOTH), world=WORLD))

    assert verdict.conclusion == "kept"
    assert verdict.premises_of("transient_dead_lettered") == 1
