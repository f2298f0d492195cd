"""Each label of `classified`: a class of failure and what became of the message; and the nearest that is right."""

import pytest

from harness.checks import classified
from harness.errors import UsageError
from tests.histories import dead, done, history, over, place, rabbit, sent, sqs

WORLD = (rabbit(effects=(("place",),), dead_letter="dlq"), dead(), place())
NOWHERE = (rabbit(effects=(("place",),)), place())
LIMITED = (rabbit(effects=(("place",),), dead_letter="dlq", max_receive_count=3, kind="quorum"), dead(), place())
SQS = (sqs(effects=(("place",),), dead_letter="dlq", max_receive_count=2), dead(broker="aws"), place())
RETRY = (*WORLD, rabbit("wait", role="retry", dead_letter="q", ttl=5.0))
BOTH = ("q", "dlq")
OUTAGE = "0.9 fault f1 outage svc->place began"


def tried(nth, status, how):
    """Delivered, posted, answered with this status, settled so."""
    return (
        f"{nth} delivered q a 1:{nth}\n"
        f"{nth}.1 near requested a {nth} wire=POST\n{nth}.1 resource requested a {nth} wire=POST\n"
        f"{nth}.2 resource answered a {nth} {status}\n{nth}.2 near answered a {nth} {status}\n"
        f"{nth}.5 settled q a 1:{nth} {how}"
    )


def refused(nth, how):
    return f"{nth} delivered q a 1:{nth}\n{nth}.5 settled q a 1:{nth} {how}"


def judged(folder, *lines, world=WORLD, **given):
    return classified(history(folder, *lines, world=world, variant="as it was"), **given)


RECEIVED = (
    "1 delivered q a r1 link=svc->sqs mid=m\n1.1 near requested a 1 wire=POST\n1.1 resource requested a 1 wire=POST\n"
    "1.2 resource answered a 1 400\n1.2 near answered a 1 400\n40 delivered q a r2 link=svc->sqs mid=m"
)
PAUSED = (
    "1 delivered q a r1 link=svc->sqs mid=m\n1.1 near requested a 1 wire=POST\n1.1 resource requested a 1 wire=POST\n"
    "1.2 resource answered a 1 422\n1.2 near answered a 1 422\n"
    "1.3 settled q a r1 visibility link=svc->sqs delay=60\n1.3 confirmed q a r1 true link=svc->sqs"
)

BROKEN = {
    "503, rejected at once": ("transient_dead_lettered", WORLD, [tried(1, 503, "reject")], over("dlq a", queues=BOTH)),
    "refused in an outage, rejected": (
        "transient_dead_lettered",
        WORLD,
        [OUTAGE, refused(1, "reject")],
        over("dlq a", queues=BOTH),
    ),
    "503, rejected before its limit": (
        "transient_dead_lettered",
        LIMITED,
        [tried(1, 503, "requeue"), tried(2, 503, "reject")],
        over("dlq a", queues=BOTH),
    ),
    "400, given back": ("permanent_requeued", WORLD, [tried(1, 400, "requeue")], over("q a", queues=BOTH)),
    "422, then a second time": (
        "permanent_requeued",
        WORLD,
        [tried(1, 422, "requeue"), tried(2, 422, "reject")],
        over("dlq a", queues=BOTH),
    ),
    "400, left to its timeout": ("permanent_requeued", SQS, [RECEIVED], over("dlq a", queues=BOTH, t=90)),
    "422, let go with a pause": ("permanent_requeued", SQS, [PAUSED], over("q a", queues=BOTH)),
    "503, acknowledged": ("transient_acked", WORLD, [tried(1, 503, "ack")], over(queues=BOTH)),
    "refused in an outage, acknowledged": ("transient_acked", WORLD, [OUTAGE, refused(1, "ack")], over(queues=BOTH)),
    "503, rejected into nothing": ("retries_exhausted_not_parked", NOWHERE, [tried(1, 503, "reject")], over()),
    "503, acknowledged at its limit": (
        "retries_exhausted_not_parked",
        LIMITED,
        [tried(1, 503, "requeue"), tried(2, 503, "requeue"), tried(3, 503, "ack")],
        over(queues=BOTH),
    ),
    "503, and gone after its limit": (
        "retries_exhausted_not_parked",
        LIMITED,
        [tried(1, 503, "requeue"), tried(2, 503, "requeue"), tried(3, 503, "requeue")],
        over(queues=BOTH),
    ),
}


@pytest.mark.parametrize(("label", "world", "lines", "end"), BROKEN.values(), ids=BROKEN)
def test_broken(tmp_path, label, world, lines, end):
    verdict = judged(tmp_path, sent("a"), *lines, end, world=world)

    assert (list(verdict.findings.labels), verdict.definite) == ([label], 1)
    assert verdict.premises_of(label) == 1


