"""What the fold makes of single turns of events: counts, deadlines, doubts and what it takes no notice of."""

import pytest

from harness.checks import accounted, effected_once, nothing_dead_lettered
from harness.history.causes import by_status, failure_class
from tests.histories import dead, done, history, over, place, rabbit, sent, sink, sqs

SQS = (sqs(effects=(("place",),), visibility_timeout=30.0), place())
L, C = "link=svc->sqs mid=m", "link=svc->sqs"
DELETE = "settled q a r1 delete link=svc->sqs"


def obligation(run, key="a", queue="q"):
    found = run.ledger().world.queues[queue].find(key)
    assert found is not None
    return found


NOT_OURS = {
    "a queue nobody declared": "1 harness attempted x a\n1 harness acknowledged x a\n1 harness refused x a\n1 delivered x a 1:1",
    "a message without a name": "1 harness attempted q x=1\n1 harness acknowledged q x=1\n1 delivered q\n1 residue q",
    "a refusal without a name": "1 far refused q x=1",
    "a residue nobody declared": "1 residue x a",
    "a settlement of nothing known": "1 settled q a 9:9 ack\n1 confirmed q a 9:9 true",
    "an answer to nothing known": "1 resource requested a 9\n1 resource answered a 9 200\n1 near answered a 9 200",
    "an answer of SQS": "1 far answered x=3",
    "a consumer that only cancels": "1 settled q a 1:1 cancel",
    "a scan of a queue nobody declared": "1 scanned x\n1 repeated x a\n1 subscribed x link=svc->rabbitmq",
    "a connection that was refused": "1 near closed svc->rabbitmq 7 refused\n1 closed conn=3",
    "a connection nothing was known of": "1 closed svc->rabbitmq 7 fin\n1 closed svc->rabbitmq 7 fin",
    "a dead letter of our own publishing": "1 harness attempted dlq z\n1 harness acknowledged dlq z\n1 harness refused dlq z",
    "a return of nothing known": "1 near returned nowhere zzz",
    "an alarm sink": "1 resource effected zzz 4 link=svc->alarms",
    "a change over no link": "1 resource effected a link= conn=5",
    "ordinary life": "1 opened svc->rabbitmq\n1 canary\n1 judged",
}


@pytest.mark.parametrize("lines", NOT_OURS.values(), ids=NOT_OURS)
def test_what_is_no_business_of_a_promise_changes_nothing(tmp_path, lines):
    world = (rabbit(effects=(("place",),)), dead(), place(), sink())
    run = history(tmp_path, sent("a"), lines, done("a", t=2), over(queues=("q", "dlq")), world=world)

    assert effected_once(run).conclusion == accounted(run).conclusion == "kept"
    assert run.ledger().finished() == 1


def test_many_deliveries_are_counted_and_a_few_are_kept(tmp_path):
    lines = "\n".join(f"{n} delivered q a r{n} {L}" for n in range(1, 50))
    run = history(tmp_path, sent("a"), lines, world=(sqs(visibility_timeout=0.5),))

    assert (obligation(run).far, len(obligation(run).deliveries)) == (49, 32)
    assert obligation(run).further == {"expiry_held": 48}
    assert obligation(run).deliveries[0].far_t == 1


# ------------------------------------------------------------------------------------------------------- SQS deadlines

TAKEN = f"1 delivered q a r1 {L}"
HEARTBEAT = f"20 settled q a r1 visibility delay=30 {C}\n20 confirmed q a r1 true {C}\n21 near requested a 1 wire=POST"
# what came before, when it was handed out again, why
DEADLINES = {
    "the queue's": (TAKEN, 30, "expiry_held"),
    "the queue's, not over": (TAKEN, 29, "unexplained"),
    "the request's own": (f"{TAKEN} visibility=5", 6, "expiry_held"),
    "from the request on": (f"3 delivered q a r1 {L} requested=2", 31, "unexplained"),
    "from the request on, over": (f"3 delivered q a r1 {L} requested=2", 32, "expiry_held"),
    "extended": (f"{TAKEN}\n{HEARTBEAT}", 45, "unexplained"),
    "extended, over": (f"{TAKEN}\n{HEARTBEAT}", 51, "expiry_slow"),
    "an extension that was refused": (
        f"{TAKEN}\n20 settled q a r1 visibility delay=30 {C}\n20 confirmed q a r1 false {C}",
        31,
        "expiry_held",
    ),
    "an extension that came too late": (
        f"{TAKEN}\n33 settled q a r1 visibility delay=30 {C}\n33 confirmed q a r1 true {C}",
        40,
        "expiry_held",
    ),
    "a delete that was refused": (f"{TAKEN}\n2 {DELETE}\n2 confirmed q a r1 false {C}", 31, "expiry_held"),
    "a delete that came too late": (f"{TAKEN}\n33 {DELETE}\n33 confirmed q a r1 true {C}", 34, "expiry_held"),
}


