"""What faults of single messages leave in a journal, and what the fold makes of it: copies, losses on the way, changed keys."""

import pytest

from harness.checks import accounted, effected_once
from tests.histories import USUAL, done, history, over, place, rabbit, sent, sqs

SQS = (sqs(effects=(("place",),), visibility_timeout=30.0), place())
L = "link=svc->sqs mid=m"
F1 = "1 fault f1 {fault} began"
TAKEN = f"2 delivered q a r1 {L}"


def obligation(run, key="a", queue="q"):
    found = run.ledger().world.queues[queue].find(key)
    assert found is not None
    return found


def fault(name, link="svc->place"):
    return f"1 fault f1 {name} {link} began"


def bites(run):
    return [one.bites for one in run.ledger().world.faults.values()]


# ------------------------------------------------------------------------------------------------- deliveries, twice

TWICE = f"{TAKEN}\n2 near delivered q a r1 {L}"
"""The far tap saw one, the near tap the message and its copy, with one receipt."""


def test_a_copy_of_a_delivery_is_ours_and_its_effect_the_copys(tmp_path):
    lines = [sent("a"), fault("duplicate", "svc->sqs"), f"1.9 far bit f1 q a {L}", TWICE, "3 posted a 1", "4 posted a 2"]
    run = history(tmp_path, *lines, f"5 settled q a r1 delete {L}", f"5 confirmed q a r1 true {L}", over(), world=SQS)

    assert obligation(run).further == {"injected": 1}
    assert (obligation(run).far, obligation(run).near, obligation(run).injected) == (1, 2, 1)
    assert effected_once(run).labels == ("duplicated_by_broker",)
    assert bites(run) == [1]
    assert accounted(run).conclusion == "kept"


def test_the_copy_does_not_change_when_the_broker_hands_out_again_and_why(tmp_path):
    run = history(tmp_path, sent("a"), TWICE, f"33 delivered q a r2 {L}", world=SQS)
    assert obligation(run).further == {"injected": 1, "expiry_held": 1}

    run = history(tmp_path, sent("a"), TWICE, f"20 delivered q a r2 {L}", world=SQS)
    assert obligation(run).further == {"injected": 1, "unexplained": 1}


def test_a_copy_on_amqp_is_settled_by_its_service_and_nobody_else_hears_of_it(tmp_path):
    copy = "2 near delivered q a 1:1+1 fault=f1\n3 posted a 1\n3.1 settled q a 1:1 ack\n3.2 near settled q a 1:1+1 ack fault="
    run = history(tmp_path, sent("a"), "2 delivered q a 1:1", copy, over())

    assert obligation(run).further == {"injected": 1}
    assert [one.end for one in obligation(run).deliveries] == ["ack", "ack"]
    assert accounted(run).conclusion == effected_once(run).conclusion == "kept"


def test_copies_are_not_kept_without_end(tmp_path):
    copies = "\n".join(f"2 near delivered q a r1 {L}" for _ in range(50))
    run = history(tmp_path, sent("a"), TAKEN, copies, world=SQS)

    assert (obligation(run).injected, len(obligation(run).deliveries)) == (50, 32)


# --------------------------------------------------------------------------------------------------- requests, twice

POSTED_TWICE = """
2.1 near requested a 1 wire=POST
2.1 near requested a 2 wire=POST fault=f1
2.2 resource requested a 1 wire=POST
2.2 resource effected a 1 wire=POST
2.2 resource answered a 1 200
2.2 near answered a 1 200
2.3 resource requested a 2 wire=POST
2.3 resource effected a 2 wire=POST
2.3 resource answered a 2 200
"""


def test_a_request_that_a_fault_sends_again_is_no_attempt_of_the_service(tmp_path):
    lines = [sent("a"), fault("duplicate"), "2 delivered q a 1:1", "2.1 near bit f1 key=a x=1 link=svc->place", POSTED_TWICE]
    run = history(tmp_path, *lines, "3 settled q a 1:1 ack", "4 near closed svc->place 1 fin", over())

    verdict = effected_once(run)
    assert verdict.labels == ("duplicated_by_network",)
    assert "because the same request came twice" in verdict.sentence
    assert obligation(run).attempt_ts is None
    assert not obligation(run).doubted


