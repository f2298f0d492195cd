import pytest

from harness.checks import signalled
from tests.histories import dead, done, history, over, place, rabbit, sent, sink, sqs

WORLD = (rabbit(effects=(("place",),), dead_letter="dlq"), dead(), place(), sink())
SQS = (sqs(effects=(("place",),)), place(), sink())
PARKING = (rabbit(effects=(("place",),)), rabbit("parked", role="parking"), place(), sink())
BOTH = ("q", "dlq")
REJECTED = "1 delivered q a 1:1\n2 settled q a 1:1 reject"
STUCK = "\n".join(f"{1 + 30 * n} delivered q a r{n} link=svc->sqs mid=m" for n in range(3))
PARKED = (
    "1 delivered q a 1:1\n1.1 near attempted parked a x=1\n1.1 far attempted parked a x=1\n1.1 far acknowledged parked a x=1\n"
    "2 settled q a 1:1 ack"
)

FAILURES = {
    "dead-lettered": (WORLD, [REJECTED], over("dlq a", queues=BOTH)),
    "stuck": (SQS, [STUCK], over("q a", t=90, how="steady")),
    "parked": (PARKING, [PARKED], over("parked a", queues=("q", "parked"))),
    "acked without effect": (WORLD, ["1 delivered q a 1:1\n2 settled q a 1:1 ack"], over(queues=BOTH)),
}


def judged(folder, *lines, world=WORLD, within=300.0):
    return signalled(history(folder, *lines, world=world), within=within)


@pytest.mark.parametrize(("world", "lines", "end"), FAILURES.values(), ids=FAILURES)
def test_silent(tmp_path, world, lines, end, request):
    verdict = judged(tmp_path, sent("a"), *lines, end, world=world)

    assert (verdict.conclusion, verdict.labels) == ("broken", ("silent",))
    assert f"{request.node.callspec.id}, and no notice came" in verdict.sentence


@pytest.mark.parametrize(("world", "lines", "end"), FAILURES.values(), ids=FAILURES)
def test_kept(tmp_path, world, lines, end):
    verdict = judged(tmp_path, sent("a"), *lines, "70 resource noticed", end, world=world)

    assert (verdict.conclusion, verdict.premises) == ("kept", 1)


def test_a_notice_may_come_with_the_attempt_that_failed(tmp_path):
    lines = [sent("a"), "1 delivered q a 1:1", "1.5 resource noticed", "2 settled q a 1:1 reject", over("dlq a", queues=BOTH)]

    assert judged(tmp_path, *lines).conclusion == "kept"


def test_an_earlier_notice_was_of_something_else(tmp_path):
    lines = [sent("a"), "0.5 resource noticed", REJECTED, over("dlq a", queues=BOTH)]

    assert judged(tmp_path, *lines).label == "silent"


def test_late(tmp_path):
    lines = [sent("a"), REJECTED, "40 resource noticed", over("dlq a", queues=BOTH)]

    assert judged(tmp_path, *lines, within=37).label == "late"
    assert judged(tmp_path, *lines, within=38).conclusion == "kept"


def test_silence_of_a_run_that_was_not_drained_is_unknown(tmp_path):
    verdict = judged(tmp_path, sent("a"), REJECTED, over("dlq a", queues=BOTH, how="no"))

    assert (verdict.conclusion, verdict.definite, verdict.possible) == ("unknown", 0, 1)


def test_without_a_sink_nobody_could_have_been_told(tmp_path):
    verdict = judged(tmp_path, sent("a"), REJECTED, over("dlq a", queues=BOTH), world=WORLD[:-1])

    assert verdict.conclusion == "unknown"
    assert "no alarm sink was declared" in verdict.sentence


WITHOUT_FAILURE = {
    "effected": [done("a"), over(queues=BOTH)],
    "still waiting": [over("q a", queues=BOTH)],
}


@pytest.mark.parametrize("lines", WITHOUT_FAILURE.values(), ids=WITHOUT_FAILURE)
def test_without_a_failure_there_was_nothing_to_tell(tmp_path, lines):
    verdict = judged(tmp_path, sent("a"), *lines)

    assert (verdict.conclusion, verdict.premises_of("silent")) == ("vacuous", 0)


def test_what_its_sender_said_would_be_refused_is_no_failure(tmp_path):
    lines = ["0 harness attempted q a ends=refused\n0 harness acknowledged q a", REJECTED, over("dlq a", queues=BOTH)]

    assert judged(tmp_path, *lines).premises == 0
