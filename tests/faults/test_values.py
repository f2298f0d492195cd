"""Faults as values: code that makes an equal one, JSON there and back, and what is refused with the right call named."""

import json
import math
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from harness import faults
from harness.errors import UsageError
from harness.faults import altered, answer_lost, kill, latency, outage
from harness.faults.arguments import link_of, victim_of
from harness.faults.rules import rule_of
from harness.model import Fault, Link, Moment, Thing
from harness.wire.rules import Rule

TCS = Link("esr-writer", "tcs")
TENTH = Moment("tcs", "answered", 10)

EVERY = [
    (outage(TCS), "outage(Link('esr-writer', 'tcs'))"),
    (outage(TCS, lasts=30), "outage(Link('esr-writer', 'tcs'), lasts=30)"),
    (outage(TCS, begins=TENTH, lasts=0.5), "outage(Link('esr-writer', 'tcs'), begins=Moment('tcs', 'answered', 10), lasts=0.5)"),
    (outage(TCS, begins=(TENTH | Moment("jobs", "sent", key="7")) & TENTH + 60), None),
    (latency(TCS, 45), "latency(Link('esr-writer', 'tcs'), seconds=45)"),
    (latency(TCS, 0.25, begins=TENTH + 2, lasts=9), None),
    (answer_lost(TCS), "answer_lost(Link('esr-writer', 'tcs'))"),
    (answer_lost(TCS, status=504, on="POST", key="42", times=1, lasts=3), None),
    (altered(TCS, drop=["JavaType"]), "altered(Link('esr-writer', 'tcs'), drop=('JavaType',))"),
    (altered(TCS, body=""), "altered(Link('esr-writer', 'tcs'), body='')"),
    (altered(TCS, attributes={"JavaType": "uk.nhs.Event"}, drop=("a", "b"), body="{}", key="1", times=2, begins=TENTH), None),
    (kill("esr-writer"), "kill('esr-writer', signal='KILL')"),
    (kill("esr-writer", signal="TERM", begins=Moment("jobs", "delivered") + 60, lasts=5), None),
]
FAULTS = [fault for fault, _ in EVERY]
NUMBERS = [f"{number} {fault}" for number, fault in enumerate(FAULTS)]  # begins= is not part of the text of a fault


@pytest.mark.parametrize(("fault", "code"), EVERY, ids=NUMBERS)
def test_the_repr_of_a_fault_is_the_code_that_makes_it(fault: Fault, code: str | None):
    names = {**{name: getattr(faults, name) for name in faults.__all__}, "Link": Link, "Moment": Moment}
    again = eval(repr(fault), names)  # noqa: S307 (our own text)
    assert again == fault
    assert hash(again) == hash(fault)
    assert code in (None, repr(fault))


@pytest.mark.parametrize("fault", FAULTS, ids=NUMBERS)
def test_a_fault_goes_through_json_unchanged(fault: Fault):
    again = Fault.from_json(json.loads(json.dumps(fault.to_json())))
    assert again == fault
    assert again.to_json() == fault.to_json()


@pytest.mark.parametrize("fault", FAULTS, ids=NUMBERS)
def test_a_fault_can_be_sent_to_another_process(fault: Fault):
    assert pickle.loads(pickle.dumps(fault)) == fault  # noqa: S301 (our own bytes)


def test_a_changed_mapping_does_not_change_the_fault():
    attributes = {"JavaType": "a"}
    fault = altered(TCS, attributes=attributes)
    attributes["JavaType"] = "b"
    assert fault.get("attributes") == {"JavaType": "a"}


def test_a_thing_can_be_killed_by_its_name():
    class Worker(Thing):
        @property
        def thing_name(self) -> str:
            return "worker"

    assert kill(Worker()) == kill("worker")


def test_rules_carry_all_settings():
    assert rule_of("f3", answer_lost(TCS, status=504, on="POST", key="42", times=1)) == Rule(
        id="f3", name="answer_lost", link="esr-writer->tcs", order=3, status=504, on="POST", key="42", times=1
    )
    assert rule_of("f4", altered(TCS, attributes={"a": "b"}, drop=("c",), body="d", key="k", times=2)) == Rule(
        id="f4", name="altered", link="esr-writer->tcs", order=4, attributes={"a": "b"}, drop=("c",), body="d", key="k", times=2
    )
    assert rule_of("f5", answer_lost(TCS)) == Rule(id="f5", name="answer_lost", link="esr-writer->tcs", order=5)


