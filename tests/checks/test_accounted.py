"""Each label of `accounted`: a history that is broken so, and its neighbours in which one condition does not hold."""

import pytest

from harness.checks import accounted
from tests.histories import dead, done, history, over, place, rabbit, sent, sink, sqs

ONE = (rabbit(effects=(("place",),)), place())
WITH_DLQ = (rabbit(effects=(("place",),), dead_letter="dlq"), dead(), place())
BOTH = ("q", "dlq")
QUORUM = (rabbit(effects=(("place",),), kind="quorum", max_receive_count=2), place())
SQS = (sqs(effects=(("place",),), retention_period=300.0), place())
SQS_DLQ = (sqs(effects=(("place",),), dead_letter="dlq", max_receive_count=5), dead(broker="aws"), place())
TWO_PLACES = (rabbit(effects=(("place",), ("other",))), place(), place("other"))
EITHER = (rabbit(effects=(("place", "other"),)), place(), place("other"))
FIFO = (sqs("q.fifo", fifo=True, effects=(("place",),)), place())
NO_EFFECT = (rabbit(),)
RETRY = (rabbit(effects=(("place",),)), rabbit("retry", role="retry", ttl=5.0, dead_letter="q"), place())
PARKING = (rabbit(effects=(("place",),)), rabbit("parked", role="parking"), place())
LINK = "link=svc->sqs conn=1"


def delivered(*seconds, key="a", link="svc->rabbitmq", mid="m1"):
    return "\n".join(f"{t} delivered q {key} 1:{n} link={link} mid={mid}" for n, t in enumerate(seconds, start=1))


def requeued(*seconds):
    return "\n".join(
        f"{t} delivered q a 1:{n} redelivered={str(n > 1).lower()}\n{t + 0.1} settled q a 1:{n} requeue"
        for n, t in enumerate(seconds, start=1)
    )


ACKED = "1 delivered q a 1:1\n1.2 settled q a 1:1 ack"
REJECTED = "1 delivered q a 1:1\n1.2 settled q a 1:1 reject"
POSTED_REJECTED = "1 delivered q a 1:1\n1.1 posted a 1\n1.2 settled q a 1:1 reject"
ALIVE = "0 subscribed q link=svc->rabbitmq"
STUCK = delivered(1, 31, 61, link="svc->sqs")

BROKEN = {
    "lost: acknowledged, and gone": ("lost", ONE, [sent("a"), ALIVE, over()]),
    "lost: delivered, never settled, and gone": ("lost", ONE, [sent("a"), "1 delivered q a 1:1", over()]),
    "unrouted: returned": ("unrouted", ONE, ["0 harness attempted q a", "0 harness returned q a", ALIVE, over()]),
    "unrouted: told to send here, sent elsewhere": (
        "unrouted",
        ONE,
        ["0 harness attempted q a wire=told", "0.1 far returned nowhere a link=producer->rabbitmq", ALIVE, over()],
    ),
    "dropped: rejected without a dead-letter queue": ("dropped", ONE, [sent("a"), REJECTED, over()]),
    "dropped: rejected, and not in the dead-letter queue": ("dropped", WITH_DLQ, [sent("a"), REJECTED, over(queues=BOTH)]),
    "dropped: over the delivery limit": ("dropped", QUORUM, [sent("a"), requeued(1, 2, 3), over()]),
    "dropped: its sender wanted it dead-lettered": (
        "dropped",
        WITH_DLQ,
        ["0 harness attempted q a ends=dead-lettered", "0 harness acknowledged q a", ACKED, over(queues=BOTH)],
    ),
    "expired: never delivered": ("expired", SQS, [sent("a"), "0 subscribed q link=svc->sqs", over(t=400)]),
    "expired: delivered, never settled": ("expired", SQS, [sent("a"), delivered(1, link="svc->sqs"), over(t=400)]),
    "expired: x-message-ttl": ("expired", (rabbit(effects=(("place",),), ttl=10.0), place()), [sent("a"), ALIVE, over()]),
    "acked without effect": ("acked_without_effect", ONE, [sent("a"), ACKED, over()]),
    "acked without effect: deleted": (
        "acked_without_effect",
        SQS,
        [
            sent("a"),
            delivered(1, link="svc->sqs"),
            f"2 settled q a 1:1 delete {LINK}",
            f"2 confirmed q a 1:1 true {LINK}",
            over(),
        ],
    ),
    "partly effected": ("partly_effected", TWO_PLACES, [sent("a"), done("a"), over()]),
    "partly effected: only the second place": (
        "partly_effected",
        TWO_PLACES,
        [sent("a"), "1 delivered q a 1:1\n1.1 posted a 1 link=svc->other\n1.2 settled q a 1:1 ack", over()],
    ),
    "effected and dead-lettered": (
        "effected_and_dead_lettered",
        WITH_DLQ,
        [sent("a"), POSTED_REJECTED, over("dlq a", queues=BOTH)],
    ),
    "effected and dead-lettered, not drained": (
        "effected_and_dead_lettered",
        WITH_DLQ,
        [sent("a"), POSTED_REJECTED, over("dlq a", queues=BOTH, how="no")],
    ),
    "deduplicated": (
        "deduplicated",
        FIFO,
        [
            "0 harness attempted q.fifo a\n0 harness acknowledged q.fifo a mid=m1",
            "0 harness attempted q.fifo b\n0 harness acknowledged q.fifo b mid=m1",
            "1 delivered q.fifo a r1 link=svc->sqs mid=m1\n1.1 posted a 1",
            f"1.2 settled q.fifo a r1 delete {LINK}\n1.2 confirmed q.fifo a r1 true {LINK}",
            over(queues=("q.fifo",)),
        ],
    ),
    "stuck": ("stuck", SQS, [sent("a"), STUCK, over("q a", t=80, how="steady")]),
    "stuck, not drained": ("stuck", SQS, [sent("a"), STUCK, over("q a", t=80, how="no")]),
    "stuck: requeued on AMQP": ("stuck", ONE, [sent("a"), requeued(1, 2, 3, 4), over("q a", how="steady")]),
    "wedged": ("wedged", ONE, [sent("a"), "1 delivered q a 1:1", over("q a")]),
    "wedged: given back, never taken again": ("wedged", ONE, [sent("a"), requeued(1), over("q a")]),
    "unconsumed": ("unconsumed", ONE, [sent("a"), ALIVE, over("q a")]),
}

