"""AMQP at one tap: what is recorded of what passes."""

from typing import Any

import pytest
from pika import spec

from tests.wire import amqp_bytes as b
from tests.wire.amqp_bytes import BODY, KEYED, consuming, wire
from tests.wire.taps import CollectingSink


def test_a_publish_is_an_attempt_with_all_that_is_known_of_it() -> None:
    sink = CollectingSink(queues=KEYED)
    wire(sink).ask(
        b.HELLO
        + b.publish(
            1, "jobs", BODY, message_id="m1", correlation_id="c1", content_type="application/json", delivery_mode=2,
            headers={"n": 1, "text": "t", "deep": {"list": [True, None, 2**40]}},
        )
    )  # fmt: skip
    (event,) = sink.events
    assert (event.kind, event.at, event.link, event.conn, event.x) == ("attempted", "near", "writer->tcs", 1, 1)
    assert (event.wire, event.queue, event.key, event.mid) == ("Basic.Publish", "jobs", "p-1", "m1")
    assert (event.size, event.body) == (12, '{"id":"p-1"}')
    assert event.headers == {"n": 1, "text": "t", "deep": {"list": [True, None, 2**40]}}
    assert event.data == {
        "exchange": "", "routing_key": "jobs", "correlation_id": "c1", "content_type": "application/json", "delivery_mode": 2,
        "unconfirmed": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("properties", "key"),
    [
        ({"message_id": "m1", "correlation_id": "c1"}, "id:m1"),
        ({"correlation_id": "c1"}, "id:c1"),
        ({}, "sha256:"),
    ],
    ids=["message-id", "correlation-id", "digest"],
)
def test_without_a_declared_key_a_message_is_known_by_its_own_names(properties: dict[str, Any], key: str) -> None:
    sink = CollectingSink()
    wire(sink).ask(b.publish(1, "jobs", BODY, **properties))
    assert sink.events[0].key.startswith(key)


def test_a_dead_lettered_message_has_the_digest_it_was_sent_with() -> None:
    sink = CollectingSink()
    one = wire(sink)
    one.ask(b.publish(1, "jobs", BODY, exchange="work", headers={"own": "1"}) + b.consume(1, "dead"))
    death = {"x-death": [{"exchange": "", "routing-keys": ["later"]}, {"exchange": "work", "routing-keys": ["jobs"]}]}
    one.reply(b.consume_ok(1) + b.deliver(1, 1, BODY, exchange="dlx", routing_key="dead", headers={"own": "1", **death}))
    assert len({event.key for event in sink.of("attempted", "delivered")}) == 1


def test_a_key_can_stand_in_a_header() -> None:
    sink = CollectingSink(queues={"rabbitmq:jobs": "placement ~ (.+)"})
    wire(sink).ask(b.publish(1, "jobs", b"opaque", headers={"placement": 77}))
    assert sink.events[0].key == "77"


def test_confirms_name_the_publishes_they_mean() -> None:
    sink = CollectingSink(queues=KEYED)
    one = wire(sink)
    one.ask(b.HELLO + b.publish(1, "jobs", b"before") + b.select(1))
    one.ask(b"".join(b.publish(1, "jobs", b'{"id":"p-%d"}' % number) for number in range(4)))
    one.reply(b.ack(1, 1) + b.nack(1, 2) + b.ack(1, 4, multiple=True) + b.ack(1, 9))
    assert [(event.kind, event.x, event.key, event.wire) for event in sink.events if event.kind != "attempted"] == [
        ("acknowledged", 2, "p-0", "Basic.Ack"), ("refused", 3, "p-1", "Basic.Nack"),
        ("acknowledged", 4, "p-2", "Basic.Ack"), ("acknowledged", 5, "p-3", "Basic.Ack"),
    ]  # fmt: skip
    assert "unconfirmed" not in (sink.events[1].data or {})


def test_an_unroutable_message_comes_back() -> None:
    sink = CollectingSink()
    one = wire(sink)
    one.ask(b.select(1) + b.publish(1, "nowhere", BODY, message_id="m1"))
    back = spec.Basic.Return(reply_code=312, reply_text="NO_ROUTE", exchange="", routing_key="nowhere")
    one.reply(b.method(1, back) + b.content(1, BODY, message_id="m1") + b.ack(1, 1))
    returned = sink.of("returned")[0]
    assert (returned.status, returned.x, returned.key, returned.queue) == (312, 1, "id:m1", "nowhere")
    assert returned.data == {"exchange": "", "routing_key": "nowhere", "text": "NO_ROUTE"}


def test_a_consumer_shows_itself_with_the_brokers_answer() -> None:
    sink = CollectingSink()
    one = wire(sink)
    one.ask(b.consume(1, "jobs", consumer="") + b.consume(1, "more", consumer="c2", nowait=True))
    one.reply(b.consume_ok(1, "amq.ctag-1"))
    assert [(event.kind, event.queue, event.wire) for event in sink.events] == [
        ("subscribed", "more", "Basic.Consume"), ("subscribed", "jobs", "Basic.Consume"),
    ]  # fmt: skip