def refused(call: Any, *arguments: Any, **named: Any) -> str:
    try:
        call(*arguments, **named)
    except UsageError as error:
        return str(error)
    return "taken"


@pytest.mark.parametrize("lasts", [0, -1, math.inf, math.nan, True, "30"], ids=repr)
@pytest.mark.parametrize(
    ("call", "arguments"),
    [(outage, ()), (latency, (1,)), (answer_lost, ()), (kill, ())],
    ids=["outage", "latency", "answer_lost", "kill"],
)
def test_a_duration_that_is_none_is_refused(call: Any, arguments: tuple[object, ...], lasts: object):
    what = "writer" if call is kill else TCS
    assert "lasts=30) for 30 seconds; without lasts it lasts until heal()" in refused(call, what, *arguments, lasts=lasts)


REFUSED: list[tuple[Callable[[], str], str]] = [
    (lambda: refused(outage, "esr-writer->tcs"), "write outage(service.link(thing))"),
    (lambda: refused(outage, TCS, begins=10), "begins=queue.delivered(3)"),
    (lambda: refused(latency, TCS, 0), "write latency(link, 45)"),
    (lambda: refused(latency, TCS, math.nan), "write latency(link, 45)"),
    (lambda: refused(answer_lost, TCS, times=0), "answer_lost(link, times=1)"),
    (lambda: refused(answer_lost, TCS, times=1.5), "answer_lost(link, times=1)"),
    (lambda: refused(answer_lost, TCS, status=200), "as in status=504"),
    (lambda: refused(answer_lost, TCS, on=""), "as in answer_lost(link, on='POST')"),
    (lambda: refused(answer_lost, TCS, key=""), "as in answer_lost(link, key='42')"),
    (lambda: refused(altered, TCS), "changes nothing"),
    (lambda: refused(altered, TCS, attributes={}), "changes nothing"),
    (lambda: refused(altered, TCS, drop="JavaType"), "drop=('JavaType',)"),
    (lambda: refused(altered, TCS, drop=("a",), attributes={"a": "b"}), "sets and drops 'a'"),
    (lambda: refused(altered, TCS, drop=("a",), times=0), "altered(link, times=1)"),
    (
        lambda: refused(altered, TCS, attributes={f"a{n}": "x" for n in range(11)}),
        "has 11 attributes; a message on SQS has at most 10",
    ),
    (lambda: refused(altered, TCS, attributes={"a": ""}), "drop=('a',)"),
    (lambda: refused(altered, TCS, attributes={"a": 1}), "is a text"),
    (lambda: refused(kill, ""), "write kill(instance)"),
    (lambda: refused(kill, TCS), "write kill(instance)"),
    (lambda: refused(kill, "writer", signal="HUP"), "the signals are 'KILL' and 'TERM'"),
]


@pytest.mark.parametrize(
    ("attempt", "sentence"), REFUSED, ids=[f"{number} {sentence}" for number, (_, sentence) in enumerate(REFUSED)]
)
def test_what_cannot_mean_anything_is_refused_with_the_right_call(attempt: Callable[[], str], sentence: str):
    assert sentence in attempt()


@pytest.mark.parametrize("name", ["AWS.Trace", "aws.x", "Amazon.x", "", ".a", "a.", "a..b", "a b", "ä", "x" * 257])
def test_names_that_sqs_refuses_are_refused(name: str):
    assert "SQS takes no such name" in refused(altered, TCS, attributes={name: "v"})


@pytest.mark.parametrize("name", ["JavaType", "a.b-c_1", "AWSTraceHeader", "x" * 256])
def test_names_that_sqs_takes_are_taken(name: str):
    assert refused(altered, TCS, attributes={name: "v"}) == "taken"


def test_ten_attributes_are_taken():
    assert refused(altered, TCS, attributes={f"a{n}": "x" for n in range(10)}) == "taken"


def test_a_fault_made_by_hand_without_its_place_is_named():
    with pytest.raises(UsageError, match=r"outage\(None\) names no link"):
        link_of(Fault("outage"))
    with pytest.raises(UsageError, match=r"kill\(None\) names no victim"):
        victim_of(Fault("kill"))
