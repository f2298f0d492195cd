"""Faults of what RabbitMQ hands out and what is said of it, with pika: what client, near and far tap saw, and what bit."""

import json
import threading

import pika.exceptions
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from harness.clock import eventually
from harness.errors import UsageError
from harness.faults import altered, answer_lost, duplicate, held, latency, reordered, request_lost, shortened
from tests.table.rabbit import LINK, Rabbit


@pytest.fixture
def channel(rabbit: Rabbit) -> BlockingChannel:
    """A consumer's channel, and three messages that wait for it."""
    rabbit.publish(rabbit.direct, "a", "b", "c")
    return rabbit.connect()


def left(rabbit: Rabbit) -> list[str]:
    """Return what is in the queue once no client has anything."""
    rabbit.leave()
    return rabbit.taken()


def test_a_delivery_comes_twice_and_each_settlement_means_what_the_service_thinks(rabbit: Rabbit, channel: BlockingChannel):
    rabbit.way.arm(duplicate(LINK, on="Basic.Deliver", key="a"))
    assert rabbit.consumed(channel, 4) == [(1, "a"), (2, "a"), (3, "b"), (4, "c")]
    channel.basic_ack(2)
    channel.basic_ack(3, multiple=True)
    channel.basic_nack(4, requeue=False)
    assert left(rabbit) == []
    assert rabbit.way.far("delivered") == rabbit.way.near("delivered") == [("delivered", key) for key in "abc"]
    assert rabbit.way.made("delivered") == [("f1", "delivered", "a")]
    assert rabbit.way.tags("delivered", at="near") == ["1:1", "1:1+2", "1:2", "1:3"]
    assert rabbit.way.tags("settled", at="near") == ["1:1+2", "1:1", "1:2", "1:3", ""]
    assert rabbit.way.tags("settled", at="far") == ["1:1", "1:2", "1:3", ""]
    assert rabbit.way.bites() == [("f1", "far", "Basic.Deliver", "a")]


def test_a_delivery_is_held_until_the_fault_ends_and_others_pass_it(rabbit: Rabbit, channel: BlockingChannel):
    rabbit.way.arm(held(LINK, key="a"))
    assert rabbit.consumed(channel, 2) == [(1, "b"), (2, "c")]
    channel.basic_ack(2, multiple=True)
    rabbit.way.world.disarm("f1")
    assert rabbit.consumed(channel, 1) == [(3, "a")]
    channel.basic_reject(3, requeue=True)
    assert [key for _, key in rabbit.consumed(channel, 1)] == ["a"]
    assert left(rabbit) == ["a"]
    assert rabbit.way.near("delivered")[:3] == [("delivered", key) for key in "bca"]
    assert rabbit.way.far("delivered")[:3] == [("delivered", key) for key in "abc"]
    assert rabbit.way.tags("delivered", at="near")[:3] == ["1:2", "1:3", "1:1"]
    assert rabbit.way.bites() == [("f1", "far", "Basic.Deliver", "a")]


def test_what_is_held_goes_back_with_its_channel(rabbit: Rabbit, channel: BlockingChannel):
    rabbit.way.arm(held(LINK, on="Basic.Deliver", times=1))
    rabbit.consumed(channel, 2)
    channel.close()
    eventually(lambda: rabbit.ready() == 3, awaited="all three in the queue", within=60)
    rabbit.way.world.disarm("f1")
    again = channel.connection.channel()
    assert sorted(rabbit.consumed(again, 3)) == [(1, "a"), (2, "b"), (3, "c")]
    again.basic_ack(0, multiple=True)
    assert left(rabbit) == []


def test_what_is_held_for_a_consumer_comes_before_it_hears_that_it_gets_no_more(rabbit: Rabbit, channel: BlockingChannel):
    rabbit.way.arm(held(LINK, on="Basic.Deliver", key="a"))
    rabbit.consumed(channel, 2)
    channel.cancel()
    assert rabbit.way.near("delivered") == [("delivered", key) for key in "bca"]
    assert left(rabbit) == ["a", "b", "c"]


def test_a_delivery_is_late_and_others_pass_it(rabbit: Rabbit, channel: BlockingChannel):
    rabbit.way.arm(latency(LINK, 1, times=1))
    assert rabbit.consumed(channel, 3) == [(1, "b"), (2, "c"), (3, "a")]
    channel.basic_ack(3)
    assert left(rabbit) == ["b", "c"]
    near, far = (next(one.t for one in rabbit.way.events("delivered", at=at) if one.key == "a") for at in ("near", "far"))
    assert near - far >= 1
    assert rabbit.way.bites() == [("f1", "far", "Basic.Deliver", "a")]


