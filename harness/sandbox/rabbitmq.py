"""RabbitMQ in a sandbox: a vhost of its own, made on first use, and the queues declared in it.

The harness's own connection goes straight to the broker and has no heartbeat: it must outlive any pause of this process.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPError, NackError, UnroutableError

from harness.errors import StackLostError, UsageError
from harness.history.events import Declaration, Event
from harness.model import Link
from harness.sandbox.dead_letters import Arrivals, Counted
from harness.sandbox.effects import Effect, named
from harness.sandbox.queues import Ending, Look, Queue, Role
from harness.sandbox.things import Context, Usable
from harness.services.parts import Parts
from harness.stack.management import Management

KINDS = ("classic", "quorum")
DIED = ("x-death", "x-first-death-", "x-last-death-")
"""Beginnings of the headers in which RabbitMQ keeps why a message was dead-lettered."""


class RabbitMQ(Usable):
    """The sandbox's own vhost; `queue` declares in it."""

    word = "the broker"

    def __init__(self, context: Context) -> None:
        super().__init__(context, "rabbitmq")
        self._connection: pika.BlockingConnection | None = None
        self._channel: BlockingChannel | None = None
        self._implied: set[str] = set()
        stack = context.stack
        self._management = Management(stack.management.host, stack.management.port, stack.user, stack.password)

    def queue(
        self,
        name: str,
        *,
        key: str | None = None,
        effect: Effect = None,
        kind: str = "classic",
        dead_letter: str | None = None,
        delivery_limit: int | None = None,
        ttl: float | None = None,
        role: Role | None = None,
    ) -> "RabbitQueue":
        """Declare a durable queue; its dead letters go to the queue `dead_letter`, which is declared too where it is new.

        A queue that is there only as somebody's `dead_letter` can be declared afterwards, say as a retry queue that gives back.
        `ttl` is seconds. `role` says what has become of a message that lies here: by itself "dead-letter" for the target of a
        dead_letter, "retry" for a queue whose messages expire into a work queue, else "work".
        """
        if kind not in KINDS:
            message = f"kind={kind!r} of queue {name!r}: RabbitMQ has {' and '.join(KINDS)} queues"
            raise UsageError(message)
        if ttl is not None and ttl < 0:
            message = f"ttl={ttl:g} of queue {name!r}: a message cannot live for less than 0 s"
            raise UsageError(message)
        self._take_back(name)
        if dead_letter is not None and dead_letter not in self._context.things:
            self._implied.add(dead_letter)
            self._add(
                RabbitQueue(self, dead_letter, key=key), Declaration(what="queue", name=dead_letter, role="dead-letter", key=key)
            )
        role = role or self._role(dead_letter, ttl)
        made = RabbitQueue(self, name, key=key, dead_letter=dead_letter)
        made.arguments = _arguments(kind, dead_letter, delivery_limit, ttl)
        declaration = Declaration(
            what="queue",
            name=name,
            role=role,
            key=key,
            effects=named(effect),
            dead_letter=dead_letter,
            ttl=ttl,
            kind=kind,
            max_receive_count=delivery_limit,
        )
        self._add(made, declaration)
        return made

    def _take_back(self, name: str) -> None:
        """Delete a queue that nobody declared, so that it can be."""
        if name in self._implied:
            self._implied.remove(name)
            del self._context.things[name]
            self.channel.queue_delete(name)

    def _role(self, dead_letter: str | None, ttl: float | None) -> Role:
        if ttl is None or dead_letter is None:
            return "work"
        target = self._context.declared[dead_letter]
        return "retry" if target.role == "work" else "work"

    def _add(self, queue: "RabbitQueue", declaration: Declaration) -> None:
        self._context.name(queue)
        declaration.broker = "rabbitmq"
        self._context.declare(declaration)
        self.channel.queue_declare(queue.thing_name, durable=True, arguments=dict(queue.arguments))

    @property
    def channel(self) -> BlockingChannel:
        """The harness's own channel in this vhost, with publisher confirms; the vhost is made on first use.

        Raises StackLostError when the broker is gone.
        """
        try:
            if self._connection is None:
                self._open()
            elif self._connection.is_closed or self._channel is None or self._channel.is_closed:
                self._connect()
        except (AMQPError, OSError) as error:
            message = f"RabbitMQ at {self._context.stack.rabbitmq} does not answer any more: {error!r}"
            raise StackLostError(message) from error
        assert self._channel is not None  # noqa: S101 (connected above)
        return self._channel

    def _open(self) -> None:
        self._management.create_vhost(self._context.ident)
        self._context.ends.append(self._end)
        self._connect()

    def _connect(self) -> None:
        self._connection = self._connected()
        self._channel = self._connection.channel()
        self._channel.confirm_delivery()

    def _connected(self) -> pika.BlockingConnection:
        stack = self._context.stack
        return pika.BlockingConnection(
            pika.ConnectionParameters(
                stack.rabbitmq.host,
                stack.rabbitmq.port,
                self._context.ident,
                pika.PlainCredentials(stack.user, stack.password),
                heartbeat=0,
                socket_timeout=10,
                blocked_connection_timeout=30,
            )
        )

    def apart(self) -> BlockingChannel:
        """Return a channel on a connection of its own, for use by one other thread at a time; it ends with this world.

        Raises StackLostError when the broker is gone.
        """
        try:
            connection = self._connected()
        except (AMQPError, OSError) as error:
            message = f"RabbitMQ at {self._context.stack.rabbitmq} does not answer any more: {error!r}"
            raise StackLostError(message) from error
        self._context.ends.append(lambda: connection.close() if connection.is_open else None)
        return connection.channel()

    def fresh(self) -> BlockingChannel:
        """Return a channel on a new connection: after a failed passive declare, or so that its close requeues what was read."""
        if self._connection is not None and self._connection.is_open:
            self._connection.close()
        return self.channel

    def _end(self) -> None:
        if self._connection is not None and self._connection.is_open:
            self._connection.close()
        self._management.delete_vhost(self._context.ident)

    def reach(self, link: Link) -> int:
        """Open the link to the broker; return the port of its near tap."""
        _ = self.channel  # the vhost has to be there before a service connects
        address = self._context.stack.rabbitmq
        return self._context.open(link, "amqp", (address.host, address.port))

    def parts(self, port: int) -> Parts:
        """Return the broker's address on the near tap at `port`."""
        stack, vhost = self._context.stack, self._context.ident
        return Parts(
            value=f"amqp://{stack.user}:{stack.password}@127.0.0.1:{port}/{vhost}",
            host="127.0.0.1",
            port=port,
            user=stack.user,
            password=stack.password,
            vhost=vhost,
            name="rabbitmq",
        )


