"""What counts as a bite of an outage where nothing was seen: refused connections, and what was under way on a cut connection."""

import pytest

from harness.checks import accounted, effected_once, nothing_dead_lettered
from tests.histories import dead, done, history, over, place, rabbit, sent, sqs

SQS = (sqs(effects=(("place",),), visibility_timeout=30.0), place())
DEAD = (sqs(effects=(("place",),), dead_letter="dlq", max_receive_count=1), dead(broker="aws"), place())
L = "link=svc->sqs mid=m"


def outage(began, ended, link="svc->place"):
    return f"{began} fault f1 outage {link} began\n{ended} fault f1 outage {link} ended"


def bites(run):
    return [one.bites for one in run.ledger().world.faults.values()]


def taken(t, tag="r1", key="a", conn=1):
    return f"{t} delivered q {key} {tag} {L}{key} conn={conn}"


def finished(t, tag="r9", key="a", conn=1, x=9):
    deleted = f"q {key} {tag} delete {L}{key} conn={conn} x={x}"
    return (
        f"{taken(t, tag, key, conn)}\n{t + 0.1:.2f} posted {key} {x} conn=2\n{t + 0.2:.2f} settled {deleted}\n"
        f"{t + 0.2:.2f} confirmed q {key} {tag} true {L}{key} conn={conn} x={x}"
    )


# ------------------------------------------------------------ a consumer of SQS that says nothing when it is refused

# when the outage began and ended, when the message was handed out first; what else happened; bites
REFUSED = {
    "handed out while it was on": ((2, 5, 3), "", 1),
    "handed out as it ended": ((2, 5, 4.95), "", 0),
    "waiting as it began": ((2, 5, 1), "", 1),
    "waiting as it began, and it was short": ((2, 2.5, 1), "", 0),
    "handed out after it": ((2, 5, 6), "", 0),
    "over before it": ((40, 45, 1), "", 0),
    "a request came through": ((2, 5, 4.5), "6 near requested a 1 wire=POST\n6.1 near answered a 1 503", 0),
    "worked on after its deadline": ((2, 5, 4.5), "31.5 near requested a 1 wire=POST\n31.6 near answered a 1 503", 0),
    "its service died": ((2, 5, 3), "4 exited svc -9", 0),
    "effected before": ((2, 5, 1), "1.1 posted a 1", 0),
    "its delete was lost": ((2, 5, 1), "1.1 posted a 1\n1.2 near settled q a r1 delete link=svc->sqs", 0),
    "kept alive, then forgotten": ((2, 5, 3), "3.5 near settled q a r1 visibility delay=30 link=svc->sqs", 1),
}


@pytest.mark.parametrize(("seconds", "lines", "count"), REFUSED.values(), ids=REFUSED)
def test_a_delivery_that_runs_out_without_a_request_was_refused_by_the_outage_it_lay_in(tmp_path, seconds, lines, count):
    began, ended, first = seconds
    story = [taken(first), lines, outage(began, ended)]
    in_order = sorted("\n".join(story).splitlines(), key=lambda line: float(line.split()[0]) if line else -1)
    run = history(tmp_path, sent("a"), *in_order, finished(50), over(t=60), world=SQS)

    assert bites(run) == [count]


def test_a_consumer_that_only_lets_the_timeout_run_out_is_put_to_the_test(tmp_path):
    lines = [sent("a"), outage(2, 5).splitlines()[0], taken(3), outage(2, 5).splitlines()[1], finished(34), over(t=60)]
    run = history(tmp_path, sent("b"), finished(1, key="b", conn=1, x=3), *lines, world=SQS)

    assert accounted(run).conclusion == effected_once(run).conclusion == "kept"
    assert [one.retried for one in run.ledger().rest()] == [True]


def test_one_refused_delivery_is_one_bite(tmp_path):
    lines = [sent("a"), "2 fault f1 outage svc->place began", taken(3), taken(33.5, "r2"), "34 fault f1 outage svc->place ended"]
    run = history(tmp_path, *lines, finished(66), over(t=90), world=SQS)

    assert bites(run) == [2]


def test_a_fault_whose_moment_never_came_refused_nobody(tmp_path):
    lines = ["0.5 fault f1 outage svc->place injected", sent("a"), taken(3), finished(34), over(t=60)]

    assert bites(history(tmp_path, *lines, world=SQS)) == [0]