def test_a_copy_that_the_resource_knows_again_changes_nothing(tmp_path):
    known = "\n".join(line for line in POSTED_TWICE.splitlines() if "effected a 2" not in line)
    lines = [sent("a"), fault("duplicate"), "2 delivered q a 1:1", "2.1 near bit f1 key=a x=1 link=svc->place", known]
    run = history(tmp_path, *lines, "3 settled q a 1:1 ack", over())

    assert effected_once(run).conclusion == "kept"
    assert effected_once(run).premises_of("duplicated_by_network") == 1


def test_a_copy_of_nothing_known_is_nothing(tmp_path):
    run = history(tmp_path, sent("a"), "1 near requested zzz 7 wire=POST fault=f1", done("a", t=2), over())

    assert effected_once(run).conclusion == "kept"


# ------------------------------------------------------------------------------------------------------ sends, twice

THROUGH = (sqs("in"), sqs("q", effects=(("place",),)), place())


def send(x, seats, *more, kind="attempted", t=1, link="svc->sqs"):
    return "\n".join(f"{t} {at} {kind} q a x={x} conn=4 link={link} {' '.join(more)}" for at in seats)


def handled(t, tag, mid):
    common = f"link=other->sqs mid={mid}"
    deleted = f"{t + 0.2:.1f} settled q a {tag} delete {common}\n{t + 0.2:.1f} confirmed q a {tag} true {common}"
    return f"{t} delivered q a {tag} {common}\n{t + 0.1:.1f} posted a {t} link=other->place conn={t}\n{deleted}"


def test_a_send_that_a_fault_repeats_is_a_copy_whose_second_delivery_it_explains(tmp_path):
    both = send(1, ("near", "far")), send(2, ("near",), "fault=f1"), send(2, ("far",))
    acks = send(1, ("far", "near"), "mid=m1", kind="acknowledged"), send(2, ("far",), "mid=m2", kind="acknowledged")
    lines = [fault("duplicate", "svc->sqs"), "1 near bit f1 q a x=1 conn=4 link=svc->sqs", *both, *acks]
    run = history(tmp_path, *lines, handled(2, "r1", "m1"), handled(3, "r2", "m2"), over(queues=("q", "in")), world=THROUGH)

    assert obligation(run).further == {"injected": 1}
    assert (obligation(run).tries, obligation(run).acks) == (1, 1)
    assert effected_once(run).labels == ("duplicated_by_broker",)


def test_a_copy_that_a_fifo_queue_knows_again_is_not_waited_for(tmp_path):
    fifo = (sqs("q.fifo", fifo=True), place())
    text = "\n".join([send(1, ("near", "far")), send(2, ("near",), "fault=f1"), send(2, ("far",))])
    acks = send(1, ("far", "near"), "mid=m1", kind="acknowledged"), send(2, ("far",), "mid=m1", kind="acknowledged")
    lines = "\n".join([fault("duplicate", "svc->sqs"), "1 near bit f1 q a x=1 conn=4 link=svc->sqs", text, *acks])
    run = history(tmp_path, lines.replace(" q a ", " q.fifo a "), over(queues=("q.fifo",)), world=fifo)

    assert obligation(run, queue="q.fifo").pending is None
    assert not obligation(run, queue="q.fifo").deduplicated


def test_a_copy_on_amqp_is_a_copy_without_a_word_of_the_broker(tmp_path):
    sends = send(1, ("near", "far"), link="svc->rabbitmq"), send(2, ("near",), "fault=f1", link="svc->rabbitmq")
    lines = [*sends, send(2, ("far",), link="svc->rabbitmq"), "2 delivered q a 1:1", "2 delivered q a 1:2"]
    run = history(tmp_path, *lines)

    assert obligation(run).further == {"injected": 1}


def test_the_far_tap_gives_copies_the_number_of_their_original(tmp_path):
    copies = send(1, ("far",), "fault=f1", link="svc->rabbitmq"), send(1, ("far",), "fault=f1", link="svc->rabbitmq")
    acks = send(1, ("far", "near"), link="svc->rabbitmq", kind="acknowledged")
    acked = send(1, ("far",), "fault=f1", link="svc->rabbitmq", kind="acknowledged")
    lines = [send(1, ("near", "far"), link="svc->rabbitmq"), *copies, acks, acked]
    run = history(tmp_path, *lines, *(f"2 delivered q a 1:{n}" for n in (1, 2, 3)))

    assert obligation(run).further == {"injected": 2}
    assert (obligation(run).tries, obligation(run).acks) == (1, 1)


