"""Three small worlds, one a wire, for clients in the test's own process: a call, what came of it in one word, what taps saw."""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, ClassVar, TypeVar

import boto3
import httpx
import pika
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPError

from harness import History, Sandbox
from harness.clock import eventually
from harness.history.events import Event
from harness.history.journal import Journal
from harness.model import Fault, Link, Moment

LONG = 60
"""Seconds for which a client waits for an answer or a message."""

BRIEF = 0.7
"""The same for one that nothing will come to."""

PAD = "x" * 2000
"""What makes a message long enough to be seen coming slowly or in pieces."""


T = TypeVar("T")
W = TypeVar("W", bound="World")


class World(ABC):
    """One sandbox, and a client on a link of it that no service has. Subclasses are the wires."""

    thing = ""
    wire = ""
    failures: ClassVar[tuple[type[Exception], ...]]

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self._patience: float = LONG
        self.link = Link("client", self.thing)
        self._faults = self._calls = 0
        self.port = self._open()

    @abstractmethod
    def _open(self) -> int: ...

    def next_key(self) -> str:
        """Return a key that was not called yet."""
        self._calls += 1
        return f"k{self._calls}"

    def call(self, key: str) -> str:
        """Do the one thing this wire is asked for, with this key; return in one word what the client made of it."""
        try:
            return self.try_(key)
        except self.failures as error:
            return type(error).__name__

    @abstractmethod
    def try_(self, key: str) -> str: ...

    @abstractmethod
    def moment(self, key: str) -> Moment:
        """Return the moment at which the other side has done what is asked, and has not answered."""
        ...

    def begun(self, key: str) -> Moment:
        """Return the moment at which the other side has the call, whether it has done anything or not."""
        return self.moment(key)

    def renew(self, patience: float = LONG) -> None:
        """Give up the connections there are; the next call opens one, and waits for so many seconds."""
        self._patience = patience
        self._give_up()

    @abstractmethod
    def _give_up(self) -> None: ...

    def hang_up(self) -> None:
        """Close the connections there are."""
        self.renew()

    def close(self) -> None:
        """Give up all connections; the links are gone already."""
        self.renew()

    def inject(self, fault: Fault, ident: str = "") -> str:
        """Have a fault from now on; return its id, which is to be given where others inject, too."""
        self.sandbox.inject(fault)
        self._faults += 1
        return ident or f"f{self._faults}"

    def seen(self, at: str, key: str) -> list[str]:
        """Return the kinds of what this tap saw of a message or request, in order."""
        return [one.kind for one in self.events() if (one.at, one.key) == (at, key)]

    def events(self) -> list[Event]:
        """Return what was recorded of the link so far."""
        self.sandbox._context.world.flush()  # noqa: SLF001 (a client of the test's own has no other way in)
        return [one for one in Journal(self.sandbox._journal).events() if one.link == str(self.link)]  # noqa: SLF001

    def bites(self, ident: str) -> int:
        """Return how often a fault has bitten so far."""
        self.sandbox._context.world.flush()  # noqa: SLF001 (as above)
        return History(self.sandbox._journal).ledger().world.faults[ident].bites  # noqa: SLF001 (as above)


class Http(World):
    """An HTTP resource, and httpx: each call POSTs a key."""

    thing = "tcs"
    wire = "http"
    failures: ClassVar[tuple[type[Exception], ...]] = (httpx.TransportError,)

    def _open(self) -> int:
        self.resource = self.sandbox.http(self.thing, key="/id")
        self._client = self._new()
        return self.resource.reach(self.link)

    def _new(self) -> httpx.Client:
        return httpx.Client(timeout=httpx.Timeout(LONG, read=self._patience), trust_env=False)

    def try_(self, key: str) -> str:
        answer = self._client.post(f"http://127.0.0.1:{self.port}/", json={"id": key, "pad": PAD})
        return str(answer.status_code)

    def moment(self, key: str) -> Moment:
        return self.resource.effected(key=key)

    def begun(self, key: str) -> Moment:
        return self.resource.requested(key=key)

    def _give_up(self) -> None:
        self._client.close()
        self._client = self._new()


