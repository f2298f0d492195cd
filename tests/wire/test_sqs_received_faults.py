"""What faults do to the messages of a receive, in both protocols: twice, in another order, with a later answer."""

import json
from types import ModuleType

import pytest

from harness.wire.aws import handle_tag
from harness.wire.rules import Name, Rule
from tests.wire import sqs_calls, sqs_forms
from tests.wire.sqs_calls import LINK, URL, call
from tests.wire.sqs_link import Taps
from tests.wire.taps import CollectingSink

MANY = call("ReceiveMessage", {"QueueUrl": URL, "MaxNumberOfMessages": 10})
ONE = call("ReceiveMessage", {"QueueUrl": URL, "WaitTimeSeconds": 20})


@pytest.fixture
def sink() -> CollectingSink:
    return CollectingSink(queues={"aws:mail": "/personId"})


def rule(name: Name, ident: str = "f1", **how: object) -> Rule:
    return Rule(id=ident, name=name, link=LINK, **how)  # type: ignore[arg-type]


def found(*keys: int) -> bytes:
    """Return an answer with these messages."""
    messages = [{"MessageId": f"m-{n}", "ReceiptHandle": f"h-{n}", "Body": json.dumps({"personId": n})} for n in keys]
    return sqs_calls.answer({"Messages": messages} if messages else {})


def keys(answer: bytes) -> list[int]:
    """Return whose messages are in an answer."""
    messages = json.loads(answer.partition(b"\r\n\r\n")[2]).get("Messages", [])
    return [json.loads(one["Body"])["personId"] for one in messages]


class TestDuplicate:
    def test_a_message_comes_twice_in_one_answer(self, sink: CollectingSink):
        taps = Taps(sink, rule("duplicate", times=1))

        assert keys(taps.call(MANY, found(1, 2))) == [1, 1, 2]
        assert taps.story("delivered", "bit") == [
            ("far", "delivered", 1, "1", ""), ("far", "delivered", 1, "2", ""), ("far", "bit", 1, "1", "f1"),
            ("near", "delivered", 1, "1", ""), ("near", "delivered", 1, "1", "f1"), ("near", "delivered", 1, "2", ""),
        ]  # fmt: skip
        assert {event.tag for event in sink.of("delivered", at="near")} == {handle_tag("h-1"), handle_tag("h-2")}

    def test_one_at_a_time_it_comes_with_the_next_answer(self, sink: CollectingSink):
        taps = Taps(sink, rule("duplicate", times=1, copies=2))
        first = taps.call(ONE, found(1))
        asked = taps.ask(ONE)
        second, third, fourth = taps.reply(found(2)), taps.call(ONE, found()), taps.call(ONE, found())

        assert json.loads(asked.partition(b"\r\n\r\n")[2])["WaitTimeSeconds"] == 0  # there is no need to wait for more
        assert [keys(one) for one in (first, second, third, fourth)] == [[1], [1], [1], [2]]
        assert taps.ask(ONE) == ONE

    def test_by_key_on_another_connection(self, sink: CollectingSink):
        taps = Taps(sink, rule("duplicate", on="ReceiveMessage", key="2"))
        other = Taps(sink, conn=2, shared=taps.shared)

        assert keys(taps.call(ONE, found(1))) == [1]
        assert keys(taps.call(ONE, found(2))) == [2]
        assert keys(other.call(ONE, found(3))) == [2]
        assert keys(other.call(MANY, found())) == [3]

    def test_in_xml(self, sink: CollectingSink):
        taps = Taps(sink, rule("duplicate"))
        got = taps.call(
            sqs_forms.form("ReceiveMessage", {"MaxNumberOfMessages": 10}),
            sqs_forms.xml("ReceiveMessage", sqs_forms.message(1) + sqs_forms.message(2, handle="h2")),
        )

        assert sqs_forms.texts(got, "MessageId") == ["m-1", "m-1", "m-2", "m-2"]


