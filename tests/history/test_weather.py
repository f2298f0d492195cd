"""What byte-level faults and pauses did, counted from spoken histories: each bites where something was under way, only there."""

import pytest

from tests.histories import done, history, over, place, rabbit, sent, sqs

SQS = (sqs(effects=(("place",),), visibility_timeout=30.0), place())
SEND = (rabbit(), rabbit("out"))
P, B, S = "svc->place", "svc->rabbitmq", "svc->sqs"
ASKED = "2 near requested a 1 wire=POST conn=2"
READ = "2.1 resource requested a 1 wire=POST conn=2"
ANSWERED = f"{READ} \n2.2 resource answered a 1 200 conn=2"


def bites(run):
    return [one.bites for one in run.ledger().world.faults.values()]


def bit(t, link, side, conn=1, at="near"):
    return f"{t} {at} bit f1 link={link} conn={conn} side={side} bytes=9"


def on(name, link=P, t=0.5):
    return f"{t} fault f1 {name} {link} began"


# fault, link, what happened before, what the event says, how many bites
UNDER_WAY = {
    "a request that did not arrive": ("timeout", P, ASKED, ("request", 2), 1),
    "a request that has arrived": ("timeout", P, f"{ASKED}\n{READ}", ("request", 2), 0),
    "a request on another connection": ("timeout", P, ASKED, ("request", 3), 0),
    "an answer that did not come": ("timeout", P, f"{ASKED}\n{ANSWERED}", ("answer", 2), 1),
    "an answer that is not due": ("timeout", P, ASKED, ("answer", 2), 0),
    "an answer that came": ("timeout", P, f"{ASKED}\n{ANSWERED}\n2.3 near answered a 1 200 conn=2", ("answer", 2), 0),
    "a delivery that did not come": ("half_open", B, "2 far delivered q a 1:1", ("answer", 1), 1),
    "a delivery that came": ("timeout", B, "2 delivered q a 1:1", ("answer", 1), 0),
    "a delivery on another connection": ("timeout", B, "2 far delivered q a 1:1 conn=2", ("answer", 1), 0),
    "an ack that did not arrive": ("timeout", B, "2 delivered q a 1:1\n2.1 near settled q a 1:1 ack", ("request", 1), 1),
    "an ack that arrived": ("timeout", B, "2 delivered q a 1:1\n2.1 settled q a 1:1 ack", ("request", 1), 0),
    "late": ("bandwidth", P, ASKED, ("request", 2), 1),
    "in pieces": ("sliced", P, ASKED, ("request", 2), 1),
    "a heartbeat": ("bandwidth", B, "", ("answer", 1), 0),
    "a heartbeat on a dead connection": ("half_open", B, "", ("answer", 1), 1),
    "an end": ("slow_close", B, "", ("request", 1), 1),
}


@pytest.mark.parametrize("case", UNDER_WAY.values(), ids=UNDER_WAY)
def test_what_was_under_way_in_that_direction_of_that_connection_is_bitten(tmp_path, case):
    name, link, before, told, count = case
    run = history(tmp_path, sent("a"), on(name, link), before, bit(3, link, *told), over("q a"))

    assert bites(run) == [count]


def test_each_thing_is_bitten_once_however_often_its_bytes_are(tmp_path):
    lines = [sent("a"), on("timeout"), ASKED, bit(3, P, "request", 2), bit(3.1, P, "request", 2)]

    assert bites(history(tmp_path, *lines, over("q a"))) == [1]


def test_on_a_dead_connection_messages_count_instead_of_mere_bytes(tmp_path):
    lines = [on("half_open", B), bit(1, B, "answer"), bit(1.1, B, "answer"), "2 far delivered q a 1:1", bit(2.1, B, "answer")]
    more = ["3 far delivered q b 1:2", bit(3.1, B, "answer"), bit(4, B, "answer", conn=2)]

    assert bites(history(tmp_path, sent("a", "b"), *lines, *more, over("q a"))) == [3]


@pytest.mark.parametrize(("confirms", "count"), [(True, 1), (False, 0)])
def test_a_confirm_is_missed_by_who_waits_for_one(tmp_path, confirms, count):
    earlier = [f"0.1 {at} {kind} q z x=1" for kind in ("attempted", "acknowledged") for at in ("near", "far")]
    lines = [on("timeout", B), "2 near attempted out a x=2", "2.1 far attempted out a x=2", bit(3, B, "answer", at="far")]
    run = history(tmp_path, *(earlier if confirms else ()), *lines, over(queues=("q", "out")), world=SEND)

    assert bites(run) == [count]


