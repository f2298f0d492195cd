"""Both labels of `headroom`: work that went past its deadline, and work that was done too shortly before it."""

import pytest

from harness.checks import headroom
from harness.errors import UsageError
from tests.histories import done, history, over, place, rabbit, sent, sqs

WORLD = (sqs(effects=(("place",),)), place())
SENT = sent("a")


def received(t, tag="r1", **more):
    extra = "".join(f" {name}={value}" for name, value in more.items())
    return f"{t} delivered q a {tag} link=svc->sqs mid=m x={tag[1:]}{extra}"


def deleted(t, tag="r1", ok="true"):
    return f"{t} settled q a {tag} delete link=svc->sqs\n{t} confirmed q a {tag} {ok} link=svc->sqs"


def extended(t, delay, tag="r1"):
    return f"{t} settled q a {tag} visibility link=svc->sqs delay={delay}\n{t} confirmed q a {tag} true link=svc->sqs"


def judged(folder, *lines, world=WORLD, at_least=0.5, end=None):
    run = history(folder, SENT, *lines, end or over(t=200), world=world, variant="as it was")
    return headroom(run, at_least=at_least)


BROKEN = {
    "deleted after it": ("overrun", [received(0), "10 posted a 1", deleted(45)]),
    "deleted after it, in vain": ("overrun", [received(0), deleted(45, ok="false")]),
    "still working after it, and nothing more": ("overrun", [received(0), "45 posted a 1"]),
    "an answer that came after it": (
        "overrun",
        [
            received(0),
            "5 near requested a 1 wire=POST\n5 resource requested a 1\n40 resource answered a 1 200\n40 near answered a 1 200",
        ],
    ),
    "a heartbeat that came too late": ("overrun", [received(0), extended(35, 30), deleted(40)]),
    "past the deadline that a heartbeat set": ("overrun", [received(0), extended(20, 5), deleted(40)]),
    "past the timeout that was asked for": ("overrun", [received(0, visibility=5), deleted(20)]),
    "redelivered meanwhile": ("overrun", [received(0), received(33, "r2"), deleted(45), deleted(46, "r2")]),
    "deleted 5 s before it": ("thin", [received(0), "10 posted a 1", deleted(25)]),
    "its answer came 5 s before it": (
        "thin",
        [
            received(0),
            "5 near requested a 1 wire=POST\n5 resource requested a 1\n25 resource answered a 1 200\n25 near answered a 1 200",
        ],
    ),
    "5 s of 20 left": ("thin", [received(0), extended(10, 20), deleted(25)]),
}


@pytest.mark.parametrize(("label", "lines"), BROKEN.values(), ids=BROKEN)
def test_broken(tmp_path, label, lines):
    verdict = judged(tmp_path, *lines)

    assert (verdict.conclusion, verdict.labels, verdict.definite) == ("broken", (label,), 1)
    assert verdict.premises_of(label) == verdict.premises


KEPT = {
    "deleted at once": [received(0), "0.1 posted a 1", deleted(0.2)],
    "deleted with half of it left": [received(0), "1 posted a 1", deleted(14)],
    "a heartbeat in time": [received(0), extended(20, 60), "30 posted a 1", deleted(45)],
    "given back with a pause": [received(0), "1 posted a 1", extended(2, 300)],
    "its time asked for": [received(0, visibility=300), deleted(100)],
    "received twice, each worked on in time": [received(0), "1 posted a 1", received(60, "r2", requested=59), deleted(61, "r2")],
}


@pytest.mark.parametrize("lines", KEPT.values(), ids=KEPT)
def test_kept(tmp_path, lines):
    assert judged(tmp_path, *lines).conclusion == "kept"


def test_without_a_share_thin_is_reported_and_no_more(tmp_path):
    verdict = judged(tmp_path, received(0), "1 posted a 1", deleted(27), at_least=None)

    assert (verdict.conclusion, verdict.premises_of("thin")) == ("kept", 0)
    assert "(1 deliveries, at least 10% of the visibility timeout left)" in verdict.sentence


def test_the_sentence_says_by_how_much(tmp_path):
    assert (
        "worked on until 15.0 s after its visibility timeout of 30 s was over"
        in judged(tmp_path, received(0), deleted(45)).sentence
    )
    assert (
        "done 5.0 s before its visibility timeout of 30 s was over (promised: 50% of it)"
        in judged(tmp_path, received(0), deleted(25)).sentence
    )


POLLED = "40 far answered - 7 200 link=svc->sqs conn=1\n60.01 delivered q a r8 link=svc->sqs mid=m x=8"
BEGINNINGS = {
    "what was answered before on its connection": POLLED,
    "the opening of its connection": POLLED.replace("answered - 7 200", "opened"),
}


@pytest.mark.parametrize("lines", BEGINNINGS.values(), ids=BEGINNINGS)
def test_the_clock_cannot_have_begun_before(tmp_path, lines):
    assert judged(tmp_path, lines, deleted(69, "r8"), at_least=0.01).conclusion == "kept"
    assert judged(tmp_path, lines, deleted(71, "r8"), at_least=0.01).conclusion == "unknown"


UNKNOWN = {
    "over as the broker may just have noticed": [received(0), deleted(30.5)],
    "a clock that may have begun with the send": [received(10), deleted(34)],
    "work of one delivery or of another": [received(0), received(33, "r2"), "40 near requested a 1 wire=POST"],
    "as much as is left may be enough": [received(0), "1 posted a 1", deleted(15.5)],
    "a gap of a tap": [received(0), "1 gap svc->sqs 0", deleted(45)],
}


@pytest.mark.parametrize("lines", UNKNOWN.values(), ids=UNKNOWN)
def test_what_cannot_be_told(tmp_path, lines):
    verdict = judged(tmp_path, *lines)

    assert (verdict.conclusion, verdict.definite) == ("unknown", 0)


def test_rabbitmq_has_no_such_timeout(tmp_path):
    verdict = judged(tmp_path, done("a"), world=(rabbit(effects=(("place",),)), place()))

    assert (verdict.conclusion, verdict.premises) == ("vacuous", 0)


def test_without_a_word_nothing_is_known_of_the_work(tmp_path):
    assert judged(tmp_path, received(0), end=over("q a", t=200)).premises == 0


@pytest.mark.parametrize("share", [0, 1, 1.5])
def test_a_share_is_part_of_the_timeout(tmp_path, share):
    with pytest.raises(UsageError, match="a share of the visibility timeout"):
        judged(tmp_path, at_least=share)
