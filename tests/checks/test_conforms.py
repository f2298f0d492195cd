"""Each label of `conforms`: one message and what its queue's contract says of it."""

from pathlib import Path

import msgspec
import pytest

from harness.checks import conforms
from harness.history import History
from harness.history.journal import Journal
from tests.histories import done, history, journal, over, rabbit, sent, sqs

SENT = {
    "payload": {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}},
    "headers": {
        "required": ["contentType"],
        "properties": {
            "contentType": {"const": "application/json", "x-sqs-dataType": "String"},
            "tries": {"type": "integer", "maximum": 3},
            "share": {"type": "number"},
        },
        "additionalProperties": False,
        "maxProperties": 3,
    },
    "x-sqs-message": {"groupId": {"pattern": "^person-"}},
}
ONLY_HEADERS = {"headers": SENT["headers"]}
ONLY_BODY = {"payload": SENT["payload"]}
JSON = {"contentType": ("String", "application/json")}
FIFO = sqs(fifo=True, group="/id", contract=SENT)


def run(folder: Path, world, **given) -> History:
    """Return a run in which a service sent this message."""
    group = given.pop("group", "person-1")
    seen = "\n".join(f"0.1 {at} attempted q a link=p->sqs x=1 group={group}" for at in ("near", "far"))
    path = journal(folder, seen, "0.1 far acknowledged q a link=p->sqs x=1 mid=m", over("q a"), world=(world,))
    events = list(Journal(path).events())
    body = given.setdefault("body", '{"id": "person-1"}')
    for event in events:
        if event.kind == "attempted":
            event.body, event.size = body, given.get("size", len(body))
            event.attributes, event.headers = given.get("attributes", JSON), given.get("headers")
    path.write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in [Journal(path).header, *events]))
    return History(path)


def rabbit_run(folder, **headers):
    return conforms(run(folder, rabbit(contract=ONLY_HEADERS), attributes=None, headers=headers))


BROKEN = {
    "an attribute that nobody knows": (
        "unexpected_attribute",
        {"attributes": {**JSON, "JavaType": ("String", "a.B")}},
        "('JavaType' was unexpected)",
    ),
    "an attribute less": ("missing_attribute", {"attributes": {}}, "'contentType' is a required property"),
    "another value": ("wrong_type", {"attributes": {"contentType": ("String", "text/plain")}}, "'application/json' was expected"),
    "another type on SQS": (
        "wrong_type",
        {"attributes": {"contentType": ("String.x", "application/json")}},
        "with attribute contentType of type String.x, and not String",
    ),
    "a text for a number": ("wrong_type", {"attributes": {**JSON, "tries": ("String", "1")}}, "'1' is not of type 'integer'"),
    "no number": ("wrong_type", {"attributes": {**JSON, "tries": ("Number", "many")}}, "'many' is not of type 'integer'"),
    "too large a number": ("wrong_type", {"attributes": {**JSON, "tries": ("Number.int", "4")}}, "4 is greater than"),
    "another group than in its body": ("wrong_group", {"group": "person-2"}, "in group person-2, and not person-1"),
    "a body of another type": ("wrong_body", {"body": "[]", "group": "person-1"}, "[] is not of type 'object'"),
    "no JSON": ("wrong_body", {"body": "a", "group": "person-1"}, "with a body that is no JSON"),
}


@pytest.mark.parametrize(("label", "given", "said"), BROKEN.values(), ids=BROKEN)
def test_broken(tmp_path, label, given, said):
    verdict = conforms(run(tmp_path, FIFO, **given))

    assert (verdict.conclusion, verdict.labels, verdict.definite) == ("broken", (label,), 1)
    assert verdict.premises_of(label) == 1
    assert said in verdict.sentence


def test_too_many_attributes_are_no_attribute_of_their_own(tmp_path):
    contract = {"headers": {"maxProperties": 0}}

    assert conforms(run(tmp_path, sqs(contract=contract))).label == "wrong_type"