def test_a_delivery_is_known_by_its_consumers_queue() -> None:
    sink, one = consuming()
    one.reply(b.deliver(1, 7, BODY, redelivered=True, exchange="work", headers={"x-delivery-count": 3}))
    (event,) = sink.events
    assert (event.kind, event.queue, event.key, event.tag) == ("delivered", "jobs", "p-1", "1:7")
    assert (event.redelivered, event.count) == (True, 3)


def test_the_empty_queue_name_is_the_one_declared_last() -> None:
    sink = CollectingSink()
    one = wire(sink)
    one.reply(b.method(1, spec.Queue.DeclareOk(queue="amq.gen-1", message_count=0, consumer_count=0)))
    one.ask(b.consume(1, ""))
    one.reply(b.consume_ok(1))
    assert sink.events[0].queue == "amq.gen-1"


@pytest.mark.parametrize(
    ("sent", "how", "settled", "by"),
    [
        (b.ack(1, 2), "ack", ["1:2"], "Basic.Ack"),
        (b.ack(1, 2, multiple=True), "ack", ["1:1", "1:2"], "Basic.Ack"),
        (b.ack(1, 0, multiple=True), "ack", ["1:1", "1:2", "1:3"], "Basic.Ack"),
        (b.nack(1, 2, multiple=True), "requeue", ["1:1", "1:2"], "Basic.Nack"),
        (b.nack(1, 3, requeue=False), "reject", ["1:3"], "Basic.Nack"),
        (b.reject(1, 1), "requeue", ["1:1"], "Basic.Reject"),
        (b.reject(1, 1, requeue=False), "reject", ["1:1"], "Basic.Reject"),
        (b.method(1, spec.Basic.Recover(requeue=True)), "requeue", ["1:1", "1:2", "1:3"], "Basic.Recover"),
        (b.ack(1, 9), "ack", ["1:9"], "Basic.Ack"),
    ],
    ids=["ack", "ack-multiple", "ack-all", "nack-multiple", "nack-away", "reject", "reject-away", "recover", "unknown-tag"],
)
def test_every_word_of_a_consumer_settles_what_it_means(sent: bytes, how: str, settled: list[str], by: str) -> None:
    sink, one = consuming()
    one.reply(b"".join(b.deliver(1, tag, BODY) for tag in (1, 2, 3)))
    one.ask(sent)
    assert [(event.tag, event.how, event.wire) for event in sink.of("settled")] == [(tag, how, by) for tag in settled]


def test_settled_once_is_not_settled_again_by_a_multiple() -> None:
    sink, one = consuming()
    one.reply(b"".join(b.deliver(1, tag, BODY) for tag in (1, 2, 3)))
    one.ask(b.ack(1, 2) + b.ack(1, 3, multiple=True))
    assert [event.tag for event in sink.of("settled")] == ["1:2", "1:1", "1:3"]


@pytest.mark.parametrize(("at", "story"), [("near", ["delivered"]), ("far", ["delivered", "settled"])], ids=["near", "far"])
def test_without_acknowledgements_the_far_write_settles(at: str, story: list[str]) -> None:
    sink, one = consuming(at, no_ack=True)
    one.reply(b.deliver(1, 1, BODY))
    assert [event.kind for event in sink.events] == story
    assert all(event.how == "no_ack" for event in sink.of("settled"))


def test_a_cancel_settles_nothing_that_was_delivered() -> None:
    sink, one = consuming()
    one.reply(b.deliver(1, 1, BODY))
    one.ask(
        b.method(1, spec.Basic.Cancel(consumer_tag="c1", nowait=False))
        + b.method(1, spec.Basic.Cancel(consumer_tag="c9", nowait=False))
    )
    one.ask(b.ack(1, 1))
    assert [(event.how, event.tag, event.queue) for event in sink.of("settled")] == [
        ("cancel", "", "jobs"),
        ("ack", "1:1", "jobs"),
    ]


def test_messages_that_are_asked_for_are_deliveries_too() -> None:
    sink = CollectingSink(queues=KEYED)
    one = wire(sink, "far")
    one.ask(b"".join(b.method(1, spec.Basic.Get(queue="jobs", no_ack=one_)) for one_ in (False, False, True)))
    got = spec.Basic.GetOk(delivery_tag=1, redelivered=False, exchange="", routing_key="jobs", message_count=0)
    one.reply(b.method(1, spec.Basic.GetEmpty()))
    one.reply(b.method(1, got) + b.content(1, BODY))
    got.delivery_tag = 2
    one.reply(b.method(1, got) + b.content(1, BODY))
    got.delivery_tag = 3
    one.reply(b.method(1, got) + b.content(1, BODY) + b.method(1, spec.Basic.GetEmpty()))
    assert sink.story("kind", "queue", "tag", "how", "wire") == [
        ("delivered", "jobs", "1:1", "", "Basic.GetOk"),
        ("delivered", "jobs", "1:2", "", "Basic.GetOk"), ("settled", "jobs", "1:2", "no_ack", "Basic.GetOk"),
        ("delivered", "", "1:3", "", "Basic.GetOk"),
    ]  # fmt: skip


