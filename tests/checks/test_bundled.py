"""Each label of `bundled`: how many notices came of how many errors, of which kinds; and of nothing."""

import json

import pytest

from harness.checks import bundled
from harness.errors import UsageError
from tests.histories import dead, done, history, over, place, rabbit, sent, sink

WORLD = (rabbit(effects=(("place",),), dead_letter="dlq"), dead(), place(), sink())
BOTH = ("q", "dlq")


def failed(key, status, nth):
    return (
        f"1 delivered q {key} 1:{nth}\n1.1 near requested {key} {nth} wire=POST\n1.1 resource requested {key} {nth} wire=POST\n"
        f"1.2 resource answered {key} {nth} {status}\n1.2 near answered {key} {nth} {status}\n1.5 settled q {key} 1:{nth} reject"
    )


def notice(t, text="", **fields):
    said = json.dumps(fields).replace(" ", "") if fields else text.replace(" ", "~")
    return f"{t} resource noticed data.text={said} link=svc->alarms"


ALIKE = [sent("a", "b", "c"), failed("a", 422, 1), failed("b", 422, 2), failed("c", 422, 3)]
UNLIKE = [sent("a", "b", "c"), failed("a", 422, 1), failed("b", 422, 2), failed("c", 400, 3)]
END = over("dlq a", "dlq b", "dlq c", queues=BOTH)


def judged(folder, *lines, end=END, **given):
    return bundled(history(folder, *lines, end, world=WORLD, variant="as it was"), **{"window": 60.0, **given})


BROKEN = {
    "a notice each": ("flood", [*ALIKE, *(notice(2 + n, f"message {n} was refused") for n in range(3))]),
    "a notice each, of its kind": ("flood", [*ALIKE, *(notice(2 + n, kind="refused") for n in range(2))]),
    "too many, of whatever kinds": ("flood", [*UNLIKE, *(notice(2 + n, f"answered with {n}") for n in range(3))]),
    "a count too small": ("miscounted", [*ALIKE, notice(2, kind="refused", count=2)]),
    "a count too large": ("miscounted", [*ALIKE, notice(2, kind="refused", count=3), notice(3, kind="other", count=1)]),
    "two kinds in one": ("merged", [*UNLIKE, notice(2, kind="refused", count=3)]),
    "before anything had failed": ("false_alarm", [notice(0.5, "it failed"), *ALIKE]),
}


@pytest.mark.parametrize(("label", "lines"), BROKEN.values(), ids=BROKEN)
def test_broken(tmp_path, label, lines):
    verdict = judged(tmp_path, *lines)

    assert (verdict.conclusion, verdict.labels, verdict.definite) == ("broken", (label,), 1)
    assert verdict.premises_of(label) >= 1


KEPT = {
    "one, with the number": [*ALIKE, notice(2, kind="refused", count=3)],
    "one, without a number": [*ALIKE, notice(2, "it failed")],
    "one of each kind": [*UNLIKE, notice(2, kind="refused", count=2), notice(3, kind="bad", count=1)],
    "as many as there are kinds": [*UNLIKE, notice(2, "answered with 422"), notice(3, "answered with 400")],
    "one an hour": [*ALIKE, notice(2, "it failed"), notice(100, "it failed")],
    "a first and a last one": [*ALIKE, notice(2, kind="refused", count=1), notice(100, kind="refused", count=2)],
    "JSON that is no object": [*ALIKE, notice(2, "[1]")],
    "the depth of a queue": [*ALIKE, "2 noticed data.text=deep data.sink=ops data.queue=dlq"],
    "one that was never delivered": [*ALIKE, sent("d"), notice(2, "it failed")],
}


@pytest.mark.parametrize("lines", KEPT.values(), ids=KEPT)
def test_kept(tmp_path, lines):
    end = over("dlq a", "dlq b", "dlq c", "dlq d", queues=BOTH, t=200)

    assert judged(tmp_path, *lines, end=end).conclusion == "kept"


def test_a_notice_of_nothing_is_a_false_alarm(tmp_path):
    verdict = judged(tmp_path, sent("a"), done("a"), notice(2, "it failed"), end=over(queues=BOTH))

    assert (verdict.labels, verdict.definite) == (("false_alarm",), 1)


def test_how_many_may_come_can_be_said(tmp_path):
    lines = [*ALIKE, *(notice(2 + n, kind="refused") for n in range(3))]

    assert judged(tmp_path, *lines, at_most=3).conclusion == "kept"
    assert judged(tmp_path, *lines, at_most=2).label == "flood"


def test_sinks_hear_each_for_itself(tmp_path):
    lines = [*ALIKE, "2 noticed data.text=x data.sink=one", "2 noticed data.text=x data.sink=two"]

    assert judged(tmp_path, *lines).conclusion == "kept"


UNKNOWN = {
    "not drained": ([*ALIKE, notice(2, kind="refused", count=1)], END.replace("quiet", "no")),
    "a gap of a tap": ([*ALIKE, notice(2, kind="refused", count=1), "3 gap svc->rabbitmq 1"], END),
}


@pytest.mark.parametrize(("lines", "end"), UNKNOWN.values(), ids=UNKNOWN)
def test_what_cannot_be_told(tmp_path, lines, end):
    verdict = judged(tmp_path, *lines, end=end)

    assert (verdict.conclusion, verdict.definite, verdict.possible) == ("unknown", 0, 1)


def test_where_nothing_was_heard_there_was_nothing_to_bundle(tmp_path):
    assert judged(tmp_path, *ALIKE).conclusion == "vacuous"


def test_the_sentence_says_how_many_came(tmp_path):
    sentence = judged(tmp_path, *ALIKE, notice(2, kind="refused"), notice(3, kind="refused")).sentence

    assert 'alarms: 2 notices of one kind within 60 s (promised: 1): "refused"' in sentence


@pytest.mark.parametrize("given", [{"window": 0}, {"at_most": 0}], ids=["no time", "no notice"])
def test_what_is_no_bundle_is_refused(tmp_path, given):
    with pytest.raises(UsageError, match="seconds above 0 and 1 notice or more"):
        judged(tmp_path, **given)
