"""What makes a verdict vacuous, unknown or kept whatever its check found: bites, drain, gaps, bypasses, late effects, retries."""

import pytest

from harness.checks import accounted, effected_once, nothing_dead_lettered
from tests.histories import dead, done, history, over, place, rabbit, sent, sqs

WORLD = (rabbit(effects=(("place",),), dead_letter="dlq"), dead(), place())
SQS = (sqs(effects=(("place",),)), place())
BOTH = ("q", "dlq")
ENDED = "20 fault f1 outage svc->place ended"
RETRIED = "21 delivered q a 1:9 redelivered=true conn=9\n21.1 posted a 9 conn=9\n21.2 settled q a 1:9 ack conn=9"


def began(fault="outage", link="svc->place", t=1.0, ident="f1", **more):
    return f"{t} fault {ident} {fault} {link} began {' '.join(f'{name}={value}' for name, value in more.items())}"


CUT = "1.5 delivered q a 1:1\n1.6 near requested a 1 wire=POST"
BITES = {
    "outage: a request is cut": [CUT, began(t=2), "2.1 near closed svc->place 1 fin\n2.2 settled q a 1:1 requeue"],
    "outage: a delivery found no listener": [began(), "2 delivered q a 1:1\n2.1 settled q a 1:1 requeue"],
    "outage: a delivery waited through it": [
        began(),
        "2 delivered q a 1:1",
        ENDED,
        "20.5 posted a 5",
        "20.6 settled q a 1:1 requeue",
    ],
    "outage: a delivery is cut": ["1.5 delivered q a 1:1", began(link="svc->rabbitmq", t=2), "2.1 closed svc->rabbitmq 1 fin"],
    "answer_lost": [CUT, began("answer_lost"), "1.7 bit f1 link=svc->place conn=1 x=1", "2.2 settled q a 1:1 requeue"],
    "answer_lost of a send": [
        began("answer_lost", "svc->rabbitmq"),
        "1.5 delivered q a 1:1\n1.7 bit f1 q a link=svc->rabbitmq\n2.2 settled q a 1:1 requeue",
    ],
    "altered": [began("altered", "svc->rabbitmq"), "1.4 bit f1 q a", "1.5 delivered q a 1:1\n2.2 settled q a 1:1 requeue"],
    "latency": [
        began("latency", code="latency(Link('svc','place'),seconds=2.0)"),
        "1.5 delivered q a 1:1\n1.6 near requested a 1 wire=POST\n1.7 resource answered a 1 503",
        "3.4 near answered a 1 503\n3.5 settled q a 1:1 requeue",
    ],
    "latency of deliveries": [
        began("latency", "svc->rabbitmq", code="latency(Link('svc','rabbitmq'),seconds=2.0)"),
        "1.5 far delivered q a 1:1\n3.2 near delivered q a 1:1\n3.5 settled q a 1:1 requeue",
    ],
    "latency: the service does not wait": [
        began("latency", code="latency(Link('svc','place'),seconds=2.0)"),
        CUT,
        "1.8 near closed svc->place 1 fin\n1.9 settled q a 1:1 requeue",
    ],
    "kill: a delivery was open": [
        "1.5 delivered q a 1:1",
        "1.6 fault f1 kill svc began victim=svc",
        "1.7 closed svc->rabbitmq 1 rst\n1.8 exited svc -9",
    ],
    "kill: a request was open": [
        CUT,
        "1.6 fault f1 kill svc began victim=svc",
        "1.7 exited svc -9\n1.8 closed svc->rabbitmq 1 rst",
    ],
}


@pytest.mark.parametrize("lines", BITES.values(), ids=BITES)
def test_a_fault_that_bit_and_a_message_tried_again_put_a_promise_to_the_test(tmp_path, lines):
    run = history(tmp_path, sent("a"), *lines, RETRIED, over(queues=BOTH), world=WORLD)

    assert nothing_dead_lettered(run).conclusion == "kept"
    assert [one.bites for one in run.ledger().world.faults.values()] == [1]