def test_a_send_that_did_not_arrive(tmp_path):
    lines = [on("timeout", B), "2 near attempted out a x=2", bit(3, B, "request")]

    assert bites(history(tmp_path, *lines, over(queues=("q", "out")), world=SEND)) == [1]


def test_what_sqs_handed_out_and_what_it_said_to_a_delete(tmp_path):
    mine = f"link={S} mid=m"
    lines = [
        sent("a", "b"), on("timeout", S),
        f"2 far delivered q a r1 {mine}", bit(2.1, S, "answer"),
        f"3 delivered q b r2 {mine} conn=2", f"3.1 settled q b r2 delete {mine} conn=2 x=2", bit(3.2, S, "answer", 2),
        bit(3.3, S, "request", 2),
    ]  # fmt: skip

    assert bites(history(tmp_path, *lines, over("q a"), world=SQS)) == [2]


def test_what_comes_through_in_the_end_is_the_case_that_slowness_makes(tmp_path):
    lines = [sent("a"), on("bandwidth"), "1 delivered q a 1:1", "1.1 near requested a 1 wire=POST", bit(2, P, "request")]
    rest = ["2 resource requested a 1 wire=POST", "2 resource effected a 1", "2.1 resource answered a 1 200"]
    run = history(tmp_path, *lines, *rest, "2.1 near answered a 1 200", "2.2 settled q a 1:1 ack", over())

    assert [(one.bitten, one.retried) for one in run.ledger().rest()] == [(True, True)]


# ----------------------------------------------------------------------------------------------------------- resets


@pytest.mark.parametrize("name", ["reset", "cut_short"])
def test_what_was_under_way_on_a_connection_that_ended_is_bitten(tmp_path, name):
    lines = [on(name), sent("a"), "1 delivered q a 1:1", ASKED, f"3 near closed {P} 2 rst"]

    assert bites(history(tmp_path, *lines, over("q a"))) == [1]


def test_who_is_reset_again_and_again_lets_go_as_of_an_outage(tmp_path):
    lasting = "1.5 fault f1 reset svc->place began code=reset(link,lasts=3)"
    lines = [sent("a"), "1 delivered q a 1:1", lasting, "2 settled q a 1:1 requeue", "3 fault f1 reset svc->place ended"]

    assert bites(history(tmp_path, *lines, done("a", t=4.0, first=2), over())) == [1]


def test_one_reset_has_nobody_let_go_of_what_was_not_asked_for(tmp_path):
    once = ["1.5 fault f1 reset svc->place began", "1.51 fault f1 reset svc->place ended"]
    lines = [sent("a"), "1 delivered q a 1:1", *once, "1.9 settled q a 1:1 requeue"]

    assert bites(history(tmp_path, *lines, done("a", t=4.0, first=2), over())) == [0]


def test_the_kill_of_a_broker_cuts_what_is_under_way_on_its_links(tmp_path):
    lines = [sent("a", "b"), done("b"), "2 delivered q a 1:2", "3 fault f1 kill - began victim=rabbitmq", f"3.1 closed {B} 1 rst"]

    assert bites(history(tmp_path, *lines, over("q a"))) == [1]


# ----------------------------------------------------------------------------------------------------------- pauses

HELD = {
    "held as it began": ("1 delivered q a 1:1", "", 1),
    "came while it was on": ("", "3 delivered q a 1:1", 1),
    "asked for as it began": ("1 delivered q a 1:1\n1.1 near requested a 1 wire=POST", "", 2),
    "of another service": ("1 delivered q a 1:1 link=other->rabbitmq", "3 delivered q b 1:2 link=other->rabbitmq", 0),
    "settled before": ("1 delivered q a 1:1\n1.1 settled q a 1:1 ack", "", 0),
    "came after it": ("", "", 0),
}


@pytest.mark.parametrize(("before", "meanwhile", "count"), HELD.values(), ids=HELD)
def test_a_pause_bites_what_its_victim_holds_and_waits_for(tmp_path, before, meanwhile, count):
    began, ended = (f"{t} fault f1 pause - {how} victim=svc" for t, how in ((2, "began"), (5, "ended")))
    lines = [
        f"0.1 fault f1 pause - injected victim=svc\n{sent('a', 'b')}",
        before,
        began,
        meanwhile,
        ended,
        "6 delivered q c 1:9",
    ]

    assert bites(history(tmp_path, *lines, over("q a"))) == [count]
