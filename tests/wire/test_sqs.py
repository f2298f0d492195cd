import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.wire import sqs_books
from harness.wire.aws import handle_tag
from harness.wire.rules import Rule
from harness.wire.streams import Seat
from tests.wire.sqs_calls import (
    DELETE,
    HANDLE,
    LINK,
    MESSAGE,
    PERSON,
    RECEIVE,
    RECEIVED,
    SEND,
    SENT,
    TAG,
    URL,
    answer,
    call,
    wire,
)
from tests.wire.taps import CollectingSink, cut


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


def test_a_message_without_a_declared_key_is_named_by_the_broker(sink: CollectingSink):
    sink.queues = {}
    one = wire(sink)
    one.ask(SEND)
    one.reply(SENT)

    assert [event.key for event in sink.of("attempted", "acknowledged")] == ["", "id:m-1"]


def test_a_key_can_stand_in_an_attribute(sink: CollectingSink):
    sink.queues = {"aws:mail": "javatype ~ (.+)"}
    wire(sink).ask(SEND)

    assert sink.events[0].key == "a.B"


def test_where_the_group_stands_is_looked_at_beside_what_was_sent(sink: CollectingSink):
    sink.groups = {"mail": "/personId"}
    wire(sink).ask(call("SendMessage", {"QueueUrl": URL, "MessageBody": PERSON, "MessageGroupId": "random"}))

    assert sink.events[0].data == {"group": "random", "belongs": "7"}


def test_each_entry_of_a_batch_is_a_send_of_its_own(sink: CollectingSink):
    one = wire(sink)
    entries = [
        {"Id": str(n), "MessageBody": json.dumps({"personId": n}), "MessageGroupId": "g", "DelaySeconds": 5} for n in (1, 2, 3)
    ]
    one.ask(call("SendMessageBatch", {"QueueUrl": URL, "Entries": entries}))
    failed = [
        {"Id": "2", "Code": "InvalidMessageContents", "SenderFault": True},
        {"Id": "3", "Code": "InternalError", "SenderFault": False},
    ]
    one.reply(answer({"Successful": [{"Id": "1", "MessageId": "m-1", "SequenceNumber": "18"}, {"Id": "?"}], "Failed": failed}))

    assert [(event.key, event.data) for event in sink.of("attempted")] == [
        (str(n), {"group": "g", "delay": 5.0, "entry": str(n)}) for n in (1, 2, 3)
    ]
    assert [(event.kind, event.key, event.mid, event.data) for event in sink.of("acknowledged", "refused")] == [
        ("acknowledged", "1", "m-1", {"entry": "1", "sequence": "18"}),
        ("refused", "2", "", {"entry": "2", "code": "InvalidMessageContents"}),
    ]


@pytest.mark.parametrize(
    ("reply", "refused", "code"),
    [
        (
            answer({"__type": "com.amazonaws.sqs#QueueDoesNotExist"}, 400, x_amzn_query_error="AWS.NonExistentQueue;Sender"),
            1,
            "AWS.NonExistentQueue",
        ),
        (answer({"__type": "com.amazonaws.sqs#InvalidMessageContents"}, 400), 1, "InvalidMessageContents"),
        (answer({"__type": "com.amazonaws.sqs#RequestThrottled"}, 400), 0, "RequestThrottled"),
        (answer(b"<html>", 503), 0, None),
    ],
)
def test_only_a_definite_no_is_a_refusal(sink: CollectingSink, reply: bytes, refused: int, code: str | None):
    one = wire(sink)
    one.ask(SEND)
    one.reply(reply)

    assert len(sink.of("refused")) == refused
    (answered,) = sink.of("answered")
    assert answered.ok is False
    assert (answered.data or {}).get("code") == code


def test_a_receive_subscribes_once_and_delivers(sink: CollectingSink):
    one = wire(sink)
    for _ in range(2):
        one.ask(RECEIVE)
        one.reply(RECEIVED)

    assert [(event.kind, event.wire, event.queue) for event in sink.of("subscribed")] == [
        ("subscribed", "ReceiveMessage", "mail")
    ]
    first = sink.of("delivered")[0]
    assert (first.tag, first.mid, first.key, first.count, first.redelivered) == (TAG, "m-1", "7", 2, True)
    assert (first.attributes, first.data) == ({"JavaType": ("String", "a.B")}, {"visibility": 30.0, "group": "g"})


def test_an_empty_receive_delivers_nothing(sink: CollectingSink):
    one = wire(sink)
    one.ask(RECEIVE)
    one.reply(answer({}))

    assert [event.kind for event in sink.events] == ["subscribed", "answered"]


def test_when_all_connections_have_ended_a_consumer_subscribes_anew(sink: CollectingSink):
    shared: dict[str, object] = {}
    first, second = wire(sink, shared=shared), wire(sink, shared=shared)
    first.ask(RECEIVE)
    first.session.ended("service", "fin")
    first.session.ended("target", "fin")
    second.ask(RECEIVE)
    before = len(sink.of("subscribed"))
    second.session.ended("service", "rst")
    wire(sink, shared=shared).ask(RECEIVE)

    assert before == 1
    assert len(sink.of("subscribed")) == 2