@pytest.mark.parametrize(("lines", "t", "cause"), DEADLINES.values(), ids=DEADLINES)
def test_a_message_comes_back_when_its_deadline_is_over(tmp_path, lines, t, cause):
    run = history(tmp_path, sent("a"), lines, f"{t} delivered q a r2 {L}", world=SQS)

    assert obligation(run).further == {cause: 1}


def test_between_alive_for_sure_and_expired_for_sure_lies_what_may_be(tmp_path):
    (delivery,) = obligation(history(tmp_path, sent("a"), f"1 delivered q a r1 {L}", world=SQS)).deliveries

    assert (delivery.lo, delivery.hi) == (30.0, 32.0)


def test_a_delete_that_came_too_late_may_not_have_deleted(tmp_path):
    lines = [f"1 delivered q a r1 {L}", f"33 {DELETE}", f"33 confirmed q a r1 true {C}", over("q a", t=60)]
    run = history(tmp_path, sent("a"), *lines, world=SQS)

    assert obligation(run).acked is None
    assert accounted(run).label == "wedged"


# ------------------------------------------------------------------------------------------------------ AMQP settlement


def test_a_consumer_that_never_acknowledges_settles_with_the_delivery(tmp_path):
    lines = ["1 far delivered q a 1:1\n1 far settled q a 1:1 no_ack\n1 near delivered q a 1:1\n1.1 posted a 1", over()]
    run = history(tmp_path, sent("a"), *lines)

    assert effected_once(run).conclusion == accounted(run).conclusion == "kept"
    assert obligation(run).injected == 0


def test_with_its_connection_a_channel_is_gone_too(tmp_path):
    text = "text=PRECONDITION_FAILED~-~unknown~delivery~tag~7"
    lines = [
        "1 delivered q a 1:1\n1 delivered q b 2:1",
        f"2 closed svc->rabbitmq 1 fin channel=1 status=406 {text}",
        "3 closed svc->rabbitmq 1 fin",
    ]
    run = history(tmp_path, sent("a", "b"), *lines)

    assert [obligation(run, key).deliveries[0].end for key in "ab"] == ["channel_closed", "connection_lost"]


# --------------------------------------------------------------------------------------------------------------- doubt


def test_a_server_error_after_the_change_leaves_doubt(tmp_path):
    changed = "1 delivered q a 1:1\n1.1 near requested a 1 wire=POST\n1.1 resource effected a 1"
    run = history(tmp_path, sent("a"), changed, "1.2 resource answered a 1 504\n1.2 near answered a 1 504")

    assert failure_class(obligation(run).last, []) == "in_doubt"


def test_an_answer_to_a_stranger_leaves_none(tmp_path):
    cut = "1 near requested zzz 1 wire=POST\n1 resource requested zzz 1\n1.2 near closed svc->place 1 rst"
    failed = "2 near requested zzz 2\n2 near answered zzz 2 500"

    assert accounted(history(tmp_path, sent("a"), cut, failed, done("a", t=3), over())).conclusion == "kept"


@pytest.mark.parametrize("status", [404, 200])
def test_a_question_that_was_answered_ends_the_doubt(tmp_path, status):
    doubt = "1 delivered q a 1:1\n1.1 near requested a 1 wire=POST\n1.1 resource requested a 1\n1.2 near closed svc->place 1 rst"
    asked = f"2 near requested a 2 wire=GET conn=2\n2 near answered a 2 {status} conn=2"

    assert obligation(history(tmp_path, sent("a"), doubt)).in_doubt
    assert not obligation(history(tmp_path, sent("a"), doubt, asked)).in_doubt


