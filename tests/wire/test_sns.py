"""Publishes to topics of SNS as a tap reads them, and the envelope in which they come out of a queue."""

import json
from collections.abc import Mapping
from urllib.parse import urlencode

import pytest

from harness.history.events import Event
from harness.wire.rules import Rule
from harness.wire.sns import envelope
from tests.wire import sqs_calls
from tests.wire.sqs_calls import LINK, RECEIVE
from tests.wire.sqs_forms import document, fields, texts
from tests.wire.sqs_link import Taps
from tests.wire.taps import CollectingSink

ARN = "arn:aws:sns:us-east-1:000000000001:events"
KIND = {
    "MessageAttributes.entry.1.Name": "kind",
    "MessageAttributes.entry.1.Value.DataType": "String",
    "MessageAttributes.entry.1.Value.StringValue": "a",
}
ENTRY = "PublishBatchRequestEntries.member"


def form(operation: str, values: Mapping[str, str]) -> bytes:
    body = urlencode({"Action": operation, "Version": "2010-03-31", "TopicArn": ARN, **values}).encode()
    head = "POST / HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded; charset=utf-8\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def said(operation: str, result: str) -> bytes:
    inner = f"<{operation}Result>{result}</{operation}Result>"
    return document(f'<{operation}Response xmlns="http://sns.amazonaws.com/doc/2010-03-31/">{inner}</{operation}Response>')


PUBLISH = form("Publish", {"Message": '{"id": 7}', **KIND})
PUBLISHED = said("Publish", "<MessageId>n-1</MessageId>")
BATCH = form(
    "PublishBatch", {f"{ENTRY}.{n}.Id": f"e{n}" for n in (1, 2)} | {f"{ENTRY}.{n}.Message": f'{{"id": {n}}}' for n in (1, 2)}
)
NOTICE = {"Type": "Notification", "MessageId": "n-1", "TopicArn": ARN, "Message": '{"id": 7}'}


@pytest.fixture
def sink() -> CollectingSink:
    return CollectingSink(queues={"aws:events": "/id", "aws:mail": "/id"})


def published(sink: CollectingSink, *kinds: str) -> list[tuple[str, str, str, str, dict[str, object] | None]]:
    return [(event.wire, event.queue, event.key, event.mid, event.data) for event in sink.of(*kinds, at="far")]


def test_a_publish_is_a_send_to_a_topic(sink: CollectingSink):
    taps = Taps(sink)

    assert taps.call(PUBLISH, PUBLISHED) == PUBLISHED
    assert published(sink, "attempted") == [("Publish", "", "7", "", {"exchange": "events"})]
    assert published(sink, "acknowledged") == [("Publish", "", "7", "n-1", {"exchange": "events"})]
    attempted = sink.of("attempted", at="near")[0]
    assert (attempted.attributes, attempted.headers) == ({"kind": ("String", "a")}, {"kind": "a"})
    assert [event.ok for event in sink.of("answered")] == [True, True]


def test_each_entry_of_a_batch_is_a_publish_of_its_own(sink: CollectingSink):
    good = "<Successful><member><Id>e1</Id><MessageId>n-1</MessageId><SequenceNumber>9</SequenceNumber></member></Successful>"
    bad = "<Failed><member><Id>e2</Id><Code>InvalidParameter</Code><SenderFault>true</SenderFault></member></Failed>"
    taps = Taps(sink)
    taps.call(BATCH, said("PublishBatch", good + bad))

    assert published(sink, "acknowledged", "refused") == [
        ("PublishBatch", "", "1", "n-1", {"entry": "e1", "exchange": "events", "sequence": "9"}),
        ("PublishBatch", "", "2", "", {"entry": "e2", "exchange": "events", "code": "InvalidParameter"}),
    ]


def test_without_a_declared_key_it_is_what_sns_calls_it(sink: CollectingSink):
    sink.queues = {}
    taps = Taps(sink)
    taps.call(PUBLISH, PUBLISHED)
    taps.call(RECEIVE, sqs_calls.answer({"Messages": [{"MessageId": "m-1", "ReceiptHandle": "h", "Body": json.dumps(NOTICE)}]}))

    assert [event.key for event in sink.of("acknowledged", "delivered", at="far")] == ["id:n-1", "id:n-1"]


