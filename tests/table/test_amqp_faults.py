"""The faults of single messages on AMQP, with pika and RabbitMQ: what the client saw, what near and far tap saw, and what bit."""

import json
import uuid
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from harness.faults import answer_lost
from harness.history.events import Declaration
from harness.model import Link
from harness.stack import Stack
from tests.table.publishing import Publisher, published, until
from tests.table.seen import Way, way

LINK = Link("worker", "rabbitmq")


class Rabbit:
    """A link to RabbitMQ, a queue there, and clients on both sides of the link: `connect` goes through it, `direct` does not."""

    def __init__(self, stack: Stack, way: Way) -> None:
        self._stack = stack
        self._open: list[pika.BlockingConnection] = []
        self.way = way
        self.queue = f"table-{uuid.uuid4().hex[:8]}"
        way.world.declare(Declaration(what="queue", name=self.queue, broker="rabbitmq", key="/id"))
        self.direct = self._channel(stack.rabbitmq.port)
        self.direct.queue_declare(self.queue)

    def connect(self) -> BlockingChannel:
        return self._channel(self.way.port)

    def publish(self, channel: Any, *keys: str) -> None:
        for key in keys:
            channel.basic_publish("", self.queue, f'{{"id":"{key}"}}'.encode())

    def taken(self) -> list[str]:
        """Take all messages that are in the queue, and return their keys."""
        found = iter(lambda: self.direct.basic_get(self.queue, auto_ack=True)[2], None)
        return [json.loads(body)["id"] for body in found]

    def parameters(self, port: int) -> pika.ConnectionParameters:
        login = pika.PlainCredentials(self._stack.user, self._stack.password)
        return pika.ConnectionParameters("127.0.0.1", port, credentials=login)

    def published(self, number: int, act: Callable[[Sequence[Publisher]], Awaitable[None]]) -> list[Publisher]:
        return published(self.parameters(self.way.port), number, act)

    def _channel(self, port: int) -> BlockingChannel:
        self._open.append(pika.BlockingConnection(self.parameters(port)))
        return self._open[-1].channel()

    def close(self) -> None:
        self.direct.queue_delete(self.queue)
        for one in self._open:
            if one.is_open:
                one.close()


@pytest.fixture(scope="module")
def one_rabbit(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rabbit]:
    with way(stack, tmp_path_factory.mktemp("amqp"), LINK, "amqp", (stack.rabbitmq.host, stack.rabbitmq.port)) as open_way:
        made = Rabbit(stack, open_way)
        yield made
        made.close()


@pytest.fixture
def rabbit(one_rabbit: Rabbit) -> Rabbit:
    """A link with no fault on it, whose journal is read from here on, and an empty queue."""
    one_rabbit.way.forget()
    one_rabbit.direct.queue_purge(one_rabbit.queue)
    return one_rabbit


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
