"""Each label of `effected_once`, with why there was a second delivery; and its neighbours."""

import pytest

from harness.checks import effected_once
from harness.checks.effected_once import DUPLICATED, LABELS
from harness.history.causes import CAUSES
from tests.histories import dead, done, history, over, place, rabbit, sent, sqs

ONE = (rabbit(effects=(("place",),)), place())
SQS = (sqs(effects=(("place",),), visibility_timeout=30.0), place())
RETRY = (rabbit(effects=(("place",),), dead_letter="retry"), rabbit("retry", role="retry", ttl=5.0, dead_letter="q"), place())
WITH_DLQ = (rabbit(effects=(("place",),), dead_letter="dlq"), dead(), place())
QUEUE_AS_EFFECT = (sqs(effects=(("out.fifo",),)), sqs("out.fifo", fifo=True))
L, C = "link=svc->sqs", "link=svc->sqs conn=1"


def first(settled="", *, t=1.0, tag="1:1", link="svc->rabbitmq", mid=""):
    return f"{t} delivered q a {tag} link={link} mid={mid}\n{t + 0.1} posted a 1\n{settled}"


def second(*, t=5.0, tag="1:2", link="svc->rabbitmq", redelivered="true", mid="", conn=1):
    return f"{t} delivered q a {tag} link={link} mid={mid} conn={conn} redelivered={redelivered}\n{t + 0.1} posted a 2"


ACK2 = "5.2 settled q a 1:2 ack"
DELETED = f"1.2 settled q a r1 delete {C}\n1.2 confirmed q a r1 true {C}"

# cause of the second delivery: (label, world, lines)
CAUSED = {
    "requeue": ("requeue", ONE, [first("1.2 settled q a 1:1 requeue"), second(), ACK2]),
    "released": (
        "requeue",
        SQS,
        [
            first(
                f"1.2 settled q a r1 visibility delay=3 {C}\n1.2 confirmed q a r1 true {C}", tag="r1", link="svc->sqs", mid="m"
            ),
            second(tag="r2", link="svc->sqs", mid="m"),
        ],
    ),
    "requeue on SQS": (
        "requeue",
        SQS,
        [
            first(
                f"1.2 settled q a r1 visibility delay=0 {C}\n1.2 confirmed q a r1 true {C}", tag="r1", link="svc->sqs", mid="m"
            ),
            second(tag="r2", link="svc->sqs", mid="m"),
        ],
    ),
    "expiry_held": (
        "expiry",
        SQS,
        [f"1 delivered q a r1 {L} mid=m", second(t=32, tag="r2", link="svc->sqs", mid="m"), "33 posted a 3"],
    ),
    "expiry_slow": ("expiry", SQS, [first(tag="r1", link="svc->sqs", mid="m"), second(t=32, tag="r2", link="svc->sqs", mid="m")]),
    "expiry_crashed": (
        "expiry",
        SQS,
        [first("2 exited svc -9", tag="r1", link="svc->sqs", mid="m"), second(t=32, tag="r2", link="svc->sqs", mid="m")],
    ),
    "connection_lost": ("connection_loss", ONE, [first("2 closed svc->rabbitmq 1 rst"), second(conn=2)]),
    "channel_closed": ("connection_loss", ONE, [first("2 closed svc->rabbitmq 1 fin channel=1"), second(tag="2:1")]),
    "consumer_timeout": ("connection_loss", ONE, [first("2 closed svc->rabbitmq 1 fin channel=1 status=406"), second(tag="2:1")]),
    "service_exit": ("connection_loss", ONE, [first("2 closed svc->rabbitmq 1 rst\n2.1 exited svc -9"), second(conn=2)]),
    "ack_lost": ("ack_loss", ONE, [first("1.2 near settled q a 1:1 ack\n1.3 closed svc->rabbitmq 1 rst"), second(conn=2)]),
    "ack_lost on SQS": (
        "ack_loss",
        SQS,
        [
            first(f"1.2 near settled q a r1 delete {C}", tag="r1", link="svc->sqs", mid="m"),
            second(t=32, tag="r2", link="svc->sqs", mid="m"),
        ],
    ),
    "ack_in_doubt": ("ack_loss", ONE, [first("1.2 settled q a 1:1 ack\n1.3 closed svc->rabbitmq 1 rst"), second(conn=2)]),
    "ack_in_doubt on SQS": (
        "ack_loss",
        SQS,
        [
            first(f"1.2 settled q a r1 delete {C}", tag="r1", link="svc->sqs", mid="m"),
            second(t=32, tag="r2", link="svc->sqs", mid="m"),
        ],
    ),
    "dead_letter_cycle": ("requeue", RETRY, [first("1.2 settled q a 1:1 reject"), second(t=7, redelivered="false")]),
    "republished": (
        "requeue",
        ONE,
        [
            first(
                "1.2 near attempted q a x=1\n1.2 far attempted q a x=1\n1.2 far acknowledged q a x=1\n"
                "1.2 near acknowledged q a x=1\n1.3 settled q a 1:1 ack"
            ),
            second(redelivered="false"),
        ],
    ),
    "redriven": (
        "replay",
        ONE,
        [first("1.2 settled q a 1:1 reject\n3 harness attempted q a redriven=yes"), second(redelivered="false")],
    ),
    "producer": ("producer", ONE, [first("1.2 settled q a 1:1 ack"), sent("a", t=3), second(redelivered="false")]),
    "producer on SQS": (
        "producer",
        SQS,
        [
            first(DELETED, tag="r1", link="svc->sqs", mid="m"),
            sent("a", t=3),
            second(tag="r2", link="svc->sqs", mid="m2", redelivered="false"),
        ],
    ),
    "broker": ("broker", SQS, [first(DELETED, tag="r1", link="svc->sqs", mid="m"), second(tag="r2", link="svc->sqs", mid="m")]),
    "injected": ("broker", ONE, [first(), "5 near delivered q a 1:1\n5.1 posted a 2", "5.2 settled q a 1:1 ack"]),
}