KEPT = {
    "503, given back, then effected": (WORLD, [tried(1, 503, "requeue"), done("a", t=2, first=2)], over(queues=BOTH)),
    "503, given back, and waiting": (WORLD, [tried(1, 503, "requeue")], over("q a", queues=BOTH)),
    "503, dead-lettered at its limit": (
        LIMITED,
        [tried(1, 503, "requeue"), tried(2, 503, "requeue"), tried(3, 503, "reject")],
        over("dlq a", queues=BOTH),
    ),
    "400, rejected": (WORLD, [tried(1, 400, "reject")], over("dlq a", queues=BOTH)),
    "400, acknowledged": (WORLD, [tried(1, 400, "ack")], over(queues=BOTH)),
    "401, given back": (WORLD, [tried(1, 401, "requeue")], over("q a", queues=BOTH)),
    "400, and delivered again because its connection broke": (
        WORLD,
        [tried(1, 400, "requeue").rpartition("\n")[0], "1.4 closed svc->rabbitmq 1 rst", done("a", t=2, first=2, conn=2)],
        over(queues=BOTH),
    ),
    "503, as its sender said": (
        WORLD,
        ["0 harness attempted q a ends=dead-lettered", tried(1, 503, "reject")],
        over("dlq a", queues=BOTH),
    ),
    "503, sent on into a retry queue": (
        RETRY,
        [
            tried(1, 503, "ack").rpartition("\n")[0],
            "1.3 near attempted wait a x=1\n1.3 far attempted wait a x=1\n1.3 far acknowledged wait a x=1",
            "1.4 settled q a 1:1 ack",
        ],
        over("wait a", queues=("q", "dlq", "wait")),
    ),
}


@pytest.mark.parametrize(("world", "lines", "end"), KEPT.values(), ids=KEPT)
def test_kept(tmp_path, world, lines, end):
    assert judged(tmp_path, sent("a"), *lines, end, world=world).conclusion == "kept"


def test_in_doubt_is_no_transient_failure(tmp_path):
    lines = [
        "1 delivered q a 1:1\n1.1 near requested a 1 wire=POST\n1.1 resource requested a 1\n1.2 near closed svc->place 1 rst",
        "1.5 settled q a 1:1 reject",
        over("dlq a", queues=BOTH),
    ]
    verdict = judged(tmp_path, sent("a"), *lines)

    assert (verdict.conclusion, verdict.premises_of("transient_dead_lettered")) == ("kept", 0)


def test_how_often_can_be_said(tmp_path):
    run = [sent("a"), tried(1, 503, "requeue"), tried(2, 503, "reject"), over("dlq a", queues=BOTH)]

    assert judged(tmp_path, *run, attempts=2).conclusion == "kept"
    assert judged(tmp_path, *run, attempts=3).label == "transient_dead_lettered"
    assert "dead-lettered after 2 of 3 attempts, though its failure may pass" in judged(tmp_path, *run, attempts=3).sentence


def test_a_reject_is_enough_where_nobody_scanned(tmp_path):
    end = "50 drained quiet\n50 closing"

    assert judged(tmp_path, sent("a"), tried(1, 503, "reject"), end).label == "transient_dead_lettered"


def test_a_reject_under_way_when_the_connection_broke_may_not_have_been_one(tmp_path):
    lines = [tried(1, 503, "reject"), "2.1 closed svc->rabbitmq 1 rst", "50 drained quiet\n50 closing"]
    verdict = judged(tmp_path, sent("a"), *lines)

    assert (verdict.conclusion, verdict.definite, verdict.possible) == ("unknown", 0, 1)


def test_what_a_gap_of_a_tap_may_have_touched_is_never_sure(tmp_path):
    lines = [tried(1, 400, "requeue"), tried(2, 503, "ack"), "3 gap svc->rabbitmq 1", over(queues=BOTH)]
    verdict = judged(tmp_path, sent("a"), *lines)

    assert (verdict.conclusion, verdict.definite, verdict.possible) == ("unknown", 0, 2)


def test_without_a_failure_there_is_nothing_to_deal_with(tmp_path):
    verdict = judged(tmp_path, sent("a"), done("a"), over(queues=BOTH))

    assert (verdict.conclusion, verdict.premises) == ("vacuous", 0)


def test_a_bitten_message_that_recovered_is_ground_for_what_may_pass(tmp_path):
    cut = (
        "1 delivered q a 1:1\n1.1 near requested a 1 wire=POST\n"
        "1.2 fault f1 outage svc->place began\n1.2 near closed svc->place 1 rst"
    )
    lines = [cut, "1.3 settled q a 1:1 requeue\n5 fault f1 outage svc->place ended", done("a", t=6, first=2, conn=2)]
    verdict = judged(tmp_path, sent("a"), *lines, over(queues=BOTH))

    assert (verdict.conclusion, verdict.premises_of("transient_acked")) == ("kept", 1)


def test_a_failure_is_tried_at_least_once(tmp_path):
    with pytest.raises(UsageError, match="a message is tried at least once"):
        judged(tmp_path, sent("a"), attempts=0)