OUT_OF_REACH = {
    "it never began": (["1 fault f1 outage svc->place injected"], "it never began: its moment did not come"),
    "it could not begin": (["1 fault f1 outage svc->place failed reason=no~such~proxy"], "did not bite: no such proxy"),
    "an idle connection is cut": (
        [done("b", t=0.2, first=5), began(t=2), "2.1 near closed svc->place 1 fin", ENDED],
        "f1 outage on svc->place did not bite: it was on from 2.0 s to 20.0 s, and no request was cut",
    ),
    "it ended before": ([began(t=1), "1.2 fault f1 outage svc->place ended"], "did not bite"),
    "the request came through before": (
        ["1.5 delivered q a 1:1\n1.6 posted a 1", began(t=2), "2.2 settled q a 1:1 requeue", ENDED],
        "did not bite",
    ),
    "it was too short to have been met": (
        ["1.5 delivered q a 1:1", began(t=2), "2.5 fault f1 outage svc->place ended\n3 posted a 1\n3 settled q a 1:1 requeue"],
        "did not bite",
    ),
    "others were served meanwhile": (
        [
            "1.5 delivered q a 1:1",
            began(t=2),
            "2.5 delivered q b 1:2\n2.6 posted b 4\n2.7 settled q b 1:2 ack",
            "4 fault f1 outage svc->place ended\n5 posted a 1\n5 settled q a 1:1 requeue",
        ],
        "did not bite",
    ),
    "altered, and never delivered": ([began("altered", "svc->rabbitmq"), "1.4 bit f1 q zzz"], "did not bite"),
    "an answer that was not late": (
        [
            began("latency", code="latency(Link('svc','place'),seconds=2.0)"),
            "1.5 delivered q a 1:1\n1.6 near requested a 1 wire=POST\n1.7 resource answered a 1 503",
            "3.2 near answered a 1 503\n3.5 settled q a 1:1 requeue",
        ],
        "did not bite",
    ),
    "killed while it had nothing": (
        ["1.6 fault f1 kill svc began victim=svc", "1.8 exited svc -9"],
        "f1 kill of svc did not bite",
    ),
    "nobody awaits a confirm": (
        [
            "1 near attempted q c link=svc->rabbitmq x=1\n1 far attempted q c link=svc->rabbitmq x=1",
            began(link="svc->rabbitmq", t=2),
            "2.1 near closed svc->rabbitmq 1 fin\n3 delivered q c 1:7 conn=2\n3 posted c 8\n3 settled q c 1:7 ack conn=2",
        ],
        "did not bite",
    ),
}


@pytest.mark.parametrize(("lines", "reason"), OUT_OF_REACH.values(), ids=OUT_OF_REACH)
def test_a_fault_that_did_not_bite_makes_every_verdict_vacuous(tmp_path, lines, reason):
    run = history(tmp_path, sent("a", "b"), *lines, RETRIED, done("b", t=30, first=3, conn=9), over(queues=BOTH), world=WORLD)

    for verdict in (accounted(run), effected_once(run), nothing_dead_lettered(run)):
        assert verdict.conclusion == "vacuous"
        assert reason in verdict.sentence


def test_a_broken_promise_is_vacuous_too_where_the_fault_did_not_bite(tmp_path):
    lines = [sent("a"), "1 delivered q a 1:1\n1.1 settled q a 1:1 reject", began(t=9), over("dlq a", queues=BOTH)]

    assert nothing_dead_lettered(history(tmp_path, *lines, world=WORLD)).conclusion == "vacuous"