class Sqs(World):
    """A queue of SQS, and boto3: each call sends a message."""

    thing = "aws"
    wire = "sqs"
    failures: ClassVar[tuple[type[Exception], ...]] = (BotoCoreError,)

    def _open(self) -> int:
        self._queue = self.sandbox.aws.queue("jobs", key="/id")
        port = self.sandbox.aws.reach(self.link)
        self._parts = self.sandbox.aws.parts(port)
        self._client = self._new(self._patience)
        return port

    def _new(self, patience: float) -> Any:
        return boto3.client(
            "sqs",
            endpoint_url=self._parts.value,
            region_name="us-east-1",
            aws_access_key_id=self._parts.user,
            aws_secret_access_key=self._parts.password,
            config=Config(read_timeout=patience, connect_timeout=LONG, retries={"total_max_attempts": 1}),
        )

    def try_(self, key: str) -> str:
        body = json.dumps({"id": key, "pad": PAD})
        answer = self._client.send_message(QueueUrl=self._queue.url_at(self.port), MessageBody=body)
        return str(answer["ResponseMetadata"]["HTTPStatusCode"])

    def receive(self, seconds: int, *, patience: float = LONG) -> str:
        """Poll once for so long, on a connection of its own; return in one word what came of it."""
        client = self._new(patience)
        try:
            client.receive_message(QueueUrl=self._queue.url_at(self.port), WaitTimeSeconds=seconds)
        except BotoCoreError as error:
            return type(error).__name__
        finally:
            client.close()
        return "received"

    def moment(self, key: str) -> Moment:
        return self._queue.sent(key=key)

    def _give_up(self) -> None:
        self._client.close()
        self._client = self._new(self._patience)


class Amqp(World):
    """A queue of RabbitMQ, and pika: each call is a message that the harness publishes, and the client consumes and settles."""

    thing = "rabbitmq"
    wire = "amqp"
    failures: ClassVar[tuple[type[Exception], ...]] = (AMQPError, OSError)

    def _open(self) -> int:
        self._number = 0
        self._new_queue()
        port = self.sandbox.rabbitmq.reach(self.link)
        self._parts = self.sandbox.rabbitmq.parts(port)
        self._connection: pika.BlockingConnection | None = None
        self._left: list[pika.BlockingConnection | None] = []
        return port

    def _connected(self) -> BlockingChannel:
        if self._connection is None or not self._connection.is_open:
            parameters = pika.URLParameters(f"{self._parts.value}?heartbeat=0&socket_timeout={LONG}&stack_timeout={LONG}")
            self._connection = pika.BlockingConnection(parameters)
            self._channel = self._connection.channel()
        return self._channel

    def try_(self, key: str) -> str:
        channel = self._connected()
        self._queue.publish([{"id": key, "pad": PAD}])
        method, _, _ = next(iter(channel.consume(self._queue.thing_name, inactivity_timeout=self._patience)))
        if method is None:
            return "nothing"
        channel.basic_ack(method.delivery_tag or 0)
        return "consumed"

    def moment(self, key: str) -> Moment:
        return self._queue.delivered(key=key)

    def _give_up(self) -> None:
        self._left.append(self._connection)
        self._connection = None
        self._new_queue()

    @property
    def queue_name(self) -> str:
        """The queue that calls go through."""
        return self._queue.thing_name

    def held(self, key: str) -> pika.BlockingConnection:
        """Publish a message and take it, never to settle it; return the connection it is held on."""
        self._queue.publish([{"id": key}])
        connection = pika.BlockingConnection(pika.URLParameters(self._parts.value))
        self._left.append(connection)
        channel = connection.channel()
        channel.basic_qos(prefetch_count=1)
        next(iter(channel.consume(self.queue_name)))
        return connection

    def connect(self) -> str:
        """Connect, and hang up; return in one word what came of it."""
        try:
            pika.BlockingConnection(pika.URLParameters(self._parts.value)).close()
        except self.failures as error:
            return type(error).__name__
        return "connected"

    def left_in(self, queue: str) -> list[tuple[str, bool]]:
        """Take all that is in a queue, past the link: the keys, and whether they were marked as redelivered."""
        channel = self.sandbox.rabbitmq.channel
        got = iter(lambda: channel.basic_get(queue, auto_ack=True), (None, None, None))
        return [(json.loads(body)["id"], method.redelivered) for method, _, body in got if method and body]

    def declared(self, queue: str) -> str:
        """Declare a queue passively, past the link; return in one word what came of it."""
        try:
            self.sandbox.rabbitmq.channel.queue_declare(queue, passive=True)
        except AMQPError as error:
            return type(error).__name__
        return "there"

    def hang_up(self) -> None:
        self._connected().connection.close()

    def _new_queue(self) -> None:
        """Consumers on connections that were given up are given nothing any more."""
        self._number += 1
        self._queue = self.sandbox.rabbitmq.queue(f"jobs-{self._number}", key="/id")

    def close(self) -> None:
        """Hang up, which pika can do on connections that are no more only: on a dead one it would wait for ever."""
        for one in [*self._left, self._connection]:
            with suppress(AMQPError, OSError):
                if one is not None:
                    one.close()


@contextmanager
def world(kind: type[W], sandbox: Sandbox) -> Iterator[W]:
    """Give such a world, whose first connection is open, and give its connections up at the end."""
    made = kind(sandbox)
    made.call("warm")
    yield made
    sandbox.end()
    made.close()


def soon(look: Callable[[], T], awaited: str, *, within: float = 60) -> T:
    """Wait for what the other side is a moment behind with."""
    return eventually(look, awaited=awaited, within=within)
