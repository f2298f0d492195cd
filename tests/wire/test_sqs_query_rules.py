"""Rules in the query protocol: forms and XML changed, with the digests that SDKs verify."""

import pytest

from harness.wire.aws import Attribute, md5_of_attributes, md5_of_body
from harness.wire.rules import Rule
from harness.wire.streams import Close
from tests.wire.sqs_calls import LINK, wire
from tests.wire.sqs_forms import (
    HANDLE,
    JAVA,
    PERSON,
    RECEIVE,
    SEND,
    SENT,
    attribute,
    body_of,
    fields,
    form,
    message,
    texts,
    xml,
)
from tests.wire.taps import CollectingSink

FOREIGN = {"JavaType": "c.D"}


@pytest.fixture
def sink() -> CollectingSink:
    return CollectingSink(queues={"aws:mail": "/personId"})


def digest(**values: str) -> str:
    return md5_of_attributes({name: Attribute("String", value) for name, value in values.items()})


@pytest.mark.parametrize("by", [None, 1])
def test_a_send_is_altered_and_its_answer_has_the_digests_of_what_was_sent(sink: CollectingSink, by: int | None):
    rule = Rule(id="f1", name="altered", link=LINK, attributes=FOREIGN, body="{}")
    near = wire(sink, rule, at="near")
    sent = fields(near.ask(SEND, by=by))
    reply = near.reply(xml("SendMessage", "<MD5OfMessageBody>y</MD5OfMessageBody><MessageId>m-1</MessageId>"), by=by)

    assert sent == {**fields(SEND), "MessageBody": "{}", "MessageAttribute.1.Value.StringValue": "c.D"}
    assert texts(reply, "MD5OfMessageBody") == [md5_of_body(PERSON)]
    assert texts(reply, "MD5OfMessageAttributes") == [digest(JavaType="a.B")]
    assert texts(reply, "RequestId") == ["r"]
    assert [(event.fault, event.key, event.wire) for event in sink.of("bit")] == [("f1", "7", "SendMessage")]


def test_only_the_meant_entries_of_a_batch_are_altered(sink: CollectingSink):
    rule = Rule(id="f1", name="altered", link=LINK, on="SendMessage", key="2", attributes={"n": "5", "new": "z"}, drop=("b",))
    given: dict[str, object] = {}
    for n in (1, 2):
        prefix = f"SendMessageBatchRequestEntry.{n}."
        given |= {f"{prefix}Id": str(n), f"{prefix}MessageBody": f'{{"personId":{n}}}'}
        given |= attribute(prefix, 1, "n", "Number.int", "1") | attribute(prefix, 2, "b", "Binary", "AAE=")
    near = wire(sink, rule, at="near")
    sent = fields(near.ask(form("SendMessageBatch", given)))
    good = "".join(
        f"<SendMessageBatchResultEntry><Id>{n}</Id><MessageId>m-{n}</MessageId></SendMessageBatchResultEntry>" for n in (1, 2)
    )
    reply = near.reply(xml("SendMessageBatch", good))

    second = {name: value for name, value in sent.items() if name.startswith("SendMessageBatchRequestEntry.2.MessageA")}
    prefix = "SendMessageBatchRequestEntry.2."
    assert second == attribute(prefix, 1, "n", "Number.int", "5") | attribute(prefix, 2, "new", "String", "z")
    assert {name: value for name, value in sent.items() if ".2." not in name[:32]} == {
        name: value for name, value in fields(form("SendMessageBatch", given)).items() if ".2." not in name[:32]
    }
    assert texts(reply, "MD5OfMessageBody") == [md5_of_body('{"personId":2}')]


def test_a_call_in_the_address_is_altered_there(sink: CollectingSink):
    near = wire(sink, Rule(id="f1", name="altered", link=LINK, body="ä ö"), at="near")

    assert near.ask(b"GET /mail?Action=SendMessage&Version=2012-11-05&MessageBody=x HTTP/1.1\r\nHost: a\r\n\r\n") == (
        b"GET /mail?Action=SendMessage&Version=2012-11-05&MessageBody=%C3%A4+%C3%B6 HTTP/1.1\r\nHost: a\r\n\r\n"
    )


@pytest.mark.parametrize("by", [None, 1])
def test_a_received_message_is_altered_with_its_digests(sink: CollectingSink, by: int | None):
    far = wire(sink, Rule(id="f1", name="altered", link=LINK, on="ReceiveMessage", attributes=FOREIGN, times=1))
    far.ask(RECEIVE)
    reply = far.reply(xml("ReceiveMessage", message(attributes=JAVA) + message(2, handle="h2")), by=by)

    assert texts(reply, "StringValue") == ["c.D"]
    assert texts(reply, "MD5OfMessageAttributes") == [digest(JavaType="c.D")]
    assert texts(reply, "Body") == [PERSON, PERSON]
    assert texts(reply, "ReceiptHandle") == [HANDLE, "h2"]
    assert texts(reply, "MD5OfBody") == ["x", "x"]


def test_a_new_body_and_a_binary_attribute_dropped(sink: CollectingSink):
    binary = JAVA.replace("StringValue", "BinaryValue").replace("String", "Binary").replace("a.B", "AAE=")
    other = JAVA.replace("JavaType", "kept").replace("StringValue", "BinaryValue").replace("String", "Binary")
    far = wire(sink, Rule(id="f1", name="altered", link=LINK, drop=("JavaType",), body='<&"\r'))
    far.ask(RECEIVE)
    reply = far.reply(xml("ReceiveMessage", message(attributes=binary + other)))

    assert "<Body>&lt;&amp;&quot;&#13;</Body>" in body_of(reply)
    assert texts(reply, "MD5OfBody") == [md5_of_body('<&"\r')]
    assert texts(reply, "BinaryValue") == ["a.B"]


def test_a_lost_answer_was_carried_out(sink: CollectingSink):
    far = wire(sink, Rule(id="f1", name="answer_lost", link=LINK, on="SendMessage", times=1))
    far.ask(SEND)

    assert far.reply(SENT) == b""
    assert far.closed == [Close()]
    assert [event.kind for event in sink.events] == ["attempted", "acknowledged", "bit"]