def test_deliveries_change_places(rabbit: Rabbit, channel: BlockingChannel):
    rabbit.publish(rabbit.direct, "d", "e")
    rabbit.way.arm(reordered(LINK, times=4))
    assert rabbit.consumed(channel, 5) == [(1, "b"), (2, "a"), (3, "d"), (4, "c"), (5, "e")]
    channel.basic_ack(3, multiple=True)
    assert left(rabbit) == ["c", "e"]
    assert rabbit.way.far("delivered") == [("delivered", key) for key in "abcde"]
    assert rabbit.way.near("delivered") == [("delivered", key) for key in "badce"]
    assert rabbit.way.bites() == [("f1", "far", "Basic.Deliver", key) for key in "abcd"]


def test_deliveries_that_wait_for_others_come_when_the_fault_ends(rabbit: Rabbit, channel: BlockingChannel):
    rabbit.way.arm(reordered(LINK, window=4))
    ending = threading.Thread(target=rabbit.way.end_once, args=(lambda: len(rabbit.way.far("delivered")) == 3,))
    ending.start()
    assert rabbit.consumed(channel, 3) == [(1, "a"), (2, "b"), (3, "c")]
    ending.join()
    assert rabbit.way.bites() == []


def test_a_delivery_is_lost_and_is_the_brokers_again_when_its_channel_is_gone(rabbit: Rabbit, channel: BlockingChannel):
    rabbit.way.arm(answer_lost(LINK, on="Basic.Deliver", key="a"))
    assert rabbit.consumed(channel, 2) == [(1, "b"), (2, "c")]
    channel.basic_ack(0, multiple=True)
    assert left(rabbit) == ["a"]
    assert rabbit.way.near("delivered") == [("delivered", "b"), ("delivered", "c")]
    assert rabbit.way.bites() == [("f1", "far", "Basic.Deliver", "a")]


def test_a_message_that_was_asked_for_is_lost(rabbit: Rabbit, channel: BlockingChannel):
    rabbit.way.arm(answer_lost(LINK, on="Basic.Get"))
    cutting = threading.Thread(target=rabbit.way.cut_once_bitten)
    cutting.start()
    with pytest.raises(pika.exceptions.AMQPError):
        channel.basic_get(rabbit.queue)
    cutting.join()
    assert left(rabbit) == ["a", "b", "c"]
    assert (rabbit.way.far("delivered"), rabbit.way.near("delivered")) == ([("delivered", "a")], [])
    assert rabbit.way.bites() == [("f1", "far", "Basic.GetOk", "a")]


@pytest.mark.parametrize("wire", ["Basic.GetOk", "Basic.Deliver"])
def test_a_message_is_altered_on_its_way_to_the_service(rabbit: Rabbit, channel: BlockingChannel, wire: str):
    body = json.dumps({"id": "a", "more": "x" * 10_000})
    rabbit.way.arm(altered(LINK, attributes={"JavaType": "B"}, body=body, on=wire, times=1))
    if wire == "Basic.GetOk":
        _, properties, got = channel.basic_get(rabbit.queue)
    else:
        _, properties, got = next(iter(channel.consume(rabbit.queue, inactivity_timeout=60)))
    assert (properties and properties.headers, got) == ({"JavaType": "B"}, body.encode())
    assert (rabbit.way.near("delivered")[0], rabbit.way.far("delivered")[0]) == (("delivered", "a"), ("delivered", "a"))
    assert rabbit.way.bites() == [("f1", "far", wire, "a")]


def test_a_consumers_word_is_lost(rabbit: Rabbit, channel: BlockingChannel):
    rabbit.way.arm(request_lost(LINK, key="b"))
    rabbit.consumed(channel, 3)
    channel.basic_ack(2, multiple=True)
    channel.basic_ack(3, multiple=True)
    assert left(rabbit) == ["b"]
    assert rabbit.way.near("settled")[:3] == [("settled", key) for key in "abc"]
    assert rabbit.way.far("settled")[:2] == [("settled", "a"), ("settled", "c")]
    assert rabbit.way.bites() == [("f1", "near", "Basic.Ack", "b")]


def test_a_tag_that_was_never_given_is_the_brokers_to_refuse(rabbit: Rabbit, channel: BlockingChannel):
    rabbit.way.arm(answer_lost(LINK, on="Basic.Deliver", key="a"))
    rabbit.consumed(channel, 2)
    channel.basic_ack(3)
    with pytest.raises(pika.exceptions.ChannelClosedByBroker, match="406, 'PRECONDITION_FAILED - unknown delivery tag"):
        channel.queue_declare(rabbit.queue, passive=True)


def test_what_is_recovered_comes_once(rabbit: Rabbit, channel: BlockingChannel):
    rabbit.way.arm(held(LINK, on="Basic.Deliver", times=1))
    rabbit.consumed(channel, 2)
    channel.basic_recover(requeue=True)
    rabbit.way.world.disarm("f1")
    assert sorted(key for _, key in rabbit.consumed(channel, 3)) == ["a", "b", "c"]
    channel.basic_ack(0, multiple=True)
    assert left(rabbit) == []


def test_what_amqp_cannot_do_is_refused(rabbit: Rabbit):
    with pytest.raises(UsageError, match=r"shortened on .*: a link to RabbitMQ has no such fault; there are: altered"):
        rabbit.way.arm(shortened(LINK, 2))