def test_a_copy_of_what_a_consumer_hands_on_is_a_copy_too(tmp_path):
    world = (rabbit("q", effects=(("place",),)), place())
    handed = send(1, ("near", "far"), link="svc->rabbitmq"), send(2, ("near",), "fault=f1", link="svc->rabbitmq")
    lines = ["0.5 delivered q a 1:1", *handed, send(2, ("far",), link="svc->rabbitmq"), "2 settled q a 1:1 ack"]
    run = history(tmp_path, sent("a"), *lines, "3 delivered q a 1:2", "4 delivered q a 1:3", world=world)

    assert obligation(run).further == {"republished": 1, "injected": 1}


def test_the_copy_of_a_send_that_is_an_effect_is_no_second_attempt(tmp_path):
    world = (rabbit("q", effects=(("out",),)), rabbit("out"))
    out = [line.replace(" q a ", " out a ") for line in (send(1, ("near", "far")), send(2, ("near",), "fault=f1"))]
    acks = send(1, ("far", "near"), kind="acknowledged"), send(2, ("far",), kind="acknowledged")
    lines = [*out, send(2, ("far",)).replace(" q a ", " out a "), *(line.replace(" q a ", " out a ") for line in acks)]
    text = "\n".join(["0.5 delivered q a 1:1", *lines]).replace("svc->sqs", "svc->rabbitmq")
    run = history(tmp_path, sent("a"), text, "2 settled q a 1:1 ack", over(queues=("q", "out")), world=world)

    assert effected_once(run).labels == ("duplicated_by_network",)
    assert send(9, ("near",), "fault=f1", link="svc->rabbitmq")
    alone = "1 near attempted out a x=9 conn=9 fault=f1\n1 far attempted out a x=9 conn=9\n1 near closed svc->rabbitmq 9 fin"
    run = history(tmp_path, sent("a"), alone, over(queues=("q", "out")), world=world)
    assert effected_once(run).label == "not_effected"


# ------------------------------------------------------------------------------------------------- lost on the way


def test_what_rabbitmq_handed_out_and_nobody_saw_is_on_its_way(tmp_path):
    lines = [sent("a"), fault("answer_lost", "svc->rabbitmq"), "2 far delivered q a 1:1", "2 far bit f1 q a"]
    run = history(tmp_path, *lines, over("q a"))

    assert accounted(run).conclusion == "vacuous"
    assert effected_once(run).conclusion == "unknown"
    assert "on its way when the history was closed" in effected_once(run).sentence


@pytest.mark.parametrize(("how", "cause"), [("ack", "ack_lost"), ("reject", "ack_lost"), ("requeue", "connection_lost")])
def test_a_settlement_that_never_came_to_the_broker_explains_what_its_connection_gives_back(tmp_path, how, cause):
    lines = ["1 delivered q a 1:1", f"2 near settled q a 1:1 {how}", "3 closed svc->rabbitmq 1 fin"]
    run = history(tmp_path, sent("a"), *lines, "4 delivered q a 1:1 conn=2 redelivered=true")

    assert obligation(run).further == {cause: 1}


def test_what_was_under_way_as_its_consumer_hung_up_comes_again_because_nobody_had_it(tmp_path):
    lines = ["1 closed svc->rabbitmq 1 fin", "1.1 far delivered q a 1:1", "2 delivered q a 1:1 conn=2 redelivered=true"]
    run = history(tmp_path, sent("a"), *lines, "2.1 posted a 1", "2.2 settled q a 1:1 ack conn=2", over())

    assert obligation(run).further == {"receive_lost": 1}
    assert accounted(run).conclusion == effected_once(run).conclusion == "kept"


def test_a_lost_acknowledgement_that_had_no_consequence_is_none_of_the_consumers_doing(tmp_path):
    lost = ["1 delivered q a 1:1", "1.1 posted a 1", "2 near settled q a 1:1 ack"]
    without_effect = (rabbit(),)

    assert accounted(history(tmp_path, sent("a"), *lost, over("q a"))).conclusion == "kept"
    assert accounted(history(tmp_path, sent("a"), *lost, over("q a"), world=without_effect)).conclusion == "kept"


