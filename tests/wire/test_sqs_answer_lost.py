import json

import pytest

from harness.wire.rules import Rule, RuleBook
from harness.wire.streams import Close
from tests.wire.sqs_calls import DELETE, HANDLE, LINK, MESSAGE, RECEIVE, RECEIVED, SEND, SENT, URL, answer, call, wire
from tests.wire.taps import CollectingSink

LOST = Rule(id="f2", name="answer_lost", link=LINK)


@pytest.fixture
def sink() -> CollectingSink:
    return CollectingSink(queues={"aws:mail": "/personId"})


@pytest.mark.parametrize("asked", [SEND, RECEIVE, DELETE])
def test_the_answer_to_any_call_is_carried_out_and_lost(sink: CollectingSink, asked: bytes):
    replies = {SEND: SENT, RECEIVE: RECEIVED, DELETE: answer()}
    far = wire(sink, LOST)
    far.ask(asked)

    assert far.reply(replies[asked], by=10) == b""
    assert far.closed == [Close()]
    assert sink.events[-1].kind == "bit"
    assert len(sink.of("acknowledged", "delivered", "confirmed")) == 1
    assert sink.of("answered") == []


def test_with_a_status_the_near_tap_sees_that_status(sink: CollectingSink):
    rule = Rule(id="f2", name="answer_lost", link=LINK, status=504, times=1)
    book = RuleBook()
    far, near = wire(sink, rule, book=book), wire(sink, at="near", book=book)
    far.ask(near.ask(SEND))
    near.reply(far.reply(SENT))

    assert near.to_service == b"HTTP/1.1 504 Gateway Timeout\r\nContent-Length: 0\r\n\r\n"
    assert [(event.at, event.status) for event in sink.of("answered")] == [("near", 504)]
    assert [event.at for event in sink.of("acknowledged")] == ["far"]


def test_a_single_operation_also_means_its_batch(sink: CollectingSink):
    far = wire(sink, Rule(id="f2", name="answer_lost", link=LINK, on="DeleteMessage", times=1))
    far.ask(RECEIVE)
    far.reply(RECEIVED)
    far.ask(
        call(
            "DeleteMessageBatch",
            {"QueueUrl": URL, "Entries": [{"Id": "1", "ReceiptHandle": HANDLE}, {"Id": "2", "ReceiptHandle": "?"}]},
        )
    )

    assert far.reply(answer({"Successful": [{"Id": "1"}, {"Id": "2"}]})) == b""
    assert [(event.key, event.wire) for event in sink.of("bit")] == [("7", "DeleteMessageBatch")]


def test_each_message_of_a_lost_batch_is_a_bite(sink: CollectingSink):
    far = wire(sink, LOST)
    far.ask(RECEIVE)
    far.reply(answer({"Messages": [{**MESSAGE, "Body": json.dumps({"personId": n}), "ReceiptHandle": str(n)} for n in (1, 2)]}))

    assert [event.key for event in sink.of("bit")] == ["1", "2"]


@pytest.mark.parametrize("on", [None, "ReceiveMessage"])
def test_a_counted_rule_waits_for_a_receive_that_found_something(sink: CollectingSink, on: str | None):
    far = wire(sink, Rule(id="f2", name="answer_lost", link=LINK, on=on, times=1))
    for asked, replied in ((RECEIVE, answer({})), (call("ListQueues", {}), answer({}))):
        far.ask(asked)
        assert far.reply(replied) == replied
    far.ask(RECEIVE)

    assert far.reply(RECEIVED) == b""


def test_while_it_lasts_empty_receives_are_lost_too(sink: CollectingSink):
    far = wire(sink, LOST)
    far.ask(RECEIVE)

    assert far.reply(answer({})) == b""
    assert [event.key for event in sink.of("bit")] == [""]


def test_another_message_is_not_meant(sink: CollectingSink):
    far = wire(sink, Rule(id="f2", name="answer_lost", link=LINK, key="8"))
    far.ask(SEND)

    assert far.reply(SENT) == SENT