KEPT = {
    "effected": (ONE, [sent("a"), done("a"), over()]),
    "lost? still in its queue, nobody consumed": (ONE, [sent("a"), over("q a")]),
    "unrouted? returned once, then sent again": (
        ONE,
        ["0 harness attempted q a\n0 harness returned q a", sent("a"), done("a"), over()],
    ),
    "dropped? it is in the dead-letter queue": (WITH_DLQ, [sent("a"), REJECTED, over("dlq a", queues=BOTH)]),
    "dropped? within the delivery limit": (QUORUM, [sent("a"), requeued(1, 2), done("a", t=3, first=3), over()]),
    "dropped? its sender wanted it dead-lettered, and it is": (
        WITH_DLQ,
        ["0 harness attempted q a ends=dead-lettered\n0 harness acknowledged q a", REJECTED, over("dlq a", queues=BOTH)],
    ),
    "dropped? its sender wanted it dead-lettered, and it waits": (
        WITH_DLQ,
        ["0 harness attempted q a ends=dead-lettered\n0 harness acknowledged q a", ALIVE, over("q a", queues=BOTH)],
    ),
    "expired? effected before": (SQS, [sent("a"), delivered(1, link="svc->sqs"), "1.1 posted a 1", over(t=400)]),
    "acked without effect? its sender said that it would be refused": (
        ONE,
        ["0 harness attempted q a ends=refused\n0 harness acknowledged q a", ACKED, over()],
    ),
    "acked without effect? no effect is due": (NO_EFFECT, [sent("a"), ACKED, over()]),
    "acked without effect? handed on to a retry queue": (
        RETRY,
        [
            sent("a"),
            "1 delivered q a 1:1\n1.1 near attempted retry a x=1\n1.1 far attempted retry a x=1",
            "1.1 far acknowledged retry a x=1\n1.1 near acknowledged retry a x=1\n1.2 settled q a 1:1 ack",
            over("retry a", queues=("q", "retry")),
        ],
    ),
    "acked without effect? handed on to a parking queue": (
        PARKING,
        [
            sent("a"),
            "1 delivered q a 1:1\n1.1 near attempted parked a x=1\n1.1 far attempted parked a x=1",
            "1.1 far acknowledged parked a x=1\n1.1 near acknowledged parked a x=1\n1.2 settled q a 1:1 ack",
            over("parked a", queues=("q", "parked")),
        ],
    ),
    "partly effected? in both places": (
        TWO_PLACES,
        [sent("a"), "1 delivered q a 1:1\n1.1 posted a 1\n1.1 posted a 1 link=svc->other\n1.2 settled q a 1:1 ack", over()],
    ),
    "partly effected? either place is enough": (
        EITHER,
        [sent("a"), "1 delivered q a 1:1\n1.1 posted a 1 link=svc->other\n1.2 settled q a 1:1 ack", over()],
    ),
    "effected and dead-lettered? only dead-lettered": (WITH_DLQ, [sent("a"), REJECTED, over("dlq a", queues=BOTH)]),
    "deduplicated? the same message sent again": (
        FIFO,
        [
            "0 harness attempted q.fifo a\n0 harness acknowledged q.fifo a mid=m1",
            "0 harness attempted q.fifo a\n0 harness acknowledged q.fifo a mid=m1",
            "1 delivered q.fifo a r1 link=svc->sqs mid=m1\n1.1 posted a 1",
            f"1.2 settled q.fifo a r1 delete {LINK}\n1.2 confirmed q.fifo a r1 true {LINK}",
            over(queues=("q.fifo",)),
        ],
    ),
    "stuck? effected the third time": (SQS, [sent("a"), STUCK, "62 posted a 1", over("q a", t=80)]),
    "stuck? it has a dead-letter queue, and receives left": (SQS_DLQ, [sent("a"), STUCK, over("q a", t=80, queues=BOTH)]),
    "stuck? let go of with a pause each time": (
        SQS,
        [
            sent("a"),
            STUCK,
            f"61.1 settled q a 1:3 visibility delay=600 {LINK}\n61.1 confirmed q a 1:3 true {LINK}",
            over("q a", t=80),
        ],
    ),
    "wedged? its consumer is gone": (ONE, ["0 started svc", sent("a"), "1 delivered q a 1:1", "2 exited svc -9", over("q a")]),
    "unconsumed? its consumer is gone": (ONE, ["0 started svc", sent("a"), ALIVE, "2 exited svc 1", over("q a")]),
    "the edge of the world is not judged": ((*ONE, rabbit("out")), [sent("a"), done("a"), sent("b", queue="out"), over("out b")]),
    "a queue nobody declared is not judged": (ONE, [sent("a"), done("a"), sent("b", queue="strange"), over()]),
    "a send that never reached the broker cannot be lost": (
        ONE,
        [sent("a"), done("a"), "1 near attempted q b link=producer->rabbitmq", over()],
    ),
    "a send that was refused cannot be lost": (
        ONE,
        [
            sent("a"),
            done("a"),
            "1 near attempted q b link=p->rabbitmq\n1 far attempted q b link=p->rabbitmq\n1 far refused q b link=p->rabbitmq",
            over(),
        ],
    ),
    "a send in doubt cannot be lost": (ONE, [sent("a"), done("a"), "1 harness attempted q b", over()]),
}

