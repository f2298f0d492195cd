"""Faults as values: code that makes an equal one, JSON there and back, and what is refused with the right call named."""

import json
import math
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from harness import faults
from harness.errors import UsageError
from harness.faults import (
    altered,
    answer_lost,
    duplicate,
    held,
    kill,
    latency,
    outage,
    reordered,
    request_lost,
    shortened,
    status,
)
from harness.faults.arguments import link_of, victim_of
from harness.faults.rules import is_rule, rule_of
from harness.faults.schedule import ACTORS
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
    (latency(TCS, 3, jitter=1.5, on="POST", key="42", times=2), None),
    (altered(TCS, attributes={"n": ("Number.int", "7"), "b": ("Binary", "AAE=")}, on="SendMessage"), None),
    (altered(TCS, like="spring-cloud-aws-3.1.1", type="uk.nhs.Event", key="1"), None),
    (duplicate(TCS), "duplicate(Link('esr-writer', 'tcs'))"),
    (duplicate(TCS, copies=3, on="Basic.Deliver", key="1", times=1, begins=TENTH, lasts=2), None),
    (held(TCS, key="1"), "held(Link('esr-writer', 'tcs'), key='1')"),
    (reordered(TCS), "reordered(Link('esr-writer', 'tcs'))"),
    (reordered(TCS, window=5, times=10), "reordered(Link('esr-writer', 'tcs'), window=5, times=10)"),
    (request_lost(TCS, on="DeleteMessage", times=1), "request_lost(Link('esr-writer', 'tcs'), on='DeleteMessage', times=1)"),
    (shortened(TCS, 0), "shortened(Link('esr-writer', 'tcs'), seconds=0)"),
    (status(TCS, 503), "status(Link('esr-writer', 'tcs'), code=503)"),
    (status(TCS, "AccessDenied", body="no", headers={"Retry-After": "5"}, on="POST", key="4", times=3, lasts=9), None),
    (altered(TCS, drop=["JavaType"]), "altered(Link('esr-writer', 'tcs'), drop=('JavaType',))"),
    (altered(TCS, body=""), "altered(Link('esr-writer', 'tcs'), body='')"),
    (altered(TCS, attributes={"JavaType": "uk.nhs.Event"}, drop=("a", "b"), body="{}", key="1", times=2, begins=TENTH), None),
    (kill("esr-writer"), "kill('esr-writer', signal='KILL')"),
    (kill("esr-writer", signal="TERM", begins=Moment("jobs", "delivered") + 60, lasts=5), None),
]
FAULTS = [fault for fault, _ in EVERY]
NUMBERS = [f"{number} {fault}" for number, fault in enumerate(FAULTS)]


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


def test_the_text_of_a_fault_says_when_it_begins():
    assert str(outage(TCS, begins=TENTH + 5, lasts=30)) == "outage esr-writer->tcs begins=tcs answered (10) + 5 s lasts=30"


def test_every_fault_that_can_be_made_can_be_injected():
    assert set(faults.__all__) == set(ACTORS)


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
    code = status(TCS, "Throttled", body="b", headers={"a": "b"})
    assert rule_of("f6", code) == Rule(
        id="f6", name="status", link="esr-writer->tcs", order=6, code="Throttled", body="b", headers={"a": "b"}
    )
    slow = latency(TCS, 2, jitter=1, key="k")
    assert rule_of("f7", slow) == Rule(id="f7", name="latency", link="esr-writer->tcs", order=7, seconds=2, jitter=1, key="k")
    some = [duplicate(TCS, copies=2), reordered(TCS, window=3), shortened(TCS, 0), held(TCS), request_lost(TCS)]
    rules = [rule_of("f8", fault) for fault in some]
    assert [(rule.copies, rule.window, rule.seconds) for rule in rules] == [(2, 2, 0), (1, 3, 0), *[(1, 2, 0)] * 3]
    assert [rule.name for rule in rules] == [fault.name for fault in some]