@pytest.mark.parametrize(("calls", "conclusion"), [(("1", "1"), "kept"), (("1", "2"), "vacuous")], ids=["one call", "two calls"])
def test_of_the_faults_in_one_call_one_has_to_bite(tmp_path, calls, conclusion):
    faults = [
        began(call=calls[0]),
        began("kill", "", ident="f2", t=9, call=calls[1]).replace("kill  began", "kill svc began victim=svc"),
    ]
    lines = [sent("a"), *faults, "2 delivered q a 1:1\n2.1 settled q a 1:1 requeue", ENDED, RETRIED, over(queues=BOTH)]

    assert accounted(history(tmp_path, *lines, world=WORLD)).conclusion == conclusion


def test_a_send_that_was_cut_is_a_bite(tmp_path):
    lines = [
        "0.1 near attempted q a link=p->rabbitmq x=1\n0.1 far attempted q a link=p->rabbitmq x=1",
        "0.1 far acknowledged q a link=p->rabbitmq x=1\n0.1 near acknowledged q a link=p->rabbitmq x=1",
        "0.2 near attempted q b link=p->rabbitmq x=2",
        began(link="p->rabbitmq"),
        "1.1 closed p->rabbitmq 1 fin",
        "3 near attempted q b link=p->rabbitmq x=1 conn=2\n3 far attempted q b link=p->rabbitmq x=1 conn=2",
        "4 delivered q b 1:1\n4.1 posted b 1\n4.2 settled q b 1:1 ack",
        done("a", t=5, first=2),
    ]
    run = history(tmp_path, *lines, over(queues=BOTH), world=WORLD)

    assert run.ledger().world.faults["f1"].bites == 1
    assert accounted(run).conclusion == "kept"


def test_a_settlement_that_was_cut_is_a_bite(tmp_path):
    road = "link=svc->sqs"
    lines = [
        sent("a"),
        "0.9 fault f1 outage svc->sqs began",
        f"1 delivered q a r1 {road} mid=m\n1.1 posted a 1\n1.2 near settled q a r1 delete {road} x=4",
        "1.3 closed svc->sqs 1 fin",
        f"40 delivered q a r2 {road} mid=m conn=2",
        f"40.1 settled q a r2 delete {road} conn=2 x=5\n40.1 confirmed q a r2 true {road} conn=2 x=5",
    ]
    run = history(tmp_path, *lines, over(), world=SQS)

    assert run.ledger().world.faults["f1"].bites == 1
    assert effected_once(run).conclusion == "kept"


def test_a_late_answer_of_sqs_is_a_bite(tmp_path):
    road = "link=svc->sqs"
    lines = [
        sent("a"),
        began("latency", "svc->sqs", code="latency(Link('svc','sqs'),seconds=2.0)"),
        f"1.5 far answered x=3 {road}\n3.4 near answered x=3 {road}",
        f"5 delivered q a r1 {road} mid=m\n5.1 posted a 1",
        f"5.2 settled q a r1 delete {road} x=4\n5.2 confirmed q a r1 true {road} x=4",
    ]
    run = history(tmp_path, *lines, over(), world=SQS)

    assert run.ledger().world.faults["f1"].bites == 1


NOT_RETRIED = [
    sent("a", "b"),
    began(),
    "2 delivered q a 1:1\n2.1 settled q a 1:1 reject",
    done("b", t=30, first=3),
    over("dlq a", queues=BOTH),
]


@pytest.mark.parametrize(("variant", "conclusion"), [("as fixed", "vacuous"), ("", "vacuous"), ("as it was", "kept")])
def test_kept_as_fixed_needs_a_message_that_was_really_tried_again(tmp_path, variant, conclusion):
    assert accounted(history(tmp_path, *NOT_RETRIED, world=WORLD, variant=variant)).conclusion == conclusion