def test_a_delete_on_another_connection_is_known_by_its_handle(sink: CollectingSink):
    shared: dict[str, object] = {}
    consumer, deleter = wire(sink, shared=shared), wire(sink, shared=shared)
    consumer.ask(RECEIVE)
    consumer.reply(RECEIVED)
    deleter.ask(DELETE)
    deleter.reply(answer())

    assert [
        (event.kind, event.how, event.key, event.mid, event.tag, event.ok, event.x) for event in sink.of("settled", "confirmed")
    ] == [
        ("settled", "delete", "7", "m-1", TAG, None, 1),
        ("confirmed", "delete", "7", "m-1", TAG, True, 1),
    ]


def test_a_visibility_change_has_its_delay(sink: CollectingSink):
    one = wire(sink)
    one.ask(call("ChangeMessageVisibility", {"QueueUrl": URL, "ReceiptHandle": HANDLE, "VisibilityTimeout": 0}))
    one.reply(answer({"__type": "com.amazonaws.sqs#MessageNotInflight"}, 400))

    assert [(event.kind, event.how, event.delay, event.key, event.ok) for event in sink.of("settled", "confirmed")] == [
        ("settled", "visibility", 0.0, "", None),
        ("confirmed", "visibility", None, "", False),
    ]


def test_each_entry_of_a_delete_batch_is_confirmed_by_itself(sink: CollectingSink):
    one = wire(sink)
    entries = [{"Id": "a", "ReceiptHandle": "h1"}, {"Id": "b", "ReceiptHandle": "h2"}]
    one.ask(call("DeleteMessageBatch", {"QueueUrl": URL, "Entries": entries}))
    one.reply(
        answer({"Successful": [{"Id": "a"}], "Failed": [{"Id": "b", "Code": "ReceiptHandleIsInvalid", "SenderFault": True}]})
    )

    assert [(event.tag, event.ok) for event in sink.of("confirmed")] == [(handle_tag("h1"), True), (handle_tag("h2"), False)]


def test_the_oldest_handles_are_forgotten(sink: CollectingSink, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sqs_books, "REMEMBERED", 1)
    one = wire(sink)
    one.ask(RECEIVE)
    one.reply(answer({"Messages": [MESSAGE, {**MESSAGE, "ReceiptHandle": "another"}]}))
    one.ask(DELETE)

    assert [(event.tag, event.key) for event in sink.of("settled")] == [(TAG, "")]


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        (call("GetQueueUrl", {"QueueName": "mail"}), "GetQueueUrl"),
        (call("StartMessageMoveTask", {"SourceArn": "arn:aws:sqs:eu-west-2:1:mail-dlq"}), "StartMessageMoveTask"),
        (b"GET /_localstack/health HTTP/1.1\r\n\r\n", "GET"),
        (call("", b"").replace(b"AmazonSQS.", b"DynamoDB_20120810.PutItem"), "DynamoDB_20120810.PutItem"),
    ],
)
def test_other_operations_and_services_are_only_answered(sink: CollectingSink, asked: bytes, name: str):
    one = wire(sink)
    one.ask(asked)
    one.reply(answer({}))

    assert sink.story("kind", "wire", "status") == [("answered", name, 200)]


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (
            b"POST /operation/SendMessage HTTP/1.1\r\nsmithy-protocol: rpc-v2-cbor\r\nContent-Length: 1\r\n\r\n\xa0",
            "a call in the protocol rpc-v2-cbor",
        ),
        (call("SendMessage", b"[]"), "SendMessage: Expected `object`"),
        (call("SendMessage", b"{"), "SendMessage: "),
        (call("SendMessage", {"QueueUrl": 7}), "SendMessage: Expected `str"),
        (call("SendMessage", {"QueueUrl": URL}, content_encoding="gzip"), "SendMessage: a body in gzip"),
        (call("SendMessage", b" " * 5_000_000), "SendMessage: a body of 5000000 bytes"),
        (call("SendMessage", b"[" * 100_000), "SendMessage: "),
    ],
)
def test_a_call_that_cannot_be_read_is_a_gap_and_passes(sink: CollectingSink, asked: bytes, reason: str):
    one = wire(sink, Rule(id="f1", name="answer_lost", link=LINK))

    assert one.ask(asked, by=65536) == asked
    assert one.reply(SENT, by=9) == SENT
    (gap,) = sink.of("gap")
    assert reason in str(gap.data)
    assert [event.kind for event in sink.events] == ["gap"]


def test_an_answer_that_cannot_be_read_is_a_gap_and_passes(sink: CollectingSink):
    one = wire(sink)
    one.ask(SEND)

    assert one.reply(answer(b"<xml/>")) == answer(b"<xml/>")
    assert [event.kind for event in sink.events] == ["attempted", "gap"]


@settings(deadline=None)
@given(
    place=st.integers(0, 400),
    noise=st.binary(max_size=30),
    by=st.integers(1, 200),
    at=st.sampled_from(["near", "far"]),
    which=st.integers(0, 2),
)
def test_no_bytes_raise_and_all_go_on(place: int, noise: bytes, by: int, at: Seat, which: int):
    sink = CollectingSink(queues={"aws:mail": "/personId"})
    one = wire(sink, at=at)
    asked, replied = ((SEND, SENT), (RECEIVE, RECEIVED), (DELETE, answer()))[which]
    asked, replied = (raw[:place] + noise + raw[place + len(noise) :] for raw in (asked, replied))
    for chunk in cut(asked, by):
        one.ask(chunk)
    for chunk in cut(replied, by):
        one.reply(chunk)
    one.session.ended("target", "fin")

    assert (one.to_target, one.to_service) == (asked, replied)
