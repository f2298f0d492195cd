"""Faults of what a service sends to RabbitMQ, with pika: what the client saw, what near and far tap saw, and what bit."""

import threading
from collections.abc import Sequence

import pika.exceptions
import pytest

from harness.clock import eventually
from harness.faults import altered, answer_lost, duplicate, held, latency, request_lost, status
from tests.table.publishing import Publisher, until
from tests.table.rabbit import LINK, Rabbit


@pytest.mark.parametrize("connections", [1, 2, 4, 8])
def test_one_answer_is_lost_with_so_many_connections_open(rabbit: Rabbit, connections: int) -> None:
    rabbit.way.arm(answer_lost(LINK, times=1))
    keys = [f"k-{number}" for number in range(connections)]

    async def act(publishers: Sequence[Publisher]) -> None:
        for one, key in zip(publishers, keys, strict=True):
            rabbit.publish(one.channel, key)
        await until(lambda: sum(len(one.said) for one in publishers) == connections - 1, "all confirms but one")
        for one, key in zip(publishers, keys, strict=True):
            rabbit.publish(one.channel, f"{key}-again")
        await until(lambda: sum(len(one.said) for one in publishers) == 2 * connections - 1, "the confirms of all others")

    publishers = rabbit.published(connections, act)
    assert sorted(one.confirmed() for one in publishers) == sorted([[2], *[[1, 2]] * (connections - 1)])
    assert len(rabbit.taken()) == 2 * connections
    ((*bite, lost),) = rabbit.way.bites()
    assert bite == ["f1", "far", "Basic.Publish"]
    assert lost in keys
    assert set(rabbit.way.far("acknowledged")) - set(rabbit.way.near("acknowledged")) == {("acknowledged", lost)}


def test_a_publish_is_lost_and_the_numbers_of_the_others_are_right(rabbit: Rabbit) -> None:
    rabbit.way.arm(request_lost(LINK, on="Basic.Publish", key="b"))

    async def act(publishers: Sequence[Publisher]) -> None:
        rabbit.publish(publishers[0].channel, "a", "b", "c", "d")
        await until(lambda: publishers[0].confirmed() == [1, 3, 4], "three confirms")

    rabbit.published(1, act)
    assert rabbit.taken() == ["a", "c", "d"]
    assert rabbit.way.near("attempted") == [("attempted", key) for key in "abcd"]
    assert rabbit.way.far("attempted") == [("attempted", key) for key in "acd"]
    assert [(one.x, one.key) for one in rabbit.way.events("attempted", "acknowledged", at="far") if one.key == "c"] == [
        (3, "c")
    ] * 2
    assert rabbit.way.bites() == [("f1", "near", "Basic.Publish", "b")]


def test_a_publish_is_sent_again_and_its_copies_are_confirmed_to_nobody(rabbit: Rabbit) -> None:
    rabbit.way.arm(duplicate(LINK, copies=2, key="b"))

    async def act(publishers: Sequence[Publisher]) -> None:
        rabbit.publish(publishers[0].channel, "a", "b", "c")
        await until(lambda: publishers[0].confirmed() == [1, 2, 3], "three confirms")

    (publisher,) = rabbit.published(1, act)
    assert sorted(publisher.numbers()) == [1, 2, 3]
    assert rabbit.taken() == ["a", "b", "b", "b", "c"]
    assert rabbit.way.near("attempted") == rabbit.way.far("attempted")
    assert rabbit.way.made("attempted", "acknowledged").count(("f1", "attempted", "b")) == 2
    assert rabbit.way.made("acknowledged") == [("f1", "acknowledged", "b")] * 2
    assert rabbit.way.bites() == [("f1", "near", "Basic.Publish", "b")]


def test_a_publish_is_held_until_the_fault_ends_and_others_pass(rabbit: Rabbit) -> None:
    rabbit.way.arm(held(LINK, key="a"))

    async def act(publishers: Sequence[Publisher]) -> None:
        rabbit.publish(publishers[0].channel, "a", "b", "c")
        await until(lambda: publishers[0].confirmed() == [2, 3], "two confirms")
        rabbit.way.world.disarm("f1")
        await until(lambda: publishers[0].confirmed() == [1, 2, 3], "the confirm of what was held")

    rabbit.published(1, act)
    assert rabbit.taken() == ["b", "c", "a"]
    assert rabbit.way.near("attempted") == [("attempted", key) for key in "abc"]
    assert [(one.x, one.key) for one in rabbit.way.events("attempted", at="far")] == [(2, "b"), (3, "c"), (1, "a")]
    assert rabbit.way.bites() == [("f1", "near", "Basic.Publish", "a")]