def test_a_group_has_a_schema_of_its_own(tmp_path):
    assert conforms(run(tmp_path, FIFO, group="7", body='{"id": "7"}')).label == "wrong_group"


KEPT = {
    "as it is said": (FIFO, {}),
    "with numbers": (FIFO, {"attributes": {**JSON, "tries": ("Number.int", "3"), "share": ("Number", "0.5")}}),
    "a group on a queue that has none": (sqs(contract=ONLY_HEADERS), {"group": "7"}),
    "a body of which nothing is said": (sqs(contract=ONLY_HEADERS), {"body": "a"}),
    "attributes of which nothing is said": (sqs(contract=ONLY_BODY), {"attributes": {"any": ("Binary", "x")}}),
    "any attribute at all": (sqs(contract={"headers": True}), {}),
    "a long body of which nothing is said": (sqs(contract=ONLY_HEADERS), {"size": 5000}),
    "a FIFO queue whose groups nobody declared": (sqs(fifo=True, contract=ONLY_BODY), {"group": "any"}),
}


@pytest.mark.parametrize(("world", "given"), KEPT.values(), ids=KEPT)
def test_kept(tmp_path, world, given):
    verdict = conforms(run(tmp_path, world, **given))

    assert (verdict.conclusion, verdict.premises) == ("kept", 1)


def test_headers_of_amqp_are_held_against_it_too(tmp_path):
    assert rabbit_run(tmp_path, contentType="application/json", tries=2).conclusion == "kept"
    assert rabbit_run(tmp_path, contentType="application/json", **{"x-death": []}).conclusion == "kept"
    assert rabbit_run(tmp_path, contentType="application/json", __TypeId__="a.B").label == "unexpected_attribute"


def test_of_a_long_body_nothing_is_known(tmp_path):
    verdict = conforms(run(tmp_path, sqs(contract=ONLY_BODY), size=5000))

    assert verdict.conclusion == "unknown"
    assert "the journal keeps 1 KiB of a body, and a in q has 5000 bytes" in verdict.sentence


def test_what_the_harness_sends_has_the_group_that_it_was_told(tmp_path):
    lines = ["0 harness attempted q a group=person-1\n0 harness acknowledged q a mid=m", over("q a")]
    world = (sqs(fifo=True, contract={"headers": {}}),)

    assert conforms(history(tmp_path, *lines, world=world)).premises_of("wrong_group") == 1


NOT_SENT = {
    "told to be": "0 harness attempted q a wire=told",
    "redriven": "0 harness attempted q a data.redriven=1",
    "to another queue": "0 harness attempted other a",
}


@pytest.mark.parametrize("line", NOT_SENT.values(), ids=NOT_SENT)
def test_only_what_was_sent_is_looked_at(tmp_path, line):
    run = history(tmp_path, line, over(), world=(rabbit(contract=ONLY_HEADERS), rabbit("other")))

    assert conforms(run).conclusion == "vacuous"


def test_what_was_only_seen_as_it_came_out_is_looked_at_once(tmp_path):
    lines = ["1 delivered q a 1:1\n2 delivered q a 1:2", over()]

    assert conforms(history(tmp_path, *lines, world=(rabbit(contract=ONLY_HEADERS),))).premises == 1


def test_what_a_gap_of_a_tap_may_have_touched_is_never_sure(tmp_path):
    lines = [sent("a"), "1 delivered q a 1:1\n2 gap svc->rabbitmq 1", over()]
    verdict = conforms(history(tmp_path, *lines, world=(rabbit(contract=ONLY_HEADERS),)))

    assert (verdict.conclusion, verdict.definite, verdict.possible) == ("unknown", 0, 1)


def test_without_a_contract_there_is_nothing_to_say(tmp_path):
    assert conforms(history(tmp_path, sent("a"), done("a"), over())).conclusion == "vacuous"
