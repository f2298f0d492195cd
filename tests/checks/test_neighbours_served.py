"""Each label of `neighbours_served`: how those wait that stand beside a message in trouble; and who is no neighbour."""

import pytest

from harness.checks import neighbours_served
from tests.histories import dead, done, history, over, place, rabbit, sent

WORLD = (rabbit(effects=(("place",),), dead_letter="dlq"), dead(), place())
BOTH = ("q", "dlq")
POISON = "0 harness attempted q p ends=dead-lettered\n0 harness acknowledged q p\n1 delivered q p 1:1"
PUT_ASIDE = "1.5 settled q p 1:1 reject"


def loop(times, every=1.0):
    return "\n".join(
        f"{1 + n * every} delivered q p 1:{n + 1}\n{1.4 + n * every} settled q p 1:{n + 1} requeue" for n in range(times)
    )


def judged(folder, *lines, within=10.0, end=None, variant="as it was"):
    run = history(folder, *lines, end or over("dlq p", queues=BOTH), world=WORLD, variant=variant)
    return neighbours_served(run, within=within)


UNSERVED = over("q p", "q a", queues=BOTH)

BROKEN = {
    "taken late": ("late", [POISON, sent("a"), "20 settled q p 1:1 reject", done("a", t=21, first=50)], None),
    "taken late, and twice": (
        "late",
        [POISON, sent("a"), PUT_ASIDE, "9 delivered q a 1:8\n9 settled q a 1:8 requeue", done("a", t=21, first=50)],
        None,
    ),
    "never taken": ("wedged", [POISON, sent("a")], UNSERVED),
    "taken and never done": ("wedged", [POISON, sent("a"), "1.1 delivered q a 1:2"], UNSERVED),
    "while another came again and again": ("starved", [sent("p", "a"), loop(40)], UNSERVED),
    "and nobody waited for the end of it": (
        "starved",
        [sent("p", "a"), loop(40)],
        over("q p", "q a", queues=BOTH, how="no"),
    ),
}


@pytest.mark.parametrize(("label", "lines", "end"), BROKEN.values(), ids=BROKEN)
def test_broken(tmp_path, label, lines, end):
    verdict = judged(tmp_path, *lines, end=end)

    assert (verdict.conclusion, verdict.labels, verdict.definite) == ("broken", (label,), 1)
    assert verdict.premises_of(label) == 1


KEPT = {
    "after the poison was put aside": [POISON, sent("a"), PUT_ASIDE, done("a", t=2, first=2)],
    "while it came again and again": [sent("p", "a"), loop(30), done("a", t=5.5, first=50), "40 settled q p 1:30 reject"],
    "sent long after": [POISON, PUT_ASIDE, sent("a", t=30), done("a", t=35, first=2)],
    "waiting before there was any trouble": [sent("a", t=-30), POISON, PUT_ASIDE, done("a", t=2, first=2)],
    "and one that is tried twice, in time": [
        POISON,
        sent("a"),
        PUT_ASIDE,
        "2 delivered q a 1:2\n2 settled q a 1:2 requeue",
        done("a", t=3, first=3),
    ],
}


@pytest.mark.parametrize("lines", KEPT.values(), ids=KEPT)
def test_kept(tmp_path, lines):
    verdict = judged(tmp_path, *lines)

    assert (verdict.conclusion, verdict.premises) == ("kept", 1)


def test_the_share_of_the_fault_is_trouble_enough(tmp_path):
    cut = (
        "1 delivered q p 1:1\n1.1 near requested p 1 wire=POST\n1.2 fault f1 status svc->place began\n"
        "1.2 near bit f1 conn=1 x=1 link=svc->place"
    )
    lines = [sent("p", "a"), cut, "1.3 near answered p 1 503\n1.4 settled q p 1:1 requeue", done("p", "a", t=5, first=2)]

    assert judged(tmp_path, *lines, variant="as fixed", end=over(queues=BOTH)).conclusion == "kept"


UNKNOWN = {
    "a world that was closed too early": (["", sent("a")], over("q p", "q a", queues=BOTH, t=5)),
    "not drained": (["", sent("a")], over("q p", "q a", queues=BOTH, how="no")),
    "cut off by a fault": (
        ["", sent("a"), "2 fault f1 half_open svc->rabbitmq began\n2 near bit f1 conn=1 side=answer"],
        UNSERVED,
    ),
    "a gap of a tap": (["", sent("a"), "2 gap svc->rabbitmq 1"], UNSERVED),
}


@pytest.mark.parametrize(("lines", "end"), UNKNOWN.values(), ids=UNKNOWN)
def test_what_cannot_be_told(tmp_path, lines, end):
    verdict = judged(tmp_path, POISON, *lines, end=end)

    assert (verdict.conclusion, verdict.definite, verdict.possible) == ("unknown", 0, 1)


NOBODY = {
    "no trouble": [sent("a"), done("a", t=30)],
    "served before it": [sent("a"), done("a", t=0.1, first=9), POISON, PUT_ASIDE],
    "served before it, at the second attempt": [
        sent("a"),
        "0.1 delivered q a 1:8\n0.1 settled q a 1:8 requeue",
        done("a", t=0.2, first=9),
        POISON,
        PUT_ASIDE,
    ],
    "alone": [POISON, PUT_ASIDE],
    "each in trouble": [POISON, sent("a"), PUT_ASIDE, "2 delivered q a 1:2\n2.1 settled q a 1:2 ack"],
}


@pytest.mark.parametrize("lines", NOBODY.values(), ids=NOBODY)
def test_without_a_neighbour_there_is_nobody_to_serve(tmp_path, lines):
    verdict = judged(tmp_path, *lines)

    assert (verdict.conclusion, verdict.premises) == ("vacuous", 0)


def test_a_queue_without_an_effect_serves_nothing(tmp_path):
    world = (rabbit(dead_letter="dlq"), dead())

    assert neighbours_served(history(tmp_path, POISON, sent("a"), over(queues=BOTH), world=world), within=1).premises == 0


def test_the_sentence_says_how_long_and_what_went_on(tmp_path):
    sentence = judged(tmp_path, sent("p", "a"), loop(40), end=UNSERVED).sentence

    assert (
        "a: not served in 49.0 s beside a message in trouble (promised: 10 s), and others were delivered until 39.0 s" in sentence
    )
