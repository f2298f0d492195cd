"""The rarer half of AMQP 0-9-1 against a real RabbitMQ: both taps tell what was done, and none loses track."""

from collections.abc import Iterator

import pika
import pika.exceptions
import pytest
from pika import frame, spec
from pika.adapters.blocking_connection import BlockingChannel

from harness.clock import eventually
from tests.wire import amqp_bytes as b
from tests.wire.rabbitmq_way import Way, publish, take
from tests.wire.raw_amqp import Raw

SEATS = ("near", "far")


@pytest.fixture(autouse=True)
def followed(way: Way) -> Iterator[None]:
    """See that no tap lost track."""
    yield
    assert [event for event in way.events() if event.kind == "gap"] == []


@pytest.fixture
def raw(way: Way, channel: BlockingChannel) -> Iterator[Raw]:
    assert channel.is_open  # it has made the queue
    one = way.raw()
    one.open(1, 2)
    yield one
    one.close()


def keys(numbers: list[int]) -> list[str]:
    return [f"p-{number}" for number in numbers]


def body(number: int) -> bytes:
    return b'{"id":"p-%d"}' % number


def told(way: Way, *kinds: str) -> dict[str, list[tuple[str, str, str]]]:
    """Return what both taps tell: kind, key and how, or what the broker said instead of a how."""
    return {
        at: [(one.kind, one.key, one.how or one.wire) for one in way.events() if one.at == at and one.kind in kinds]
        for at in SEATS
    }


def through(way: Way, channel: BlockingChannel) -> int:
    """Return once all that was sent before has reached the broker: how many messages lie ready there."""
    return int(channel.queue_declare(way.queue, passive=True).method.message_count or 0)


def both(*story: tuple[str, str, str]) -> dict[str, list[tuple[str, str, str]]]:
    return {"near": [*story], "far": [*story]}


def test_what_a_transaction_holds_counts_when_it_is_committed(way: Way, channel: BlockingChannel) -> None:
    channel.tx_select()
    publish(way, channel, 1)
    publish(way, channel, 2)
    through(way, channel)
    before = told(way, "attempted", "acknowledged", "refused")
    channel.tx_commit()
    first, _ = take(way, channel)
    channel.basic_ack(first)
    through(way, channel)
    unsaid = told(way, "settled")
    channel.tx_commit()
    assert before == both(("attempted", "p-1", "Basic.Publish"), ("attempted", "p-2", "Basic.Publish"))
    assert told(way, "acknowledged") == both(("acknowledged", "p-1", "Tx.CommitOk"), ("acknowledged", "p-2", "Tx.CommitOk"))
    assert (unsaid, told(way, "settled")) == (both(), both(("settled", "p-1", "ack")))
    assert [one.x for one in way.events() if (one.at, one.kind) == ("far", "acknowledged")] == [1, 2]


def test_what_is_rolled_back_was_never_said(way: Way, channel: BlockingChannel) -> None:
    publish(way, channel, 1)
    publish(way, channel, 2)
    (first, _), (second, _) = take(way, channel), take(way, channel)
    channel.tx_select()
    publish(way, channel, 3)
    channel.basic_reject(first, requeue=False)
    channel.tx_rollback()
    channel.basic_ack(second, multiple=True)
    channel.tx_commit()
    channel.cancel()
    assert told(way, "refused", "acknowledged") == both(("refused", "p-3", "Tx.RollbackOk"))
    assert told(way, "settled")["far"][:2] == [("settled", "p-1", "ack"), ("settled", "p-2", "ack")]
    assert through(way, channel) == 0


def test_a_return_names_the_publish_also_where_nothing_is_confirmed(way: Way, channel: BlockingChannel) -> None:
    back: list[int | None] = []
    channel.add_on_return_callback(lambda _channel, method, _properties, _body: back.append(method.reply_code))
    publish(way, channel, 1)
    for number in (2, 2, 3):
        channel.basic_publish("", "nowhere-at-all", body(number), mandatory=True)
    through(way, channel)
    channel.connection.process_data_events(0)
    assert back == [312] * 3
    assert told(way, "returned") == both(*[("returned", key, "Basic.Return") for key in ("p-2", "p-2", "p-3")])
    assert [(one.x, one.status) for one in way.events() if (one.at, one.kind) == ("far", "returned")] == [
        (2, 312), (3, 312), (4, 312),
    ]  # fmt: skip