def test_a_question_that_failed_does_not(tmp_path):
    doubt = "1 delivered q a 1:1\n1.1 near requested a 1 wire=POST\n1.1 resource requested a 1\n1.2 near closed svc->place 1 rst"
    asked = "2 near requested a 2 wire=GET conn=2\n2 near answered a 2 500 conn=2"

    assert obligation(history(tmp_path, sent("a"), doubt, asked)).in_doubt


OUT = (rabbit(effects=(("out",),), dead_letter="dlq"), dead(), rabbit("out"))
SENDS = {
    "cut before the broker had it": ("", "1.2 closed svc->rabbitmq 1 fin", "transient_dead_lettered"),
    "cut before its confirm": ("1.1 far attempted out a x=1", "1.2 closed svc->rabbitmq 1 fin", "in_doubt_dead_lettered"),
    "refused": (
        "1.1 far attempted out a x=1\n1.1 far refused out a x=1",
        "1.2 near refused out a x=1 status=400",
        "dead_lettered",
    ),
}


@pytest.mark.parametrize(("far", "then", "label"), SENDS.values(), ids=SENDS)
def test_an_effect_that_is_a_send_fails_in_classes_too(tmp_path, far, then, label):
    lines = ["1 delivered q a 5:1 conn=2\n1.1 near attempted out a x=1", far, then, "2 settled q a 5:1 reject conn=2"]
    run = history(tmp_path, sent("a"), *lines, over("dlq a", queues=("q", "dlq", "out")), world=OUT)

    assert nothing_dead_lettered(run).label == label


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (None, ""),
        (200, ""),
        (399, ""),
        (408, "transient"),
        (503, "transient"),
        (401, "configuration"),
        (422, "permanent"),
        (418, "permanent"),
    ],
)
def test_a_status_has_a_class(status, name):
    assert by_status(status) == name


def test_no_delivery_has_no_class():
    assert failure_class(None, []) == ""


# --------------------------------------------------------------------------------------------------------- many places


def test_effects_in_several_places_are_kept_apart(tmp_path):
    world = (rabbit(effects=(("place",), ("two",), ("three",))), place(), place("two"), place("three"))
    order = ["three", "place", "three", "two", "place"]
    posted = "\n".join(f"1.{n} posted a {n} link=svc->{name}" for n, name in enumerate(order, start=1))
    run = history(tmp_path, sent("a"), "1 delivered q a 1:1", posted, "2 settled q a 1:1 ack", over(), world=world)

    assert [len(effects) for effects in run.ledger().effects(obligation(run))] == [2, 1, 2]
    assert effected_once(run).definite == 2


def test_a_queue_reaches_its_consumer_on_two_links(tmp_path):
    lines = "1 delivered q a 1:1 link=one->rabbitmq\n1 posted a 1 link=one->place\n1 settled q a 1:1 ack link=one->rabbitmq"
    other = "2 delivered q b 1:1 link=two->rabbitmq\n2 posted b 1 link=two->place\n2 settled q b 1:1 ack link=two->rabbitmq"
    run = history(tmp_path, sent("a", "b"), lines, other, over())

    assert effected_once(run).conclusion == "kept"
    assert sorted(run.ledger().world.queues["q"].links) == ["one->rabbitmq", "two->rabbitmq"]


def test_a_publisher_without_confirms_is_not_remembered_for_ever(tmp_path):
    lines = "\n".join(f"1 {at} attempted q k{n} x={n} link=p->rabbitmq" for n in range(1200) for at in ("near", "far"))
    run = history(tmp_path, lines)

    assert len(run.ledger().world.roads["p->rabbitmq"].sends) == 1000
    assert len(run.ledger().world.queues["q"].obligations) == 1200


def test_a_service_is_restarted_and_lives(tmp_path):
    world = run_world(tmp_path, "0 started svc\n0.5 ready svc\n1 exited svc -9\n2 started svc\n2.5 ready svc")

    assert (world.services["svc"].alive, world.services["svc"].ready) == (True, 0.5)


def run_world(folder, *lines):
    return history(folder, *lines).ledger().world
