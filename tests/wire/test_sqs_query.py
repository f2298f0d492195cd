"""The query protocol: the same events as in JSON, the same rules, and XML that is read without trust."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.wire.aws import handle_tag
from harness.wire.streams import Seat
from tests.wire.sqs_calls import wire
from tests.wire.sqs_forms import (
    DELETE,
    HANDLE,
    PERSON,
    RECEIVE,
    RECEIVED,
    SEND,
    SENT,
    document,
    failure,
    form,
    xml,
)
from tests.wire.taps import CollectingSink, cut

TAG = handle_tag(HANDLE)


@pytest.fixture
def sink() -> CollectingSink:
    return CollectingSink(queues={"aws:mail": "/personId"})


@pytest.mark.parametrize("at", ["near", "far"])
@pytest.mark.parametrize("by", [None, 1, 50])
def test_a_send_is_attempted_then_acknowledged(sink: CollectingSink, at: Seat, by: int | None):
    one = wire(sink, at=at)
    assert one.ask(SEND, by=by) == SEND
    assert one.reply(SENT, by=by) == SENT

    assert sink.story("kind", "at", "wire", "queue", "key", "mid", "x", "status") == [
        ("attempted", at, "SendMessage", "mail", "7", "", 1, None),
        ("acknowledged", at, "SendMessage", "mail", "7", "m-1", 1, 200),
        ("answered", at, "SendMessage", "mail", "", "", 1, 200),
    ]
    attempted = sink.events[0]
    assert (attempted.attributes, attempted.body, attempted.size) == ({"JavaType": ("String", "a.B")}, PERSON, len(PERSON))
    assert attempted.data == {"attempt": 2}


def test_what_stands_only_in_a_fifo_send_is_written_down(sink: CollectingSink):
    one = wire(sink)
    trace = {"Name": "AWSTraceHeader", "Value.DataType": "String", "Value.StringValue": "Root=1"}
    system = {f"MessageSystemAttribute.1.{name}": value for name, value in trace.items()}
    one.ask(
        form(
            "SendMessage",
            {"MessageBody": PERSON, "MessageGroupId": "g", "MessageDeduplicationId": "d", "DelaySeconds": 5} | system,
        )
    )
    one.reply(xml("SendMessage", "<MessageId>m-1</MessageId><SequenceNumber>18</SequenceNumber>"))

    assert sink.events[0].data == {"group": "g", "deduplication": "d", "delay": 5.0, "trace": "Root=1"}
    assert sink.events[1].data == {"sequence": "18"}


def test_each_entry_of_a_batch_is_a_send_of_its_own(sink: CollectingSink):
    one = wire(sink)
    entries: dict[str, object] = {}
    for n in (1, 2, 3):
        prefix = f"SendMessageBatchRequestEntry.{n}."
        entries |= {f"{prefix}Id": f"e{n}", f"{prefix}MessageBody": f'{{"personId": {n}}}'}
    one.ask(form("SendMessageBatch", entries))
    failed = "".join(
        f"<BatchResultErrorEntry><Id>e{n}</Id><SenderFault>{fault}</SenderFault><Code>{code}</Code></BatchResultErrorEntry>"
        for n, fault, code in ((2, "true", "InvalidMessageContents"), (3, "false", "InternalError"))
    )
    good = "<SendMessageBatchResultEntry><Id>e1</Id><MessageId>m-1</MessageId></SendMessageBatchResultEntry>"
    one.reply(xml("SendMessageBatch", good + failed))

    assert [(event.key, event.data) for event in sink.of("attempted")] == [(str(n), {"entry": f"e{n}"}) for n in (1, 2, 3)]
    assert [(event.kind, event.key, event.mid, event.data) for event in sink.of("acknowledged", "refused")] == [
        ("acknowledged", "1", "m-1", {"entry": "e1"}),
        ("refused", "2", "", {"entry": "e2", "code": "InvalidMessageContents"}),
    ]


def test_a_message_is_received_and_settled(sink: CollectingSink):
    one = wire(sink)
    one.ask(RECEIVE)
    one.reply(RECEIVED)
    one.ask(form("ChangeMessageVisibility", {"ReceiptHandle": HANDLE, "VisibilityTimeout": 0}))
    one.reply(failure("AWS.SimpleQueueService.MessageNotInflight", 400))
    one.ask(DELETE)
    one.reply(xml("DeleteMessage", ""))

    assert [
        (event.kind, event.how, event.tag, event.key, event.ok) for event in sink.of("delivered", "settled", "confirmed")
    ] == [
        ("delivered", "", TAG, "7", None),
        ("settled", "visibility", TAG, "7", None),
        ("confirmed", "visibility", TAG, "7", False),
        ("settled", "delete", TAG, "7", None),
        ("confirmed", "delete", TAG, "7", True),
    ]
    delivered = sink.of("delivered")[0]
    assert (delivered.mid, delivered.body, delivered.count, delivered.redelivered) == ("m-1", PERSON, 2, True)
    assert (delivered.attributes, delivered.data) == ({"JavaType": ("String", "a.B")}, {"visibility": 30.0, "group": "g"})
    assert [event.wire for event in sink.of("subscribed")] == ["ReceiveMessage"]


def test_each_entry_of_a_delete_batch_is_confirmed_by_itself(sink: CollectingSink):
    one = wire(sink)
    prefix = "DeleteMessageBatchRequestEntry"
    one.ask(
        form(
            "DeleteMessageBatch",
            {f"{prefix}.1.Id": "a", f"{prefix}.1.ReceiptHandle": "h1", f"{prefix}.2.Id": "b", f"{prefix}.2.ReceiptHandle": "h2"},
        )
    )
    # LocalStack calls an invalid handle its own fault; AWS does not.
    bad = "<Id>b</Id><SenderFault>false</SenderFault><Code>ReceiptHandleIsInvalid</Code>"
    one.reply(
        xml(
            "DeleteMessageBatch",
            f"<DeleteMessageBatchResultEntry><Id>a</Id></DeleteMessageBatchResultEntry><BatchResultErrorEntry>{bad}</BatchResultErrorEntry>",
        )
    )

    assert [(event.tag, event.ok) for event in sink.of("confirmed")] == [(handle_tag("h1"), True), (handle_tag("h2"), False)]


@pytest.mark.parametrize(
    "asked",
    [
        "GET {path}?Action=SendMessage&Version=2009-02-01&MessageBody=%7B%22personId%22%3A+7%7D HTTP/1.1\r\n\r\n",
        "POST {path} HTTP/1.1\r\nContent-Length: 53\r\n\r\nAction=SendMessage&MessageBody=%7B%22personId%22:7%7D",
    ],
)
def test_the_oldest_clients_send_to_the_queue_itself(sink: CollectingSink, asked: str):
    one = wire(sink)
    one.ask(asked.format(path="/queue/us-east-1/000000000001/mail").encode())

    assert [(event.kind, event.queue, event.key) for event in sink.events] == [("attempted", "mail", "7")]


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        (form("GetQueueUrl"), "GetQueueUrl"),
        (form("Publish").replace(b"2012-11-05", b"2010-08-01"), "Publish"),
        (b"POST / HTTP/1.1\r\nContent-Length: 11\r\n\r\nAction=None", "None"),
        (b"POST / HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: 18\r\n\r\nAction=SendMessage", "POST"),
    ],
)
def test_other_operations_and_services_are_only_answered(sink: CollectingSink, asked: bytes, name: str):
    one = wire(sink)
    one.ask(asked)
    one.reply(document("<Odd/>"))

    assert sink.story("kind", "wire", "status") == [("answered", name, 200)]


@pytest.mark.parametrize(
    ("reply", "refused", "code"),
    [
        (failure("AWS.SimpleQueueService.NonExistentQueue", 400), 1, "AWS.SimpleQueueService.NonExistentQueue"),
        (failure("RequestThrottled", 403), 0, "RequestThrottled"),
        (document("<html>", 503), 0, None),
    ],
)
def test_only_a_definite_no_is_a_refusal(sink: CollectingSink, reply: bytes, refused: int, code: str | None):
    one = wire(sink)
    one.ask(SEND)
    one.reply(reply)

    assert len(sink.of("refused")) == refused
    assert [(event.ok, (event.data or {}).get("code")) for event in sink.of("answered")] == [(False, code)]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("<html/>", "SendMessage: an answer that is html"),
        ("<a>", "not XML: no element found"),
        ("", "not XML: no element found"),
        ("<a>" * 20, "XML that is more than 16 elements deep"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "XML with a document type"),
        ('<?xml version="1.0" encoding="odd"?><a/>', "not XML"),
    ],
)
def test_an_answer_that_cannot_be_read_is_a_gap_and_passes(sink: CollectingSink, content: str, reason: str):
    one = wire(sink)
    one.ask(SEND)
    reply = document(content)

    assert one.reply(reply) == reply
    (gap,) = sink.of("gap")
    assert reason in str(gap.data)


def test_an_answer_without_a_body_or_result_says_nothing_more(sink: CollectingSink):
    one = wire(sink)
    for reply in (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", xml("ReceiveMessage", "")):
        one.ask(RECEIVE)
        one.reply(reply)

    assert [event.kind for event in sink.events] == ["subscribed", "answered", "answered"]


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (
            form("SendMessage", {"MessageAttribute": "x", "MessageAttribute.1.Name": "y"}),
            "'MessageAttribute.1.Name' is below a value",
        ),
        (form("SendMessage", {f"a{n}": "" for n in range(20_001)}), "Max number of fields exceeded"),
        (form("SendMessage", content_encoding="gzip"), "a body in gzip"),
    ],
)
def test_a_form_that_cannot_be_read_is_a_gap_and_passes(sink: CollectingSink, asked: bytes, reason: str):
    one = wire(sink)

    assert one.ask(asked) == asked
    (gap,) = sink.of("gap")
    assert reason in str(gap.data)


@settings(deadline=None)
@given(
    place=st.integers(0, 500),
    noise=st.binary(max_size=30),
    by=st.integers(1, 300),
    at=st.sampled_from(["near", "far"]),
    which=st.integers(0, 2),
)
def test_no_bytes_raise_and_all_go_on(place: int, noise: bytes, by: int, at: Seat, which: int):
    sink = CollectingSink(queues={"aws:mail": "/personId"})
    one = wire(sink, at=at)
    asked, replied = ((SEND, SENT), (RECEIVE, RECEIVED), (DELETE, xml("DeleteMessage", "")))[which]
    asked, replied = (raw[:place] + noise + raw[place + len(noise) :] for raw in (asked, replied))
    for chunk in cut(asked, by):
        one.ask(chunk)
    for chunk in cut(replied, by):
        one.reply(chunk)
    one.session.ended("target", "fin")

    assert (one.to_target, one.to_service) == (asked, replied)