def test_an_outage_of_another_service_does_not_bite(tmp_path):
    run = history(tmp_path, sent("a"), outage(2, 5, "other->place"), taken(3), finished(34), over(t=60), world=SQS)

    assert bites(run) == [0]


def test_what_sqs_dead_letters_without_handing_it_out_again_was_refused_too(tmp_path):
    lines = [
        sent("a", "b"),
        finished(1, key="b"),
        "2 fault f1 outage svc->place began",
        taken(3),
        "5 fault f1 outage svc->place ended",
    ]
    run = history(tmp_path, *lines, over("dlq a", queues=("q", "dlq")), world=DEAD, variant="as it was")

    assert bites(run) == [1]
    assert nothing_dead_lettered(run).label == "transient_dead_lettered"


def test_what_is_still_invisible_at_the_end_is_not_judged(tmp_path):
    lines = [sent("a"), "2 fault f1 outage svc->place began", taken(3), "5 fault f1 outage svc->place ended"]

    assert bites(history(tmp_path, *lines, over("q a", t=20), world=SQS)) == [0]


# ------------------------------------------------------------------------------- what was under way on a connection

BEGAN, CLOSED = "2 fault f1 outage svc->sqs began", "2.1 closed svc->sqs 1 fin"
DELETE = "near settled q a r1 delete link=svc->sqs x=4"
UNDER_WAY = {
    "a delete, then the connection is cut": ([f"1.9 {DELETE}", BEGAN, CLOSED], 1),
    "a delete on a connection that is cut already": ([BEGAN, CLOSED, f"2.2 {DELETE}"], 1),
    "a delete between the two ends of the cut": (
        [BEGAN, "2.1 far closed svc->sqs 1 fin", f"2.2 {DELETE}", "2.3 near closed svc->sqs 1 fin"],
        1,
    ),
    "a delete that came through": (
        [f"1.9 settled q a r1 delete {L} x=4\n1.9 confirmed q a r1 true {L} x=4", BEGAN, CLOSED],
        0,
    ),
    "a poll that waits": ([BEGAN, CLOSED], 0),
    "a cut without an outage": ([f"1.8 {DELETE}", "1.9 closed svc->sqs 1 fin", BEGAN], 0),
}


@pytest.mark.parametrize(("lines", "count"), UNDER_WAY.values(), ids=UNDER_WAY)
def test_a_settlement_that_the_broker_never_saw_is_a_bite(tmp_path, lines, count):
    before = ["0.5 fault f1 outage svc->sqs injected", sent("a", t=0.6), taken(1).replace("ma", "m"), "1.1 posted a 1"]
    run = history(tmp_path, *before, *lines, "5 fault f1 outage svc->sqs ended", finished(35, conn=2), over(t=60), world=SQS)

    assert bites(run) == [count]


def test_its_second_effect_is_put_down_to_the_lost_delete(tmp_path):
    lines = [sent("a"), taken(1), "1.1 posted a 1", BEGAN, CLOSED, f"2.2 {DELETE}", "5 fault f1 outage svc->sqs ended"]

    assert effected_once(history(tmp_path, *lines, finished(35, conn=2), over(t=60), world=SQS)).label == "duplicated_by_ack_loss"


HANDED_OUT = {
    "then the connection is cut": [f"1.9 far delivered q a r1 {L} conn=1", BEGAN, CLOSED],
    "on a connection that is cut already": [BEGAN, CLOSED, f"2.2 far delivered q a r1 {L} conn=1"],
}


@pytest.mark.parametrize("lines", HANDED_OUT.values(), ids=HANDED_OUT)
def test_a_message_that_its_service_never_saw_is_a_bite(tmp_path, lines):
    injected = "0.5 fault f1 outage svc->sqs injected"
    run = history(tmp_path, injected, sent("a"), *lines, "5 fault f1 outage svc->sqs ended", finished(35, conn=2), world=SQS)

    assert bites(run) == [1]


@pytest.mark.parametrize("link", ["svc->place", "p->rabbitmq"])
def test_what_is_written_before_the_cut_is_noticed_is_a_bite(tmp_path, link):
    world = (rabbit(effects=(("place",),)), place())
    written = {
        "svc->place": "1 delivered q a 1:1\n2.2 near requested a 1 wire=POST",
        "p->rabbitmq": "2.2 near attempted q b link=p->rabbitmq",
    }
    lines = [f"2 fault f1 outage {link} began", f"2.1 near closed {link} 1 fin", written[link], f"5 fault f1 outage {link} ended"]

    assert bites(history(tmp_path, sent("a"), *lines, over("q a"), world=world)) == [1]


