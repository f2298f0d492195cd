from typing import Literal

import pytest

from harness.errors import UsageError
from harness.wire import sqs
from harness.wire.aws import Attribute, md5_of_attributes, md5_of_body
from harness.wire.rules import Rule, RuleBook
from tests.wire.sqs_calls import (
    DELETE,
    JAVA,
    LINK,
    MESSAGE,
    PERSON,
    RECEIVE,
    RECEIVED,
    SEND,
    SENT,
    URL,
    answer,
    call,
    content,
    wire,
)
from tests.wire.taps import CollectingSink

FOREIGN = {"JavaType": "c.D"}
ALTERED = Rule(id="f1", name="altered", link=LINK, attributes=FOREIGN)
LOST = Rule(id="f2", name="answer_lost", link=LINK)


@pytest.fixture
def sink() -> CollectingSink:
    return CollectingSink(queues={"aws:mail": "/personId"})


def digest(**values: str) -> str:
    return md5_of_attributes({name: Attribute("String", value) for name, value in values.items()})


@pytest.mark.parametrize("name", ["altered", "answer_lost"])
def test_a_rule_on_what_is_no_call_about_messages_is_refused(name: Literal["altered", "answer_lost"]):
    with pytest.raises(UsageError, match=f"{name} on mailer->aws: on='POST' is no call of SQS .*; there are: SendMessage, "):
        sqs.supports(Rule(id="f1", name=name, link=LINK, on="POST"))


def test_only_calls_that_carry_messages_can_be_altered():
    sqs.supports(Rule(id="f1", name="answer_lost", link=LINK, on="DeleteMessage"))
    sqs.supports(ALTERED)
    with pytest.raises(UsageError, match="on='DeleteMessage'"):
        sqs.supports(Rule(id="f1", name="altered", link=LINK, on="DeleteMessage"))


class TestAlteredSends:
    @pytest.mark.parametrize("by", [None, 1])
    def test_the_broker_gets_the_altered_message_and_the_service_its_own_digests(self, sink: CollectingSink, by: int | None):
        near = wire(sink, ALTERED, at="near")
        head, sent = content(near.ask(SEND, by=by))
        _, reply = content(
            near.reply(answer({"MessageId": "m-1", "MD5OfMessageAttributes": digest(JavaType="c.D"), "Odd": 1.50}), by=by)
        )

        assert head.startswith(SEND.partition(b"Content-Length")[0])
        assert sent == {
            "QueueUrl": URL,
            "MessageBody": PERSON,
            "MessageAttributes": {"JavaType": {"DataType": "String", "StringValue": "c.D"}},
        }
        assert reply == {
            "MessageId": "m-1",
            "Odd": 1.5,
            "MD5OfMessageBody": md5_of_body(PERSON),
            "MD5OfMessageAttributes": digest(JavaType="a.B"),
        }
        assert sink.events[0].attributes == {"JavaType": ("String", "a.B")}
        (bit,) = sink.of("bit")
        assert (bit.fault, bit.at, bit.x, bit.key, bit.queue, bit.wire) == ("f1", "near", 1, "7", "mail", "SendMessage")

    def test_who_sent_no_attributes_gets_no_digest_of_any(self, sink: CollectingSink):
        near = wire(sink, ALTERED, at="near")
        _, sent = content(near.ask(call("SendMessage", {"QueueUrl": URL, "MessageBody": PERSON})))
        _, reply = content(near.reply(SENT))

        assert sent == {
            "QueueUrl": URL,
            "MessageBody": PERSON,
            "MessageAttributes": {"JavaType": {"DataType": "String", "StringValue": "c.D"}},
        }
        assert reply == {"MessageId": "m-1", "MD5OfMessageBody": md5_of_body(PERSON)}

    def test_a_refused_send_has_no_digests_to_mend(self, sink: CollectingSink):
        near = wire(sink, ALTERED, at="near")
        near.ask(SEND)
        refusal = answer({"__type": "com.amazonaws.sqs#InvalidMessageContents"}, 400)

        assert near.reply(refusal) == refusal

    def test_an_answer_without_a_length_is_passed_as_it_is(self, sink: CollectingSink):
        near = wire(sink, ALTERED, at="near")
        near.ask(SEND)
        endless = b"HTTP/1.1 200 OK\r\n\r\n{}"

        assert near.reply(endless) == endless

    def test_only_the_meant_entries_of_a_batch_are_altered_and_counted(self, sink: CollectingSink):
        rule = Rule(id="f1", name="altered", link=LINK, on="SendMessage", key="2", body='{"personId": 9}', times=1)
        entries = [{"Id": str(n), "MessageBody": f'{{"personId":{n}}}', "Untouched": [1, 2.0]} for n in (1, 2, 3)]
        near = wire(sink, rule, at="near")
        _, sent = content(near.ask(call("SendMessageBatch", {"QueueUrl": URL, "Entries": entries})))
        _, reply = content(near.reply(answer({"Successful": [{"Id": str(n), "MessageId": f"m-{n}"} for n in (1, 2, 3)]})))

        assert sent["Entries"] == [entries[0], {**entries[1], "MessageBody": '{"personId": 9}'}, entries[2]]
        assert reply["Successful"][1] == {"Id": "2", "MessageId": "m-2", "MD5OfMessageBody": md5_of_body('{"personId":2}')}
        assert reply["Successful"][0] == {"Id": "1", "MessageId": "m-1"}
        assert [event.key for event in sink.of("bit")] == ["2"]

    def test_an_altered_number_stays_a_number_and_binary_becomes_a_string(self, sink: CollectingSink):
        attributes = {
            "n": {"DataType": "Number.int", "StringValue": "1"},
            "b": {"DataType": "Binary", "BinaryValue": "AAE="},
            "d": {"DataType": "String", "StringValue": "x"},
        }
        rule = Rule(id="f1", name="altered", link=LINK, attributes={"n": "2", "b": "text"}, drop=("d",))
        _, sent = content(
            wire(sink, rule, at="near").ask(
                call("SendMessage", {"QueueUrl": URL, "MessageBody": "x", "MessageAttributes": attributes})
            )
        )

        assert sent["MessageAttributes"] == {
            "n": {"DataType": "Number.int", "StringValue": "2"},
            "b": {"DataType": "String", "StringValue": "text"},
        }

    @pytest.mark.parametrize(
        "rule",
        [
            Rule(id="f1", name="altered", link=LINK, on="ReceiveMessage", attributes=FOREIGN),
            Rule(id="f1", name="altered", link=LINK, key="8", attributes=FOREIGN),
            Rule(id="f1", name="altered", link=LINK, attributes={"JavaType": "a.B"}, drop=("absent",), body=PERSON),
            Rule(id="f1", name="altered", link=LINK, attributes=FOREIGN, times=0),
            LOST,
        ],
    )
    def test_what_no_rule_changes_passes_byte_for_byte(self, sink: CollectingSink, rule: Rule):
        near = wire(sink, rule, at="near")

        assert near.ask(SEND, by=9) == SEND
        assert near.ask(DELETE) == DELETE
        assert near.reply(SENT, by=9) == SENT
        assert sink.of("bit") == []

    def test_what_has_begun_to_go_on_is_not_altered(self, sink: CollectingSink):
        book = RuleBook()
        near = wire(sink, at="near", book=book)
        near.ask(SEND[:30])
        book.arm(ALTERED)
        near.ask(SEND[30:])

        assert near.to_target == SEND

    def test_who_waits_for_100_continue_is_not_kept_waiting(self, sink: CollectingSink):
        near = wire(sink, ALTERED, at="near")
        head, body = call("SendMessage", {"QueueUrl": URL, "MessageBody": PERSON}, expect="100-continue").split(b"\r\n\r\n")

        assert near.ask(head + b"\r\n\r\n") == b""
        assert near.to_service == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert near.ask(body).startswith(head[:20])
        assert [event.kind for event in sink.events] == ["attempted", "bit"]