IGNORANCE = {
    "not drained": ([over(queues=BOTH, how="no")], "not drained: the run ended before its drain"),
    "not drained, and why": (["9 drained no reason=messages~still~move"], "not drained: messages still move"),
    "interrupted": ([], "not drained"),
    "bypassed": (["4 bypassed reason=svc~talks~past~it", over(queues=BOTH)], "traffic went around a link: svc talks past it"),
    "an effect without a delivery": (
        [sent("c", t=4), "5 posted c 3", over(queues=BOTH)],
        "message c of q had its effect and is gone, and no link saw it delivered",
    ),
    "late effect": ([over(queues=BOTH), "51 resource effected a 5"], "late effect: event"),
    "late settlement": ([over(queues=BOTH), "51 far settled q a 1:1 ack"], "late effect: event"),
}


@pytest.mark.parametrize(("lines", "reason"), IGNORANCE.values(), ids=IGNORANCE)
def test_unknown(tmp_path, lines, reason):
    verdict = accounted(history(tmp_path, sent("a", "b"), done("a", "b"), *lines, world=WORLD))

    assert verdict.conclusion == "unknown"
    assert reason in verdict.sentence


def test_a_message_of_sqs_that_was_received_and_no_link_saw_it_went_around_one(tmp_path):
    world = (sqs("q", effects=(("place",),)), sqs("r"), place())
    left = [over("q b count=2", "r c count=1", queues=("q", "r"))]
    verdict = accounted(history(tmp_path, sent("b"), sent("c", queue="r"), *left, world=world))
    assert verdict.conclusion == "unknown"
    assert "a message of q was received 2 time(s), and no link saw any of it" in verdict.sentence

    seen = [sent("b"), "1 subscribed q link=svc->sqs", *left]
    assert "went around" not in accounted(history(tmp_path, *seen, world=world[:1])).sentence


def test_a_blind_tap_taints_what_used_its_connection(tmp_path):
    lines = [sent("a", "b"), done("a"), "3 delivered q b 1:2", "4 gap svc->rabbitmq 1 reason=not~AMQP", over("q b", queues=BOTH)]
    verdict = accounted(history(tmp_path, *lines, world=WORLD))

    assert (verdict.conclusion, verdict.definite) == ("unknown", 0)
    assert "a tap was blind: svc->rabbitmq, connection 1: not AMQP" in verdict.sentence


@pytest.mark.parametrize(
    ("gap", "conclusion"),
    [
        ("svc->rabbitmq 2", "broken"),
        ("svc->place 1", "unknown"),
        ("svc->place 2", "broken"),
        ("other->rabbitmq 1", "broken"),
    ],
)
def test_and_nothing_else(tmp_path, gap, conclusion):
    lines = [
        sent("a"),
        "1 delivered q a 1:1\n1.1 near requested a 1 wire=POST\n1.2 near answered a 1 503",
        f"2 gap {gap}",
        over("q a", queues=BOTH),
    ]

    assert accounted(history(tmp_path, *lines, world=WORLD)).conclusion == conclusion


def test_a_message_that_a_blind_tap_may_have_passed_is_not_called_lost(tmp_path):
    lines = [sent("a"), "0 subscribed q link=svc->rabbitmq", "2 gap svc->rabbitmq 1", over(queues=BOTH)]

    assert accounted(history(tmp_path, *lines, world=WORLD)).conclusion == "unknown"


def test_a_late_send_into_a_queue_that_is_an_effect_is_late(tmp_path):
    world = (rabbit(effects=(("out",),)), rabbit("out"))
    late = "51 far acknowledged out a link=svc->rabbitmq x=9\n51 near acknowledged out a"
    after = "51 near settled q a 1:1 ack\n52 delivered q a 1:2"
    verdict = accounted(history(tmp_path, sent("a"), over("q a", queues=("q", "out")), late, after, world=world))

    assert verdict.conclusion == "unknown"


def test_what_is_broken_is_broken_although_much_is_unknown(tmp_path):
    lines = [
        sent("a", "b"),
        done("a"),
        "1.5 posted a 9",
        "4 bypassed reason=x",
        over("q b", how="no"),
        "51 resource effected b 5",
    ]

    assert effected_once(history(tmp_path, *lines)).label == "duplicated_by_blind_retry"
