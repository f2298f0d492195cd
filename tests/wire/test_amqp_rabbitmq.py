"""AMQP links with nothing fake in them: pika, Toxiproxy, RabbitMQ, the recorder; what the taps tell is what was done."""

import pika
import pika.exceptions
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from harness.clock import eventually
from harness.model import Moment
from harness.wire.rules import Rule
from tests.wire.rabbitmq_way import LINK, Way, publish, take


@pytest.mark.parametrize("at", ["near", "far"])
def test_a_life_of_messages_is_told_by_each_tap(way: Way, channel: BlockingChannel, at: str) -> None:
    channel.confirm_delivery()
    for number in range(4):
        publish(way, channel, number)
    tags = [take(way, channel)[0] for _ in range(4)]
    channel.basic_nack(tags[1], requeue=True)
    channel.basic_ack(tags[0])
    again, body = take(way, channel)
    channel.basic_reject(tags[2], requeue=False)
    channel.basic_ack(again, multiple=True)
    channel.cancel()
    assert body == b'{"id":"p-1"}'
    assert way.story(at, "attempted", "acknowledged") == [
        (kind, f"p-{number}", "") for number in range(4) for kind in ("attempted", "acknowledged")
    ]
    assert way.story(at, "delivered") == [("delivered", f"p-{number}", "") for number in (0, 1, 2, 3, 1)]
    assert way.story(at, "settled") == [
        ("settled", "p-1", "requeue"), ("settled", "p-0", "ack"), ("settled", "p-2", "reject"),
        ("settled", "p-3", "ack"), ("settled", "p-1", "ack"), ("settled", "", "cancel"),
    ]  # fmt: skip
    assert [event.redelivered for event in way.events() if (event.at, event.kind) == (at, "delivered")] == [False] * 4 + [True]
    assert way.story(at, "gap") == []


def test_what_is_unroutable_comes_back(way: Way, channel: BlockingChannel) -> None:
    channel.confirm_delivery()
    with pytest.raises(pika.exceptions.UnroutableError):
        channel.basic_publish("", "nowhere-at-all", b"{}", pika.BasicProperties(message_id="m"), mandatory=True)
    assert way.story("near", "attempted", "returned", "acknowledged") == [
        ("attempted", "id:m", ""), ("returned", "id:m", ""), ("acknowledged", "id:m", ""),
    ]  # fmt: skip


def test_a_channel_that_the_broker_closes_is_told_with_its_reason(way: Way, channel: BlockingChannel) -> None:
    with pytest.raises(pika.exceptions.ChannelClosedByBroker):
        channel.queue_declare("nowhere-at-all", passive=True)
    closed = [event for event in way.events() if event.kind == "closed" and event.at == "near"]
    assert [(event.status, (event.data or {})["by"], (event.data or {})["channel"]) for event in closed] == [(404, "target", 1)]


def test_a_large_message_arrives_as_it_was_sent(way: Way, channel: BlockingChannel) -> None:
    body = bytes(range(256)) * 20_000
    channel.confirm_delivery()
    channel.basic_publish("", way.queue, body)
    method, _, got = channel.basic_get(way.queue, auto_ack=True)
    assert method is not None
    assert got == body
    assert [event.size for event in way.events() if event.kind == "delivered"] == [len(body)] * 2
    assert way.story("far", "settled") == [("settled", way.events()[-1].key, "no_ack")]


@pytest.mark.parametrize("on", ["Basic.Publish", "Basic.GetOk"])
def test_an_altered_message_is_one_for_real_clients(way: Way, channel: BlockingChannel, on: str) -> None:
    way.world.arm(Rule(id="f1", name="altered", link=str(LINK), attributes={"JavaType": "B"}, drop=("gone",), on=on))
    publish(way, channel, 1, headers={"JavaType": "A", "gone": "x", "kept": 1}, content_type="application/json")
    seen = eventually(lambda: channel.basic_get(way.queue, auto_ack=True)[1], awaited="the message", within=60)
    assert seen is not None
    assert (seen.headers, seen.content_type) == ({"kept": 1, "JavaType": "B"}, "application/json")
    assert [event.at for event in way.events() if event.kind == "bit"] == ["near" if on == "Basic.Publish" else "far"]


def test_at_a_moment_the_message_waits_until_its_callback_is_through(way: Way, channel: BlockingChannel) -> None:
    seen: list[object] = []
    way.world.watch(Moment(way.queue, "sent"), lambda _: seen.append("moment"))
    way.world.watch(Moment(way.queue, "delivered", key="p-1"), lambda event: seen.append(event.key))
    publish(way, channel, 1)
    take(way, channel)
    channel.cancel()
    assert seen == ["moment", "p-1"]


def test_an_outage_refuses_and_afterwards_all_is_as_before(way: Way, channel: BlockingChannel) -> None:
    channel.confirm_delivery()
    publish(way, channel, 1)
    way.world.refuse(LINK)
    way.toxiproxy.disable(way.proxy)
    with pytest.raises((pika.exceptions.AMQPConnectionError, pika.exceptions.StreamLostError)):
        channel.queue_declare(way.queue, passive=True)
    with pytest.raises(pika.exceptions.AMQPConnectionError):
        way.connect()
    way.toxiproxy.enable(way.proxy)
    way.world.accept(LINK)
    with way.connect() as connection:
        method, _, body = connection.channel().basic_get(way.queue, auto_ack=True)
        connection.channel().queue_delete(way.queue)
    assert method is not None
    assert body == b'{"id":"p-1"}'
    cut = [event for event in way.events() if (event.kind, event.wire, event.conn) == ("closed", "", 1)]
    assert {event.at for event in cut} == {"near", "far"}
    assert len(cut) == 2