def test_the_key_stands_inside_the_envelope_or_in_what_was_delivered_raw(sink: CollectingSink):
    taps = Taps(sink)
    bodies = [json.dumps(NOTICE), '{"id": 8}', json.dumps({**NOTICE, "Message": "no JSON", "id": 9})]
    messages = [{"MessageId": f"m-{n}", "ReceiptHandle": f"h-{n}", "Body": body} for n, body in enumerate(bodies)]
    taps.call(RECEIVE, sqs_calls.answer({"Messages": messages}))

    assert [event.key for event in sink.of("delivered", at="far")] == ["7", "8", "9"]


def test_a_key_can_stand_in_an_attribute_of_the_envelope(sink: CollectingSink):
    sink.queues = {"aws:mail": "kind ~ (.+)"}
    body = json.dumps({**NOTICE, "MessageAttributes": {"kind": {"Type": "String", "Value": "a"}}})
    Taps(sink).call(RECEIVE, sqs_calls.answer({"Messages": [{"MessageId": "m-1", "ReceiptHandle": "h", "Body": body}]}))

    assert [event.key for event in sink.of("delivered", at="far")] == ["a"]


@pytest.mark.parametrize("body", ["", "{}", '{"TopicArn": 7}', '{"TopicArn": "x"', json.dumps({**NOTICE, "Type": "Other"})])
def test_what_is_no_envelope(body: str):
    assert envelope(body) is None


def test_calls_that_publish_nothing_are_only_answered(sink: CollectingSink):
    taps = Taps(sink)
    taps.call(form("Subscribe", {"Protocol": "sqs"}), document("<Odd/>"))
    taps.call(form("Publish", {"PhoneNumber": "+44", "Message": "x"}).replace(b"TopicArn", b"Somebody"), PUBLISHED)

    assert [(event.kind, event.wire, event.data) for event in sink.of("attempted", "answered", at="far")] == [
        ("answered", "Subscribe", None),
        ("attempted", "Publish", None),
        ("answered", "Publish", None),
    ]


class TestFaults:
    def rule(self, name: str, **how: object) -> Rule:
        return Rule(id="f1", name=name, link=LINK, **how)  # type: ignore[arg-type]

    def test_altered(self, sink: CollectingSink):
        taps = Taps(sink, self.rule("altered", attributes={"kind": "b"}, body='{"id": 9}', on="Publish"))
        asked = taps.ask(PUBLISH)

        assert fields(asked) == {**fields(PUBLISH), "Message": '{"id": 9}', "MessageAttributes.entry.1.Value.StringValue": "b"}
        assert taps.reply(PUBLISHED) == PUBLISHED
        assert [event.key for event in sink.of("attempted")] == ["7", "9"]

    def test_duplicate_of_one_entry(self, sink: CollectingSink):
        first, second = Taps(sink, self.rule("duplicate", key="2")).ask(BATCH).split(b"POST ")[1:]

        assert b"POST " + first == BATCH
        assert {name: value for name, value in fields(second).items() if name.startswith(ENTRY)} == {
            f"{ENTRY}.1.Id": "e2",
            f"{ENTRY}.1.Message": '{"id": 2}',
        }

    def test_status_in_its_own_words(self, sink: CollectingSink):
        got = Taps(sink, self.rule("status", code="NotFound", on="Publish")).call(PUBLISH, PUBLISHED)

        assert got.startswith(b"HTTP/1.1 404 Not Found\r\nContent-Type: text/xml\r\n")
        assert b"http://sns.amazonaws.com/doc/2010-03-31/" in got
        assert texts(got, "Code") == ["NotFound"]
        assert refused(sink) == [("near", "7", "f1")]

    def test_answer_lost(self, sink: CollectingSink):
        taps = Taps(sink, self.rule("answer_lost", times=1))

        assert taps.call(PUBLISH, PUBLISHED) == b""
        assert [event.at for event in sink.of("acknowledged")] == ["far"]


def refused(sink: CollectingSink) -> list[tuple[str, str, str]]:
    events: list[Event] = sink.of("refused")
    return [(event.at, event.key, event.fault) for event in events]