def test_a_library_is_the_attributes_it_sets_and_those_it_does_not_send():
    spring = altered(TCS, like="spring-cloud-aws-3.1.1", type="uk.nhs.Event", attributes={"id": "7"}, drop=("contentType",))
    rule = rule_of("f1", spring)
    assert (rule.attributes, rule.drop) == ({"JavaType": "uk.nhs.Event", "id": "7"}, ("contentType", "timestamp"))
    old = rule_of("f1", altered(TCS, like="spring-cloud-aws-2.4.4"))
    assert old.attributes is not None
    assert old.attributes["timestamp"] == ("Number.java.lang.Long", "1767225600000")
    assert old.drop == ("JavaType",)
    assert rule_of("f1", altered(TCS, like="boto3", body="{}")).body == "{}"


def test_only_a_latency_of_single_messages_is_a_rule():
    assert not is_rule(latency(TCS, 1, jitter=1))
    assert [is_rule(latency(TCS, 1, **one)) for one in ({"on": "POST"}, {"key": "1"}, {"times": 1})] == [True] * 3
    assert [is_rule(outage(TCS)), is_rule(held(TCS))] == [False, True]


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
    (lambda: refused(altered, TCS, attributes={"a": ("Text", "1")}), "has no such type"),
    (lambda: refused(altered, TCS, attributes={"a": ("Number", "one")}), "this text is no Number"),
    (lambda: refused(altered, TCS, attributes={"a": ("Binary", "%")}), "this text is no Binary"),
    (lambda: refused(altered, TCS, attributes={"a": ("Number", "")}), "drop=('a',)"),
    (lambda: refused(altered, TCS, like="spring"), "known are: spring-cloud-aws-2.4.4"),
    (lambda: refused(altered, TCS, like="spring-cloud-aws-3.1.1"), "add type='uk.nhs.Event'"),
    (lambda: refused(altered, TCS, like="boto3", type="a.B"), "leave type= out"),
    (lambda: refused(altered, TCS, like="celery-5.6.2"), "publish(..., like='celery-5.6.2') sends such a one"),
    (lambda: refused(altered, TCS, type="a.B"), "like='spring-cloud-aws-3.1.1'"),
    (lambda: refused(latency, TCS, 1, jitter=2), "the jitter is from 0 to the 1 seconds"),
    (lambda: refused(latency, TCS, 1, jitter=math.nan), "the jitter is from 0"),
    (lambda: refused(latency, TCS, 1, times=0), "latency(link, 45, times=1)"),
    (lambda: refused(duplicate, TCS, copies=0), "write duplicate(link, copies=1)"),
    (lambda: refused(duplicate, TCS, copies=True), "write duplicate(link, copies=1)"),
    (lambda: refused(reordered, TCS, window=1), "write reordered(link, window=2)"),
    (lambda: refused(shortened, TCS, -1), "write shortened(link, 2)"),
    (lambda: refused(shortened, TCS, 1.5), "write shortened(link, 2)"),
    (lambda: refused(shortened, TCS, 43_201), "0 to 43200 whole seconds"),
    (lambda: refused(held, TCS, times=0), "held(link, times=1)"),
    (lambda: refused(request_lost, TCS, key=""), "request_lost(link, key='42')"),
    (lambda: refused(status, TCS, 200), "a status of HTTP (503)"),
    (lambda: refused(status, TCS, 503.0), "a status of HTTP (503)"),
    (lambda: refused(status, TCS, "no such thing"), "an error code of AWS ('AccessDenied')"),
    (lambda: refused(status, TCS, 503, body=b"x"), "the body is a text"),
    (lambda: refused(status, TCS, 503, headers={"a b": "c"}), "headers={'Retry-After': '5'}"),
    (lambda: refused(status, TCS, 503, headers={"a": "b\nc"}), "headers={'Retry-After': '5'}"),
    (lambda: refused(status, TCS, 503, headers={"a": 1}), "headers={'Retry-After': '5'}"),
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