def test_a_return_comes_before_the_commit_of_what_came_back(way: Way, channel: BlockingChannel) -> None:
    channel.tx_select()
    publish(way, channel, 1)
    channel.basic_publish("", "nowhere-at-all", body(2), mandatory=True)
    channel.tx_commit()
    assert [(one.kind, one.x) for one in way.events() if one.at == "near" and one.kind in ("returned", "acknowledged")] == [
        ("returned", 2),
        ("acknowledged", 1),
        ("acknowledged", 2),
    ]


def test_one_confirm_speaks_of_many(way: Way, raw: Raw) -> None:
    raw.ask(b.select(1), spec.Confirm.SelectOk)
    numbers = list(range(1, 201))
    raw.send(b"".join(b.publish(1, way.queue, body(number)) for number in numbers))
    multiple, last = False, 0
    while last < len(numbers):
        confirm = raw.until(spec.Basic.Ack)
        multiple, last = multiple or confirm.multiple, max(last, confirm.delivery_tag)
    assert multiple, "200 publishes in one piece are confirmed in fewer than 200 words"
    assert told(way, "acknowledged") == both(*[("acknowledged", key, "Basic.Ack") for key in keys(numbers)])


def test_a_queue_that_is_full_refuses(way: Way, channel: BlockingChannel) -> None:
    full = f"{way.queue}-full"
    channel.queue_declare(full, exclusive=True, arguments={"x-max-length": 1, "x-overflow": "reject-publish"})
    channel.confirm_delivery()
    channel.basic_publish("", full, body(1), pika.BasicProperties(message_id="m1"))
    with pytest.raises(pika.exceptions.NackError):
        channel.basic_publish("", full, body(2), pika.BasicProperties(message_id="m2"))
    assert told(way, "acknowledged", "refused") == both(("acknowledged", "p-1", "Basic.Ack"), ("refused", "p-2", "Basic.Nack"))


def test_tag_zero_means_all_that_is_open(way: Way, channel: BlockingChannel) -> None:
    for number in (1, 2, 3):
        publish(way, channel, number)
    tags = [take(way, channel)[0] for _ in range(3)]
    channel.basic_ack(tags[1])
    channel.basic_ack(0, multiple=True)
    channel.cancel()
    story = [("settled", key, "ack") for key in ("p-2", "p-1", "p-3")]
    assert [told(way, "settled")[at][:3] for at in SEATS] == [story, story]


def test_without_acknowledgements_the_brokers_write_settles(way: Way, channel: BlockingChannel) -> None:
    publish(way, channel, 1)
    method, _, _ = next(iter(channel.consume(way.queue, auto_ack=True, inactivity_timeout=60)))
    assert method is not None
    assert told(way, "delivered", "settled") == {
        "near": [("delivered", "p-1", "Basic.Deliver")],
        "far": [("delivered", "p-1", "Basic.Deliver"), ("settled", "p-1", "no_ack")],
    }


def test_messages_that_are_asked_for(way: Way, channel: BlockingChannel) -> None:
    publish(way, channel, 1)
    method, _, _ = channel.basic_get(way.queue)
    assert channel.basic_get(way.queue) == (None, None, None)
    assert method is not None
    channel.basic_ack(method.delivery_tag or 0)
    through(way, channel)
    assert told(way, "delivered", "settled") == both(("delivered", "p-1", "Basic.GetOk"), ("settled", "p-1", "ack"))


def test_recover_gives_back_all_that_is_open(way: Way, channel: BlockingChannel) -> None:
    for number in (1, 2):
        publish(way, channel, number)
    first, _ = take(way, channel)
    take(way, channel)
    channel.basic_ack(first)
    channel.basic_recover(requeue=True)
    again, again_body = take(way, channel)
    channel.basic_ack(again)
    channel.cancel()
    assert again_body == body(2)
    for at in SEATS:
        assert way.story(at, "settled")[:3] == [
            ("settled", "p-1", "ack"),
            ("settled", "p-2", "requeue"),
            ("settled", "p-2", "ack"),
        ]