class TestAlteredReceives:
    @pytest.mark.parametrize("by", [None, 1])
    def test_the_service_gets_the_altered_message_with_its_digests(self, sink: CollectingSink, by: int | None):
        shared: dict[str, object] = {}
        rule = Rule(id="f1", name="altered", link=LINK, attributes=FOREIGN, body="{}")
        far, near = wire(sink, rule, shared=shared), wire(sink, rule, at="near", shared=shared)
        far.ask(near.ask(RECEIVE))
        _, reply = content(near.reply(far.reply(RECEIVED, by=by), by=by))

        (message,) = reply["Messages"]
        assert message["MessageAttributes"] == {"JavaType": {"DataType": "String", "StringValue": "c.D"}}
        assert (message["MD5OfMessageAttributes"], message["MD5OfBody"]) == (digest(JavaType="c.D"), md5_of_body("{}"))
        assert [(event.at, event.attributes, event.key) for event in sink.of("delivered")] == [
            ("far", {"JavaType": ("String", "a.B")}, "7"),
            ("near", {"JavaType": ("String", "c.D")}, "7"),
        ]
        assert [(event.at, event.key) for event in sink.of("bit")] == [("far", "7")]

    def test_a_name_that_was_not_asked_for_is_not_added(self, sink: CollectingSink):
        far = wire(sink, ALTERED)
        far.ask(call("ReceiveMessage", {"QueueUrl": URL, "MessageAttributeNames": ["traceparent"]}))
        given = answer({"Messages": [MESSAGE]})

        assert far.reply(given) == given
        assert sink.of("bit") == []

    def test_the_last_attribute_dropped_takes_the_digest_with_it(self, sink: CollectingSink):
        far = wire(sink, Rule(id="f1", name="altered", link=LINK, drop=("JavaType",)))
        far.ask(RECEIVE)
        _, reply = content(
            far.reply(answer({"Messages": [{**MESSAGE, "MessageAttributes": JAVA, "MD5OfMessageAttributes": "x"}]}))
        )

        assert reply == {"Messages": [MESSAGE]}

    def test_an_altered_message_is_counted_once_on_its_way_through_one_link(self, sink: CollectingSink):
        far = wire(sink, ALTERED)
        far.ask(RECEIVE)
        already = answer(
            {"Messages": [{**MESSAGE, "MessageAttributes": {"JavaType": {"DataType": "String", "StringValue": "c.D"}}}]}
        )

        assert far.reply(already) == already

    def test_only_the_meant_messages_of_an_answer_are_altered(self, sink: CollectingSink):
        far = wire(sink, Rule(id="f1", name="altered", link=LINK, on="ReceiveMessage", body="x", times=1))
        far.ask(RECEIVE)
        messages = [MESSAGE, {**MESSAGE, "MessageId": "m-2", "ReceiptHandle": "h2"}]
        _, reply = content(far.reply(answer({"Messages": messages})))

        assert reply["Messages"] == [{**MESSAGE, "Body": "x", "MD5OfBody": md5_of_body("x")}, messages[1]]

    def test_an_answer_that_has_begun_to_go_on_is_not_altered(self, sink: CollectingSink):
        book = RuleBook()
        far = wire(sink, book=book)
        far.ask(RECEIVE)
        far.reply(RECEIVED[:50])
        book.arm(ALTERED)
        far.reply(RECEIVED[50:])

        assert far.to_service == RECEIVED
