"""A link to a real RabbitMQ in a world of its own, and what a test does over it with pika."""

import uuid
from pathlib import Path

import pika
from pika.adapters.blocking_connection import BlockingChannel

from harness.history.events import Declaration, Event
from harness.history.journal import Journal
from harness.model import Link
from harness.recorder.client import World
from harness.stack import Stack
from harness.toxiproxy.client import Toxiproxy
from tests.wire.raw_amqp import Raw

LINK = Link("worker", "rabbitmq")


class Way:
    """A link to RabbitMQ in a world of its own."""

    def __init__(self, stack: Stack, world: World, journal: Path) -> None:
        self._stack = stack
        self._journal = journal
        self.world = world
        self.queue = f"jobs-{uuid.uuid4().hex[:8]}"
        world.declare(Declaration(what="queue", name=self.queue, broker="rabbitmq", key="/id"))
        ports = world.open_link(LINK, "amqp", (stack.rabbitmq.host, stack.rabbitmq.port))
        self.proxy = f"{self.queue}.amqp"
        self.toxiproxy = Toxiproxy(stack.toxiproxy.host, stack.toxiproxy.port)
        world.connect_link(LINK, self.toxiproxy.create(self.proxy, ("127.0.0.1", ports.far)))
        self.near = ports.near

    def connect(self) -> pika.BlockingConnection:
        login = pika.PlainCredentials(self._stack.user, self._stack.password)
        return pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", self.near, credentials=login))

    def raw(self, *, heartbeat: int = 0) -> Raw:
        return Raw(self.near, self._stack.user, self._stack.password, heartbeat=heartbeat)

    def story(self, at: str, *kinds: str) -> list[tuple[str, str, str]]:
        return [(event.kind, event.key, event.how) for event in self.events() if event.at == at and event.kind in kinds]

    def events(self) -> list[Event]:
        self.world.flush()
        return list(Journal(self._journal).events())


def publish(way: Way, channel: BlockingChannel, number: int, **properties: object) -> None:
    body = b'{"id":"p-%d"}' % number
    channel.basic_publish("", way.queue, body, pika.BasicProperties(**properties), mandatory=True)  # type: ignore[arg-type]


def take(way: Way, channel: BlockingChannel) -> tuple[int, bytes]:
    method, _, body = next(iter(channel.consume(way.queue, inactivity_timeout=60)))
    assert method is not None, "no message within 10 s"
    return method.delivery_tag or 0, body or b""
