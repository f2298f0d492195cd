"""A link to RabbitMQ with a queue behind it, and pika on both sides of it."""

import contextlib
import itertools
import json
import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pika
import pika.exceptions
from pika.adapters.blocking_connection import BlockingChannel

from harness.history.events import Declaration
from harness.model import Link
from harness.stack import Stack
from tests.table.publishing import Publisher, published
from tests.table.seen import Way

LINK = Link("worker", "rabbitmq")
WITHIN = 60


class Rabbit:
    """A link to RabbitMQ, a queue there, and clients on both sides of the link: `connect` goes through it, `direct` does not."""

    def __init__(self, stack: Stack, way: Way) -> None:
        self._stack = stack
        self._clients: list[pika.BlockingConnection] = []
        self.way = way
        self.queue = f"table-{uuid.uuid4().hex[:8]}"
        way.world.declare(Declaration(what="queue", name=self.queue, broker="rabbitmq", key="/id"))
        self._outside = pika.BlockingConnection(self.parameters(stack.rabbitmq.port))
        self.direct = self._outside.channel()
        self.direct.queue_declare(self.queue)

    def connect(self) -> BlockingChannel:
        self._clients.append(pika.BlockingConnection(self.parameters(self.way.port)))
        return self._clients[-1].channel()

    def publish(self, channel: Any, *keys: str) -> None:
        for key in keys:
            channel.basic_publish("", self.queue, f'{{"id":"{key}"}}'.encode())

    def consumed(self, channel: BlockingChannel, number: int) -> list[tuple[int, str]]:
        """Take so many deliveries, and return tag and key of each."""
        given = itertools.islice(channel.consume(self.queue, inactivity_timeout=WITHIN), number)
        return [(method.delivery_tag or 0, json.loads(body or b"")["id"]) for method, _, body in given if method is not None]

    def taken(self) -> list[str]:
        """Take all messages that are in the queue, and return their keys."""
        found = iter(lambda: self.direct.basic_get(self.queue, auto_ack=True)[2], None)
        return [json.loads(body)["id"] for body in found]

    def closed(self, wire: str = "") -> list[tuple[str, int | None, object]]:
        """Return where what was closed, with which code and by whom."""
        return [(one.at, one.status, (one.data or {})["by"]) for one in self.way.events("closed") if wire in ("", one.wire)]

    def ready(self) -> int:
        """Return how many messages are in the queue for whoever comes."""
        return int(self.direct.queue_declare(self.queue, passive=True).method.message_count)

    def parameters(self, port: int) -> pika.ConnectionParameters:
        login = pika.PlainCredentials(self._stack.user, self._stack.password)
        return pika.ConnectionParameters("127.0.0.1", port, credentials=login)

    def published(self, number: int, act: Callable[[Sequence[Publisher]], Awaitable[None]]) -> list[Publisher]:
        return published(self.parameters(self.way.port), number, act)

    def leave(self) -> None:
        """End all clients, so that what they have open is in the queue again."""
        while self._clients:
            with contextlib.suppress(pika.exceptions.AMQPError):  # it may be over, or cut
                self._clients.pop().close()

    def close(self) -> None:
        self.direct.queue_delete(self.queue)
        self._outside.close()