@pytest.mark.parametrize(("label", "world", "lines"), CAUSED.values(), ids=CAUSED)
def test_a_second_effect_is_put_down_to_why_there_was_a_second_delivery(tmp_path, label, world, lines, request):
    run = history(tmp_path, sent("a"), *lines, over(t=90, queues=("q", "retry", "dlq")), world=world)
    verdict = effected_once(run)

    assert (verdict.conclusion, verdict.labels) == ("broken", (f"duplicated_by_{label}",))
    (obligation,) = run.ledger().rest()
    assert list(obligation.further or ()) == [request.node.callspec.id.split()[0]]
    assert verdict.premises_of(f"duplicated_by_{label}") == 1
    assert verdict.premises_of("duplicated") == 1


def test_what_was_lost_on_its_way_to_the_service_is_delivered_again(tmp_path):
    lines = [f"1 far delivered q a r1 {L} mid=m", second(t=32, tag="r2", link="svc->sqs", mid="m"), over(t=90)]
    run = history(tmp_path, sent("a"), *lines, world=SQS)

    assert effected_once(run).conclusion == "kept"
    assert [one.further for one in run.ledger().rest()] == [{"receive_lost": 1}]


def test_every_cause_has_been_shown():
    assert {name.split()[0] for name in CAUSED} == {*CAUSES} - {"receive_lost", "unexplained"}
    assert {*DUPLICATED} == {*CAUSES}
    assert len(LABELS) == 10


WITHOUT_REASON = {
    "SQS, before the deadline": (
        SQS,
        [first(tag="r1", link="svc->sqs", mid="m"), second(t=20, tag="r2", link="svc->sqs", mid="m")],
    ),
    "AMQP, while the first was held": (ONE, [first(), second()]),
    "AMQP, after a reject": (ONE, [first("1.2 settled q a 1:1 reject"), second()]),
}


@pytest.mark.parametrize(("world", "lines"), WITHOUT_REASON.values(), ids=WITHOUT_REASON)
def test_a_delivery_without_a_reason_leaves_the_cause_unknown(tmp_path, world, lines):
    verdict = effected_once(history(tmp_path, sent("a"), *lines, over(t=90), world=world))

    assert (verdict.conclusion, verdict.definite, verdict.possible) == ("unknown", 0, 1)