def _arguments(kind: str, dead_letter: str | None, delivery_limit: int | None, ttl: float | None) -> Mapping[str, object]:
    arguments: dict[str, object] = {} if kind == "classic" else {"x-queue-type": kind}
    if dead_letter is not None:
        arguments |= {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead_letter}
    if delivery_limit is not None:
        arguments["x-delivery-limit"] = delivery_limit
    if ttl is not None:
        arguments["x-message-ttl"] = round(ttl * 1000)
    return arguments


class RabbitQueue(Queue):
    """A queue in the sandbox's vhost, reached through the default exchange by its name."""

    word = "the RabbitMQ queue"

    def __init__(self, broker: RabbitMQ, name: str, *, key: str | None, dead_letter: str | None = None) -> None:
        super().__init__(broker._context, name, key=key, dead_letter=dead_letter)  # noqa: SLF001 (one sandbox, one context)
        self._broker = broker
        self.arguments: Mapping[str, object] = {}

    @property
    def road(self) -> Usable:
        """The broker: a queue is reached over its link."""
        return self._broker

    def reach(self, link: Link) -> int:
        """Open the link to the broker; return the port of its near tap."""
        return self._broker.reach(link)

    def parts(self, port: int) -> Parts:
        """Return the queue's name, and the parts of its broker."""
        return replace(self._broker.parts(port), value=self.thing_name, name=self.thing_name)

    def _send(self, payload: bytes, key: str, attributes: Mapping[str, str], ends: Ending) -> None:
        attempt = self._attempt(payload, key, attributes, ends, "Basic.Publish")
        properties = pika.BasicProperties(content_type="application/json", delivery_mode=2, headers=dict(attributes) or None)
        try:
            self._broker.channel.basic_publish("", self.thing_name, payload, properties, mandatory=True)
        except (UnroutableError, NackError) as error:
            self._context.record(
                Event(kind="refused", queue=self.thing_name, key=attempt.key, wire="Basic.Publish", how=repr(error))
            )
            return
        self._context.record(Event(kind="acknowledged", queue=self.thing_name, key=attempt.key, wire="Basic.Publish"))

    def _give_back(self, to: Queue) -> int:
        channel, count = self._broker.channel, 0
        while True:
            method, properties, body = channel.basic_get(self.thing_name)
            if method is None or properties is None or body is None:
                return count
            headers = {name: value for name, value in (properties.headers or {}).items() if not name.startswith(DIED)}
            to._redriven(body, {name: str(value) for name, value in headers.items()})  # noqa: SLF001 (a queue like this one)
            properties.headers = headers or None
            channel.basic_publish("", to.thing_name, body, properties, mandatory=True)
            channel.basic_ack(method.delivery_tag or 0)
            count += 1

    def look(self) -> Look:
        """Return the ready messages by a passive declare: exact, where the management API lags by seconds.

        What is handed out is known from the taps.
        """
        return Look(self._broker.channel.queue_declare(self.thing_name, passive=True).method.message_count)

    def arrivals(self) -> Arrivals:
        """Return what tells of messages that arrive here: how many, as RabbitMQ shows none without handing it out."""
        return Counted(self._broker.apart, self.thing_name)

    def scan(self) -> int:
        """Write every message still in the queue into the journal; closing the connection puts them back."""
        channel, count = self._broker.channel, 0
        while True:
            method, properties, body = channel.basic_get(self.thing_name)
            if method is None or properties is None or body is None:
                break
            count += 1
            self._residue(properties, body)
        self._context.record(Event(kind="scanned", queue=self.thing_name, data={"messages": count}))
        self._broker.fresh()
        return count

    def _residue(self, properties: pika.BasicProperties, body: bytes) -> None:
        headers = dict(properties.headers or {})
        texts = {name: str(value) for name, value in headers.items()}
        found = self._key.find(body, fields=texts) if self._key else None
        self._context.record(
            Event(
                kind="residue",
                queue=self.thing_name,
                key=found or (f"id:{properties.message_id}" if properties.message_id else ""),
                mid=properties.message_id or "",
                size=len(body),
                body=body[:1024].decode("utf-8", "replace"),
                headers={name: _plain(value) for name, value in headers.items()} or None,
            )
        )


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [_plain(one) for one in value]
    if isinstance(value, (str, float, bool)) or value is None:
        return value
    return int(value) if isinstance(value, int) else str(value)  # pika has integers of a class of its own