class TestReordered:
    def test_the_messages_of_an_answer_change_places(self, sink: CollectingSink):
        taps = Taps(sink, rule("reordered"))

        assert keys(taps.call(MANY, found(1, 2, 3, 4))) == [2, 1, 4, 3]
        assert [event.key for event in sink.of("bit")] == ["2", "1", "4", "3"]
        assert [event.key for event in sink.of("delivered", at="far")] == ["1", "2", "3", "4"]

    def test_across_answers(self, sink: CollectingSink):
        taps = Taps(sink, rule("reordered", window=3))
        answers = [
            taps.call(ONE, found(1)),
            taps.call(ONE, found(2)),
            taps.call(ONE, found(3)),
            *(taps.call(ONE, found()) for _ in "ab"),
        ]

        assert [keys(one) for one in answers] == [[], [], [3], [2], [1]]
        assert [event.kind for event in sink.of("gap")] == []

    def test_nothing_waits_longer_than_a_poll_that_finds_nothing(self, sink: CollectingSink):
        taps = Taps(sink, rule("reordered"))
        first = taps.call(ONE, found(1))

        assert keys(first) == []
        assert keys(taps.call(ONE, found())) == [1]
        assert sink.of("bit") == []

    def test_only_the_meant_messages_and_no_more_than_said(self, sink: CollectingSink):
        taps = Taps(sink, rule("reordered", times=3))

        assert keys(taps.call(MANY, found(1, 2, 3, 4))) == [2, 1, 4, 3]

    def test_when_it_ends_what_waits_comes_in_its_order(self, sink: CollectingSink):
        taps = Taps(sink, rule("reordered", window=3))
        first = taps.call(MANY, found(1, 2))
        sink.book.disarm("f1")

        assert keys(first) == []
        assert keys(taps.call(MANY, found(3))) == [3, 1, 2]

    @pytest.mark.parametrize("module", [sqs_calls, sqs_forms])
    def test_an_answer_without_messages_is_one_of_its_protocol(self, sink: CollectingSink, module: ModuleType):
        taps = Taps(sink, rule("reordered"))
        empty = taps.call(module.RECEIVE, module.RECEIVED)

        assert b"h-1" not in empty
        assert empty.endswith((b"\r\n\r\n{}", b"<RequestId>r</RequestId></ResponseMetadata></ReceiveMessageResponse>"))

    def test_an_answer_without_a_result_gets_one(self, sink: CollectingSink):
        taps = Taps(sink, rule("reordered"))
        taps.call(sqs_forms.RECEIVE, sqs_forms.RECEIVED)
        got = taps.call(sqs_forms.RECEIVE, sqs_forms.xml("ReceiveMessage", ""))

        assert sqs_forms.texts(got, "MessageId") == ["m-1"]

    def test_altered_first(self, sink: CollectingSink):
        taps = Taps(sink, rule("reordered"), rule("altered", "f2", body='{"personId": 9}', key="1"))

        assert keys(taps.call(MANY, found(1, 2))) == [2, 9]


def test_other_answers_of_the_link_pass_as_they_are_while_messages_wait(sink: CollectingSink):
    taps = Taps(sink, rule("reordered"))
    taps.call(ONE, found(1))

    assert taps.call(sqs_calls.SEND, sqs_calls.SENT) == sqs_calls.SENT
    assert taps.call(ONE, sqs_calls.answer(b"<html>", 503)) == sqs_calls.answer(b"<html>", 503)
    assert taps.call(b"GET /health HTTP/1.1\r\n\r\n", sqs_calls.answer({})) == sqs_calls.answer({})


def test_nothing_is_kept_of_a_connection_that_is_over(sink: CollectingSink):
    taps = Taps(sink, rule("duplicate", "f1", times=1), rule("answer_lost", "f2", status=504, on="SendMessage"))
    taps.far.ask(taps.near.ask(sqs_calls.SEND))
    taps.far.reply(sqs_calls.SENT)
    before = {name: dict(getattr(taps.memory, name)) for name in ("copies", "given")}
    for one in (taps.far, taps.near):
        one.session.ended("service", "fin")
        one.session.ended("target", "fin")

    assert before == {"copies": {}, "given": {(1, 1): "f2"}}
    assert (taps.memory.copies, taps.memory.given, taps.memory.parts, taps.shared.get("left out")) == ({}, {}, {}, {})


def test_chunked_messages_are_altered_and_sent_again(sink: CollectingSink):
    body = json.dumps({"QueueUrl": URL, "MessageBody": '{"personId": 7}'}).encode()
    head = b"POST / HTTP/1.1\r\nX-Amz-Target: AmazonSQS.SendMessage\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunked = head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    taps = Taps(sink, rule("duplicate", times=1))
    twice = taps.ask(chunked, by=7)
    got = found(1).partition(b"\r\n\r\n")[2]
    sink.book.disarm("f1")
    sink.book.arm(rule("altered", "f2", body='{"personId": 9}', on="ReceiveMessage"))
    taps.reply(sqs_calls.SENT * 2)
    taps.ask(MANY)
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"%x\r\n%b\r\n0\r\n\r\n" % (len(got), got)

    assert twice == chunked * 2
    assert keys(taps.reply(answer, by=5)) == [9]