def test_two_effects_of_one_delivery_are_the_services_own(tmp_path):
    verdict = effected_once(history(tmp_path, sent("a"), first("1.15 posted a 2\n1.2 settled q a 1:1 ack"), over()))

    assert (verdict.conclusion, verdict.labels) == ("broken", ("duplicated_by_blind_retry",))
    assert verdict.premises_of("duplicated_by_blind_retry") == 1


def settled_early(tag, t, x):
    """Acknowledge first, as Celery does, and then do it."""
    return f"{t} settled q a {tag} delete {C}\n{t + 0.1} posted a {x}\n{t + 0.2} confirmed q a {tag} true {C}"


def test_what_is_done_after_an_early_acknowledgement_belongs_to_that_delivery(tmp_path):
    lines = [f"1 delivered q a r1 {L} mid=m", f"32 delivered q a r2 {L} mid=m redelivered=true"]
    lines += [settled_early("r1", 33, 1), settled_early("r2", 40, 2)]
    verdict = effected_once(history(tmp_path, sent("a"), *lines, over(t=90), world=SQS))

    assert (verdict.conclusion, verdict.labels) == ("broken", ("duplicated_by_expiry",))


def test_what_is_done_twice_after_an_early_acknowledgement_is_the_services_own(tmp_path):
    lines = [f"1 delivered q a r1 {L} mid=m", settled_early("r1", 2, 1), "3 posted a 2"]
    verdict = effected_once(history(tmp_path, sent("a"), *lines, over(), world=SQS))

    assert (verdict.conclusion, verdict.labels) == ("broken", ("duplicated_by_blind_retry",))


def test_an_effect_long_after_the_end_is_the_services_own(tmp_path):
    verdict = effected_once(history(tmp_path, sent("a"), first("1.2 settled q a 1:1 ack\n9 posted a 2"), over()))

    assert (verdict.conclusion, verdict.labels) == ("broken", ("duplicated_by_blind_retry",))


KEPT = {
    "a second delivery without a second effect": [
        sent("a"),
        first("1.2 settled q a 1:1 requeue"),
        "5 delivered q a 1:2 redelivered=true",
        ACK2,
    ],
    "an effect by the second delivery only": [sent("a"), "1 delivered q a 1:1\n1.2 settled q a 1:1 requeue", second(), ACK2],
    "asked twice, changed once": [sent("a"), done("a"), "5 near requested a 7 wire=GET\n5 near answered a 7 200"],
    "a queue without effects is not asked": [sent("a"), done("a"), sent("b", queue="other"), "2 delivered other b 1:8"],
    "what its sender said would be refused needs no effect": [
        sent("a"),
        done("a"),
        "2 harness attempted q b ends=refused\n2 harness acknowledged q b\n2 delivered q b 1:8\n2 settled q b 1:8 ack",
    ],
}


@pytest.mark.parametrize("lines", KEPT.values(), ids=KEPT)
def test_kept(tmp_path, lines):
    verdict = effected_once(history(tmp_path, *lines, over(), world=(*ONE, rabbit("other"))))

    assert (verdict.conclusion, verdict.premises) == ("kept", 2 if "refused" in lines[-1] else 1)


NOT_EFFECTED = {
    "acknowledged without effect": (ONE, ["1 delivered q a 1:1\n1.2 settled q a 1:1 ack", over()]),
    "left in its queue": (ONE, [over("q a")]),
    "dead-lettered": (WITH_DLQ, ["1 delivered q a 1:1\n1.2 settled q a 1:1 reject", over("dlq a", queues=("q", "dlq"))]),
    "in one place of two": ((rabbit(effects=(("place",), ("other",))), place(), place("other")), [done("a"), over()]),
}


@pytest.mark.parametrize(("world", "lines"), NOT_EFFECTED.values(), ids=NOT_EFFECTED)
def test_not_effected(tmp_path, world, lines):
    verdict = effected_once(history(tmp_path, sent("a"), *lines, world=world))

    assert (verdict.conclusion, verdict.labels) == ("broken", ("not_effected",))


