"""RabbitMQ in a sandbox: a vhost of its own, made on first use, and the queues declared in it.

The harness's own connection goes straight to the broker and has no heartbeat: it must outlive any pause of this process.
"""

import contextlib
from collections.abc import Mapping

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPError

from harness.address import LOOPBACK
from harness.errors import UsageError
from harness.history.events import Declaration
from harness.model import Link
from harness.sandbox import contracts
from harness.sandbox.brokers import Brokers
from harness.sandbox.contracts import Contract
from harness.sandbox.effects import Effect, named
from harness.sandbox.options import told_by_name
from harness.sandbox.queues import Role
from harness.sandbox.rabbit_queue import RabbitQueue
from harness.sandbox.things import Context, Usable
from harness.services.parts import Parts
from harness.stack.choice import in_range
from harness.stack.management import Management

KINDS = ("classic", "quorum")
LIMIT_OF_ITS_OWN = 20
"""The delivery limit of quorum queues for which none is declared, from RabbitMQ 4.0 on."""


class RabbitMQ(Usable):
    """The sandbox's own vhost; `queue` declares in it."""

    word = "the broker"

    def __init__(self, context: Context, brokers: Brokers) -> None:
        super().__init__(context, "rabbitmq")
        self._brokers = brokers
        self._starts = 0
        self._connection: pika.BlockingConnection | None = None
        self._channel: BlockingChannel | None = None
        self._implied: set[str] = set()
        stack = context.stack
        self._management = Management(stack.management.host, stack.management.port, stack.user, stack.password)

    @told_by_name
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
        contract: Contract | None = None,
    ) -> RabbitQueue:
        """Declare a durable queue; its dead letters go to the queue `dead_letter`, which is declared too where it is new.

        A queue that is there only as somebody's `dead_letter` can be declared afterwards, say as a retry queue that gives back.
        `ttl` is seconds. `role` says what has become of a message that lies here: by itself "dead-letter" for the target of a
        dead_letter, "retry" for a queue whose messages expire into a work queue, else "work". `contract` is what `conforms` holds
        messages against: an AsyncAPI message object, or its file. Raises UsageError for what is none.
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
            max_receive_count=_limit(kind, delivery_limit, self._context.stack.versions["rabbitmq"]),
            contract=contracts.contract(name, contract),
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

    def _add(self, queue: RabbitQueue, declaration: Declaration) -> None:
        self._context.name(queue)
        declaration.broker = "rabbitmq"
        self._context.declare(declaration)
        self.channel.queue_declare(queue.thing_name, durable=True, arguments=dict(queue.arguments))
        self._brokers.changed(self.thing_name)

    @property
    def channel(self) -> BlockingChannel:
        """The harness's own channel in this vhost, with publisher confirms; the vhost is made on first use.

        Raises StackLostError when the broker is gone; one of this sandbox's own is waited for, if it is to come back.
        """
        starts = self._brokers.starts(self.thing_name)
        if starts != self._starts:
            self._hang_up()
            self._starts = starts
        try:
            if self._connection is None:
                self._open()
            elif self._connection.is_closed or self._channel is None or self._channel.is_closed:
                self._connect()
        except (AMQPError, OSError) as error:
            raise self._brokers.lost(self.thing_name, f"RabbitMQ at {self._context.stack.rabbitmq}", error) from error
        assert self._channel is not None  # noqa: S101 (connected above)
        return self._channel

    @property
    def died(self) -> bool:
        """Whether it may be that it died under a send, which then is in doubt: it is this sandbox's own."""
        return bool(self._starts)

    def _open(self) -> None:
        self._management.create_vhost(self._context.ident)
        self._context.ends.append(self._end)
        self._connect()

    def _connect(self) -> None:
        self._hang_up()  # of a channel that the broker has closed the connection lives on
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
            raise self._brokers.lost(self.thing_name, f"RabbitMQ at {self._context.stack.rabbitmq}", error) from error
        self._context.ends.append(lambda: connection.close() if connection.is_open else None)
        return connection.channel()

    def fresh(self) -> BlockingChannel:
        """Return a channel on a new connection: after a failed passive declare, or so that its close requeues what was read."""
        self._hang_up()
        return self.channel

    def _hang_up(self) -> None:
        with contextlib.suppress(AMQPError):  # the broker may have died since
            if self._connection is not None and self._connection.is_open:
                self._connection.close()

    def _end(self) -> None:
        self._hang_up()
        self._management.delete_vhost(self._context.ident)

    def reach(self, link: Link) -> int:
        """Open the link to the broker; return the port of its near tap."""
        _ = self.channel  # the vhost has to be there before a service connects
        address = self._context.stack.rabbitmq
        return self._context.open(link, "amqp", (address.host, address.port))

    def parts(self, port: int, host: str = LOOPBACK) -> Parts:
        """Return the broker's address on the near tap at `port`."""
        stack, vhost = self._context.stack, self._context.ident
        return Parts(
            value=f"amqp://{stack.user}:{stack.password}@{host}:{port}/{vhost}",
            host=host,
            port=port,
            user=stack.user,
            password=stack.password,
            vhost=vhost,
            name="rabbitmq",
        )


def _limit(kind: str, declared: int | None, version: str) -> int | None:
    """Return how many deliveries that failed a queue of this broker takes back: none is counted by classic queues.

    Quorum queues have a limit of their own from 4.0 on; -1 is none (https://www.rabbitmq.com/docs/quorum-queues).
    """
    if kind != "quorum":
        return declared
    if declared is None:
        return LIMIT_OF_ITS_OWN if in_range(version, ">=4") else None
    return declared if declared >= 0 else None


def _arguments(kind: str, dead_letter: str | None, delivery_limit: int | None, ttl: float | None) -> Mapping[str, object]:
    arguments: dict[str, object] = {} if kind == "classic" else {"x-queue-type": kind}
    if dead_letter is not None:
        arguments |= {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead_letter}
    if delivery_limit is not None:
        arguments["x-delivery-limit"] = delivery_limit
    if ttl is not None:
        arguments["x-message-ttl"] = round(ttl * 1000)
    return arguments