UNKNOWN = {
    "wedged? not drained": (ONE, [sent("a"), "1 delivered q a 1:1", over("q a", how="no")], "not drained"),
    "acked without effect? not drained": (ONE, [sent("a"), ACKED, over(how="no")], "not drained"),
    "lost? not scanned": (ONE, [sent("a"), ALIVE, "5 drained no", "5 closing"], "not drained"),
    "expired? not drained": (SQS, [sent("a"), delivered(1, link="svc->sqs"), over(t=400, how="no")], "not drained"),
    "acked without effect? its ack was under way when the connection broke": (
        ONE,
        [sent("a"), ACKED, "1.3 closed svc->rabbitmq 1 rst", "50 drained quiet", "50 closing"],
        "may be acked_without_effect",
    ),
    "lost? a settlement was lost, perhaps": (
        ONE,
        [sent("a"), "1 delivered q a 1:1\n1.2 near settled q a 1:1 ack\n1.3 closed svc->rabbitmq 1 rst", over()],
        "may be lost",
    ),
    "unrouted? only one of two sends was returned": (
        ONE,
        ["0 harness attempted q a\n0 harness returned q a\n0 harness attempted q a", ALIVE, over()],
        "may be unrouted",
    ),
}


@pytest.mark.parametrize(("label", "world", "lines"), BROKEN.values(), ids=BROKEN)
def test_broken(tmp_path, label, world, lines):
    verdict = accounted(history(tmp_path, *lines, world=(*world, sink())))

    assert (verdict.conclusion, verdict.labels) == ("broken", (label,))
    assert verdict.premises_of(label) >= verdict.definite == 1
    assert verdict.witnesses[0].message in "ab"
    assert verdict.witnesses[0].events


@pytest.mark.parametrize(("world", "lines"), KEPT.values(), ids=KEPT)
def test_kept(tmp_path, world, lines):
    verdict = accounted(history(tmp_path, *lines, world=world))

    assert (verdict.conclusion, verdict.possible) == ("kept", 0)


@pytest.mark.parametrize(("world", "lines", "reason"), UNKNOWN.values(), ids=UNKNOWN)
def test_unknown(tmp_path, world, lines, reason):
    verdict = accounted(history(tmp_path, *lines, world=world))

    assert verdict.conclusion == "unknown"
    assert reason in verdict.sentence


def test_a_message_put_away_comes_back_when_more_happens_to_it(tmp_path):
    run = history(tmp_path, sent("a", "b"), done("a", "b"), "5 delivered q a 1:9", "5.1 settled q a 1:9 reject", over())

    assert accounted(run).conclusion == "kept"
    assert run.ledger().world.queues["q"].obligations["a"].further == {"broker": 1}
    assert list(run.ledger().world.queues["q"].obligations) == ["a"]


@pytest.mark.parametrize(
    ("healed", "labels"),
    [("", set()), ("3 fault f1 outage svc->rabbitmq ended", {"wedged", "unconsumed"})],
    ids=["still down", "healed"],
)
def test_what_waits_behind_a_link_that_is_still_down_waits(tmp_path, healed, labels):
    cut = "1 delivered q a 1:1\n2 fault f1 outage svc->rabbitmq began\n2 closed svc->rabbitmq 1 fin"

    assert set(accounted(history(tmp_path, sent("a", "b"), cut, healed, over("q a", "q b"))).findings.labels) == labels


def test_what_was_returned_and_handed_out_is_not_unrouted(tmp_path):
    lines = ["0 harness attempted q a\n0 harness returned q a\n0 harness attempted q a", done("a"), over()]

    assert accounted(history(tmp_path, *lines)).conclusion == "kept"