def test_not_effected_yet_is_unknown(tmp_path):
    verdict = effected_once(history(tmp_path, sent("a"), over("q a", how="no")))

    assert (verdict.conclusion, verdict.definite, verdict.possible) == ("unknown", 0, 1)


def test_a_duplicate_is_judged_although_the_run_was_not_drained(tmp_path):
    lines = [sent("a"), first("1.2 settled q a 1:1 requeue"), second(), over(how="no")]

    assert effected_once(history(tmp_path, *lines)).label == "duplicated_by_requeue"


def test_the_message_id_that_names_a_message_is_known_only_from_the_answer(tmp_path):
    lines = [
        "0 near attempted q x=1 link=p->sqs",
        "0 far acknowledged q id:m x=1 link=p->sqs mid=m\n0 near acknowledged q id:m x=1 link=p->sqs",
    ]
    taken = [
        f"1 delivered q id:m r1 {L} mid=m\n1.1 posted id:m 1\n1.2 settled q id:m r1 delete {C}\n1.2 confirmed q id:m r1 true {C}"
    ]

    assert effected_once(history(tmp_path, *lines, *taken, over(), world=SQS)).conclusion == "kept"


def forwarded(x, mid):
    road = f"x={x} link=svc->sqs"
    return "\n".join(
        [f"{x} {at} attempted out.fifo a {road}" for at in ("near", "far")]
        + [f"{x} {at} acknowledged out.fifo a {road} mid={mid}" for at in ("far", "near")]
    )


@pytest.mark.parametrize(("mid", "conclusion"), [("f1", "kept"), ("f2", "broken")], ids=["deduplicated", "twice"])
def test_a_queue_is_an_effect_too_and_what_it_drops_as_a_duplicate_is_none(tmp_path, mid, conclusion):
    lines = [sent("a"), f"1 delivered q a r1 {L} mid=m", forwarded(2, "f1"), forwarded(3, mid)]
    end = [f"4 settled q a r1 delete {C}\n4 confirmed q a r1 true {C}", over(queues=("q", "out.fifo"))]

    assert effected_once(history(tmp_path, *lines, *end, world=QUEUE_AS_EFFECT)).conclusion == conclusion


@pytest.mark.parametrize(("found", "conclusion"), [(("out a",), "kept"), ((), "broken")], ids=["found there", "not there"])
def test_a_publisher_without_confirms_has_its_effect_where_it_is_found(tmp_path, found, conclusion):
    world = (rabbit(effects=(("out",),)), rabbit("out"))
    lines = [sent("a"), "1 delivered q a 1:1\n1.1 near attempted out a x=1\n1.1 far attempted out a x=1\n1.2 settled q a 1:1 ack"]

    assert effected_once(history(tmp_path, *lines, over(*found, queues=("q", "out")), world=world)).conclusion == conclusion


def test_verdicts_do_not_change_without_confirms(tmp_path):
    quiet = "0 near attempted q a x=1 link=p->rabbitmq\n0 far attempted q a x=1 link=p->rabbitmq"

    assert effected_once(history(tmp_path, quiet, done("a"), over())).conclusion == "kept"
    assert effected_once(history(tmp_path, quiet, "1 delivered q a 1:1\n1.2 settled q a 1:1 ack", over())).label == "not_effected"


EXPIRIES = {
    "expiry_held": "expiry held: its visibility timeout was over before any attempt had begun",
    "expiry_slow": "expiry slow: its visibility timeout was over while it was being worked on",
    "expiry_crashed": "expiry crashed: its consumer had ended, and its visibility timeout was waited for",
}


@pytest.mark.parametrize(("cause", "said"), EXPIRIES.items(), ids=EXPIRIES)
def test_a_witness_says_how_the_visibility_timeout_came_to_be_over(tmp_path, cause, said):
    _, world, lines = CAUSED[cause]
    verdict = effected_once(history(tmp_path, sent("a"), *lines, over(t=90), world=world))

    assert said in verdict.findings.labels["duplicated_by_expiry"].witnesses[0].said