def test_an_ack_that_the_broker_saw_is_none(tmp_path):
    lines = ["0.5 fault f1 outage svc->rabbitmq injected", sent("a"), done("a"), "2 fault f1 outage svc->rabbitmq began"]
    run = history(tmp_path, *lines, "2.1 closed svc->rabbitmq 1 fin", over())

    assert bites(run) == [0]


def test_of_requests_that_were_cut_the_latest_thousand_are_remembered(tmp_path):
    cut = "\n".join(f"1 near requested a 1 wire=POST conn={n}\n1 near closed svc->place {n} fin" for n in range(1, 1200))
    run = history(tmp_path, sent("a"), "1 delivered q a 1:1", cut)

    assert len(run.ledger().world.roads["svc->place"].severed) == 1000


# ---------------------------------------------------------------------------------------------------- what is said

SAID = {
    "outage svc->place": "no request was cut and no delivery ended without its request meanwhile; begin it earlier, make it last",
    "outage svc->rabbitmq": "no delivery, settlement or send was cut; begin it earlier",
    "latency svc->place": "no answer and no delivery came late by it",
    "altered svc->rabbitmq": "no message that it changed was delivered",
    "answer_lost svc->place": "no answer was swallowed",
    "unheard svc->place": "no request was cut",
    "cut_short svc->rabbitmq": "no delivery, settlement or send was cut",
    "timeout svc->place": "nothing that left in its direction was still on its way",
    "bandwidth svc->place": "nothing came late by it; allow fewer bytes a second",
    "sliced svc->place": "nothing that left in one piece came in several",
    "slow_close svc->rabbitmq": "no connection ended meanwhile",
    "half_open svc->rabbitmq": "no byte came to a connection that it left dead",
    "request_lost svc->place": "no request was taken away",
    "status svc->place": "no request was answered so",
    "duplicate svc->place": "nothing was sent twice",
    "held svc->place": "nothing was held",
    "reordered svc->rabbitmq": "no two messages changed places",
    "shortened svc->sqs": "nobody asked for a longer visibility timeout",
}


@pytest.mark.parametrize(("fault", "said"), SAID.items(), ids=SAID)
def test_why_a_fault_did_not_bite_and_what_to_do(tmp_path, fault, said):
    lines = [sent("a"), done("a"), f"1.5 fault f1 {fault} began"]
    name, link = fault.split()

    sentence = accounted(history(tmp_path, *lines, f"4.25 fault f1 {fault} ended", over())).sentence
    assert f"f1 {name} on {link} did not bite: it was on from 1.5 s to 4.2 s, and {said}" in sentence

    assert "it was on from 1.5 s on, and" in accounted(history(tmp_path, *lines, over())).sentence


def test_a_reset_that_met_nothing(tmp_path):
    lines = [sent("a"), done("a"), "1.6 fault f1 reset svc->rabbitmq began", "1.61 fault f1 reset svc->rabbitmq ended"]
    said = "f1 reset on svc->rabbitmq did not bite: it came at 1.6 s, and nothing was under way on a connection that it reset"

    assert said in accounted(history(tmp_path, *lines, over())).sentence


def test_a_kill_that_met_nothing(tmp_path):
    lines = [sent("a"), done("a"), "1.6 fault f1 kill svc began victim=svc", "1.8 exited svc -9"]
    said = "f1 kill of svc did not bite: it came at 1.6 s, and its victim held no message and asked for nothing; begin it while"

    assert said in accounted(history(tmp_path, *lines, over())).sentence


# ------------------------------------------------------------ a slow answer to a question that names no message

ASKED = [
    "1 fault f1 latency svc->place began code=latency(Link('svc','place'),seconds=2.0)",
    "2.1 near requested x=3 wire=GET\n2.2 resource answered x=3 200\n4.3 near answered x=3 200",
]


@pytest.mark.parametrize(("held", "kept"), [("2 delivered q a r1", True), ("", False)], ids=["one message", "none"])
def test_a_slow_answer_is_about_the_message_that_its_service_works_on(tmp_path, held, kept):
    run = history(tmp_path, sent("a"), held, *ASKED, finished(40), over(t=60), world=SQS)

    assert bites(run) == [1]
    assert (accounted(run).conclusion == "kept") is kept