def test_a_publish_is_late_and_others_pass_it_by(rabbit: Rabbit) -> None:
    rabbit.way.arm(latency(LINK, 1, on="Basic.Publish", times=1))

    async def act(publishers: Sequence[Publisher]) -> None:
        rabbit.publish(publishers[0].channel, "a", "b")
        await until(lambda: publishers[0].confirmed() == [1, 2], "both confirms")

    (publisher,) = rabbit.published(1, act)
    assert publisher.numbers() == [2, 1]
    assert rabbit.taken() == ["b", "a"]
    late, early = (next(one.t for one in rabbit.way.events("attempted", at=at) if one.key == "a") for at in ("far", "near"))
    assert late - early >= 1


def test_a_publish_is_altered_before_the_broker_has_it(rabbit: Rabbit) -> None:
    rabbit.way.arm(altered(LINK, attributes={"JavaType": "B", "n": ("Number", "7")}, body='{"id":"other"}', on="Basic.Publish"))
    channel = rabbit.connect()
    channel.confirm_delivery()
    rabbit.publish(channel, "a")
    _, properties, body = rabbit.direct.basic_get(rabbit.queue, auto_ack=True)
    assert properties is not None
    assert (body, properties.headers) == (b'{"id":"other"}', {"JavaType": "B", "n": 7})
    assert (rabbit.way.near("attempted"), rabbit.way.far("attempted")) == ([("attempted", "a")], [("attempted", "other")])
    assert rabbit.way.bites() == [("f1", "near", "Basic.Publish", "a")]


@pytest.mark.parametrize("code", [404, 311])
def test_a_publish_is_answered_with_a_closed_channel_and_the_connection_goes_on(rabbit: Rabbit, code: int) -> None:
    rabbit.publish(rabbit.direct, "open")
    channel = rabbit.connect()
    rabbit.consumed(channel, 1)
    rabbit.way.arm(status(LINK, code, body="not here", on="Basic.Publish", times=1))
    channel.confirm_delivery()
    with pytest.raises(pika.exceptions.ChannelClosedByBroker, match=f"{code}, 'not here'"):
        rabbit.publish(channel, "a")
    eventually(lambda: rabbit.ready() == 1, awaited="the open delivery in its queue again", within=60)
    again = channel.connection.channel()
    again.confirm_delivery()
    rabbit.publish(again, "b")
    assert rabbit.taken() == ["open", "b"]
    assert (rabbit.way.near("attempted"), rabbit.way.far("attempted")) == (
        [("attempted", "a"), ("attempted", "b")],
        [("attempted", "b")],
    )
    assert rabbit.way.made("refused") == [("f1", "refused", "a")]
    assert rabbit.closed("Channel.Close") == [("near", code, "target"), ("far", 200, "service")]
    assert rabbit.way.bites() == [("f1", "near", "Basic.Publish", "a")]


def test_a_request_is_answered_with_a_closed_connection(rabbit: Rabbit) -> None:
    channel = rabbit.connect()
    rabbit.publish(rabbit.direct, "open")
    rabbit.consumed(channel, 1)
    rabbit.way.arm(status(LINK, 541, on="Queue.Declare"))
    with pytest.raises(pika.exceptions.ConnectionClosedByBroker, match="541, 'closed by a fault'"):
        channel.queue_declare(rabbit.queue, passive=True)
    eventually(lambda: rabbit.ready() == 1, awaited="the open delivery in its queue again", within=60)
    wanted = [("near", 541, "target"), ("far", 200, "service")]
    eventually(lambda: rabbit.closed("Connection.Close") == wanted, awaited="both closings", within=60, last=rabbit.closed)
    assert rabbit.way.bites() == [("f1", "near", "Queue.Declare", "")]


@pytest.mark.parametrize("on", ["Queue.Declare", "Queue.DeclareOk"])
def test_the_answer_to_a_request_is_lost(rabbit: Rabbit, on: str) -> None:
    rabbit.way.arm(answer_lost(LINK, on=on))
    answers: list[str] = []

    async def act(publishers: Sequence[Publisher]) -> None:
        rabbit.publish(publishers[0].channel, "a")
        publishers[0].channel.queue_declare(f"{rabbit.queue}-2", exclusive=True, callback=lambda _: answers.append("answer"))
        await until(lambda: publishers[0].confirmed() == [1] and rabbit.way.bites(), "the confirm, and the bite")
        rabbit.way.cut()
        await until(lambda: publishers[0].is_gone, "the end of a connection that waits for an answer")

    rabbit.published(1, act)
    assert answers == []
    assert rabbit.way.bites() == [("f1", "far", "Queue.DeclareOk", "")]


def test_a_transaction_is_committed_and_nobody_hears_of_it(rabbit: Rabbit) -> None:
    channel = rabbit.connect()
    channel.tx_select()
    rabbit.way.arm(answer_lost(LINK))
    rabbit.publish(channel, "a")
    cutting = threading.Thread(target=rabbit.way.cut_once_bitten)
    cutting.start()
    with pytest.raises(pika.exceptions.AMQPError):
        channel.tx_commit()
    cutting.join()
    assert rabbit.taken() == ["a"]
    assert rabbit.way.bites() == [("f1", "far", "Tx.CommitOk", "")]