def test_who_waits_behind_a_lost_acknowledgement_may_not_have_been_given_anything(tmp_path):
    lost = ["1 delivered q a 1:1", "1.1 posted a 1", "2 near settled q a 1:1 ack"]
    run = history(tmp_path, sent("a", "b"), *lost, over("q a", "q b"))

    assert [check(run).conclusion for check in (accounted, effected_once)] == ["unknown", "unknown"]
    assert "may be unconsumed" in accounted(run).sentence


def test_a_copy_of_a_settlement_is_no_word_of_the_services(tmp_path):
    lines = [TAKEN, f"3 near settled q a r1 delete {L} fault=f1"]

    assert obligation(history(tmp_path, sent("a"), *lines, world=SQS)).last.word == ""


# -------------------------------------------------------------------------------------------------- what counts as a bite

BITS = {
    "a settlement taken away, and said again": (
        "request_lost",
        f"{TAKEN}\n3 near settled q a r1 delete {L}\n3 near bit f1 q a {L}\n4 near settled q a r1 delete {L}",
        True,
    ),
    "a settlement taken away": ("request_lost", f"{TAKEN}\n3 near settled q a r1 delete {L}\n3 near bit f1 q a {L}", False),
    "a message that waits": ("held", f"2 far delivered q a r1 {L}\n2 far bit f1 q a {L}", True),
    "a visibility that was shortened": (
        "shortened",
        f"1 near bit f1 link=svc->sqs x=3\n2 delivered q a r1 {L} visibility=1 x=3\n9 delivered q a r2 {L} x=4",
        True,
    ),
    "one that did not matter": ("shortened", f"1 near bit f1 link=svc->sqs x=3\n2 delivered q a r1 {L} visibility=1 x=3", False),
}


@pytest.mark.parametrize(("name", "lines", "retried"), BITS.values(), ids=BITS)
def test_a_rule_bites_a_message_and_what_comes_of_it_puts_the_promise_to_the_test(tmp_path, name, lines, retried):
    run = history(tmp_path, sent("a"), fault(name, "svc->sqs"), lines, world=SQS)

    assert bites(run) == [1]
    assert (obligation(run).bitten, obligation(run).retried) == (True, retried)


def test_a_send_that_was_refused_in_the_tap_and_sent_again_is_a_second_attempt(tmp_path):
    common = "link=svc->sqs conn=4"
    first = [f"2 near attempted q a x=1 {common}", f"2 near bit f1 q a x=1 {common}", f"2 near refused q a x=1 fault=f1 {common}"]
    run = history(tmp_path, fault("status", "svc->sqs"), *first, world=SQS)
    assert (obligation(run).bitten, obligation(run).retried, obligation(run).sent) == (True, False, False)

    again = [f"3 attempted q a x=2 {common}".replace("attempted", f"{at} attempted", 1) for at in ("near", "far")]
    run = history(tmp_path, fault("status", "svc->sqs"), *first, *again, world=SQS)
    assert obligation(run).retried
    assert obligation(run).in_doubt_sends == 1


def test_a_message_whose_key_was_changed_on_its_way_to_the_broker_is_the_one_that_was_altered(tmp_path):
    common = "x=1 conn=4 link=svc->rabbitmq"
    lines = [f"2 near attempted q a {common}", f"2 near bit f1 q a {common}", f"2 far attempted q sha256:x {common}"]
    run = history(tmp_path, fault("altered", "svc->rabbitmq"), *lines, "3 delivered q sha256:x 1:1", world=USUAL)

    assert bites(run) == [1]
    assert obligation(run, key="sha256:x").bitten


def test_a_latency_of_single_messages_counts_what_it_made_wait_once(tmp_path):
    code = "code=latency(Link('svc','place'),seconds=1.0,on='POST')"
    lines = [f"1 fault f1 latency svc->place began {code}", "2 delivered q a 1:1", "2.1 near requested a 1 wire=POST"]
    answered = ["2.2 resource answered a 1 200", "2.2 near bit f1 key=a x=1 link=svc->place", "3.3 near answered a 1 200"]
    run = history(tmp_path, sent("a"), *lines, *answered)

    assert bites(run) == [1]
    assert obligation(run).retried