def test_a_consumer_whose_queue_is_gone_is_cancelled_by_the_broker(way: Way, raw: Raw) -> None:
    gone = f"{way.queue}-gone"
    raw.ask(b.method(1, spec.Queue.Declare(queue=gone, auto_delete=True)), spec.Queue.DeclareOk)
    raw.ask(b.consume(1, "", consumer="c9"), spec.Basic.ConsumeOk)
    cancel = raw.ask(b.method(2, spec.Queue.Delete(queue=gone)), spec.Basic.Cancel)
    raw.ask(b.consume(1, way.queue, consumer="c8"), spec.Basic.ConsumeOk)
    raw.ask(b.method(1, spec.Basic.Cancel(consumer_tag="c8")), spec.Basic.CancelOk)
    cancelled = [(one.at, one.queue, one.data or {}) for one in way.events() if one.how == "cancel"]
    assert cancel.consumer_tag == "c9"
    assert {(at, queue, data["by"], data["consumer"]) for at, queue, data in cancelled} == {
        (at, *one) for at in SEATS for one in ((gone, "target", "c9"), (way.queue, "service", "c8"))
    }


def closed(way: Way, wire: str) -> set[tuple[str, int | None, object, object]]:
    """Return at which taps a Close was seen, with which code, by whom and for which channel."""
    events = [(one, one.data or {}) for one in way.events() if one.kind == "closed" and one.wire == wire]
    assert all(data["text"] for _, data in events)
    return {(one.at, one.status, data["by"], data.get("channel")) for one, data in events}


def test_a_channel_is_closed_by_either_side_with_its_reason(way: Way, raw: Raw) -> None:
    raw.ask(b.channel_close(1, 541, "enough"), spec.Channel.CloseOk)
    raw.ask(b.ack(2, 99), spec.Channel.Close)
    raw.send(b.closed(2))
    raw.open(1, 2)
    raw.ask(b.method(2, spec.Queue.Declare(queue=way.queue, passive=True)), spec.Queue.DeclareOk)
    assert closed(way, "Channel.Close") == {(at, *one) for at in SEATS for one in ((541, "service", 1), (406, "target", 2))}


def test_a_client_closes_its_connection_with_a_reason(way: Way, raw: Raw) -> None:
    raw.ask(b.connection_close(320, "going home"), spec.Connection.CloseOk)
    assert closed(way, "Connection.Close") == {(at, 320, "service", None) for at in SEATS}


def test_the_broker_closes_a_connection_with_a_reason(way: Way, raw: Raw) -> None:
    close = raw.ask(b.publish(9, way.queue, body(1)), spec.Connection.Close)  # on a channel that is not open
    assert close.reply_code == 504
    assert closed(way, "Connection.Close") == {(at, 504, "target", None) for at in SEATS}


def test_messages_whose_frames_alternate_are_told_apart(way: Way, raw: Raw) -> None:
    one, other = (body(number) + b" " * 40_000 for number in (1, 2))
    parts = [b.publish(1, way.queue, one, split=1000), b.publish(2, way.queue, other, split=1000)]
    raw.send(b"".join(b"".join(pair) for pair in zip(*map(b.frames, parts), strict=True)))
    for channel in (1, 2):
        raw.ask(b.select(channel), spec.Confirm.SelectOk)
    assert told(way, "attempted") == both(("attempted", "p-1", "Basic.Publish"), ("attempted", "p-2", "Basic.Publish"))
    assert {one.size for one in way.events() if one.kind == "attempted"} == {len(one)}


def test_a_body_over_many_frames_is_one_message(way: Way, raw: Raw) -> None:
    whole = body(1) + b" " * 500_000
    raw.send(b.publish(1, way.queue, whole, split=4096))
    raw.ask(b.method(1, spec.Basic.Get(queue=way.queue, no_ack=True)), spec.Basic.GetOk)
    assert eventually(lambda: told(way, "settled")["far"], awaited="the delivery", within=60) == [("settled", "p-1", "no_ack")]
    assert [one.size for one in way.events() if one.kind in ("attempted", "delivered") and one.at == "far"] == [len(whole)] * 2


def test_heartbeats_pass_and_mean_nothing(way: Way, channel: BlockingChannel) -> None:
    assert channel.is_open
    one = way.raw(heartbeat=1)
    one.send(b.BEAT)
    beats = [one.frame() for _ in range(2)]
    one.close()
    assert all(isinstance(beat, frame.Heartbeat) for beat in beats)
    assert told(way, "attempted", "delivered", "settled") == both()