def test_after_the_broker_closed_a_channel_nothing_on_it_is_processed() -> None:
    sink, one = consuming("far")
    one.reply(b.deliver(1, 1, BODY) + b.channel_close(1, 406, "PRECONDITION_FAILED - timed out"))
    one.ask(b.ack(1, 1) + b.publish(1, "jobs", BODY) + b.publish(2, "jobs", BODY) + b.closed(1))
    one.reply(b.opened(1) + b.channel_close(1))
    assert sink.story("kind", "status", "x") == [
        ("delivered", None, 0), ("closed", 406, 0), ("attempted", None, 2), ("opened", None, 0), ("closed", 406, 0),
    ]  # fmt: skip
    assert sink.events[1].data == {"by": "target", "channel": 1, "text": "PRECONDITION_FAILED - timed out"}


def test_a_closed_connection_closes_every_channel() -> None:
    sink, one = consuming()
    one.reply(b.deliver(1, 1, BODY) + b.connection_close())
    one.ask(b.ack(1, 1) + b.publish(3, "jobs", BODY) + b.connection_close(200, "bye") + b.channel_close(1))
    one.reply(b.deliver(1, 2, BODY))
    one.session.ended("target", "fin")
    assert sink.story("kind", "wire", "status") == [("delivered", "Basic.Deliver", None), ("closed", "Connection.Close", 320)]


def commit(channel: int) -> bytes:
    return b.method(channel, spec.Tx.Commit())


def test_what_follows_a_commit_that_is_not_answered_belongs_to_the_next() -> None:
    sink, one = consuming("far")
    one.reply(b.deliver(1, 1, BODY) + b.deliver(1, 2, BODY))
    one.ask(b.method(1, spec.Tx.Select()) + b.method(1, spec.Tx.Select()) + b.publish(1, "jobs", BODY) + b.ack(1, 1) + commit(1))
    one.ask(b.publish(1, "jobs", b'{"id":"p-2"}') + b.ack(1, 2) + b.method(1, spec.Tx.Rollback()) + b.ack(1, 2) + commit(1))
    answers = [b.method(1, spec.Tx.CommitOk()), b.method(1, spec.Tx.RollbackOk()), b.method(1, spec.Tx.CommitOk())]
    seen = []
    for answer in (*answers, *answers):  # the second time there is nothing left to be answered
        before = len(sink.events)
        one.reply(answer)
        seen.append([(event.kind, event.key, event.tag, event.x) for event in sink.events[before:]])
    assert seen == [
        [("acknowledged", "p-1", "", 1), ("settled", "p-1", "1:1", 0)],
        [("refused", "p-2", "", 2)],
        [("settled", "", "1:2", 0)],
        [], [], [],
    ]  # fmt: skip


def test_a_channel_that_is_closed_commits_nothing() -> None:
    sink, one = consuming("far")
    one.ask(b.method(1, spec.Tx.Select()) + b.publish(1, "jobs", BODY))
    one.reply(b.channel_close(1))
    one.ask(b.ack(1, 1) + commit(1))
    one.reply(b.method(1, spec.Tx.CommitOk()))
    assert sink.story("kind") == [("attempted",), ("closed",)]


def test_recover_without_requeue_gives_nothing_back() -> None:
    sink, one = consuming()
    one.reply(b.deliver(1, 1, BODY))
    one.ask(b.method(1, spec.Basic.Recover(requeue=False)) + b.method(1, spec.Basic.RecoverAsync(requeue=True)))
    assert [(event.tag, event.wire) for event in sink.of("settled")] == [("1:1", "Basic.Recover")]


def test_a_connection_that_the_broker_blocks_is_followed_on() -> None:
    sink, one = consuming()
    told = b.method(0, spec.Connection.Blocked(reason="low on memory")) + b.method(0, spec.Connection.Unblocked())
    assert one.reply(told + b.BEAT + b.deliver(1, 1, BODY)).startswith(told)
    assert sink.story("kind", "key") == [("delivered", "p-1")]


def test_a_queue_that_is_declared_without_an_answer_is_the_one_declared_last() -> None:
    sink = CollectingSink()
    one = wire(sink)
    for nowait in (False, True):
        one.ask(b.method(1, spec.Queue.Declare(queue="a", nowait=nowait)) + b.consume(1, "", nowait=True))
    assert sink.story("kind", "queue") == [("subscribed", ""), ("subscribed", "a")]


def test_a_consumer_that_is_cancelled_is_none_until_it_consumes_again() -> None:
    _, one = consuming()
    session: Any = one.session
    seen = [session.carries("Basic.Consume")]
    one.ask(b.method(1, spec.Basic.Cancel(consumer_tag="c1", nowait=False)))
    seen.append(session.carries("Basic.Consume"))
    one.ask(b.consume(1, "jobs", nowait=True))
    assert [*seen, session.carries("Basic.Consume"), session.carries("Basic.Get")] == [True, False, True, False]


def test_an_answer_to_nothing_is_nothing() -> None:
    sink = CollectingSink()
    one = wire(sink)
    assert one.reply(b.consume_ok(1) + b.content(9, BODY) + b.closed(4)).endswith(b.closed(4))
    assert sink.events == []
