"""One queue of RabbitMQ in a sandbox's vhost: sent to, looked at exactly, scanned, its dead letters given back."""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPConnectionError, NackError, UnroutableError

from harness.address import LOOPBACK
from harness.history.events import Event
from harness.model import Link
from harness.sandbox.brokers import DiedError
from harness.sandbox.dead_letters import Arrivals, Counted
from harness.sandbox.queues import Ending, Look, Queue, Typed
from harness.sandbox.things import Usable
from harness.services.parts import Parts
from harness.wire.exchange import digest

if TYPE_CHECKING:
    from harness.sandbox.rabbitmq import RabbitMQ

DIED = ("x-death", "x-first-death-", "x-last-death-")
"""Beginnings of the headers in which RabbitMQ keeps why a message was dead-lettered."""


class RabbitQueue(Queue):
    """A queue in the sandbox's vhost, reached through the default exchange by its name."""

    word = "the RabbitMQ queue"

    def __init__(self, broker: "RabbitMQ", name: str, *, key: str | None, dead_letter: str | None = None) -> None:
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

    def parts(self, port: int, host: str = LOOPBACK) -> Parts:
        """Return the queue's name, and the parts of its broker."""
        return replace(self._broker.parts(port, host), value=self.thing_name, name=self.thing_name)

    def _send(self, payload: bytes, key: str, attributes: Typed, ends: Ending) -> None:
        attempt = self._attempt(payload, key, attributes, ends, "Basic.Publish")
        typed = attributes.items()
        headers: dict[str, Any] = {name: float(text) if kind.startswith("Number") else text for name, (kind, text) in typed}
        properties = pika.BasicProperties(content_type="application/json", delivery_mode=2, headers=headers or None)
        try:
            self._broker.channel.basic_publish("", self.thing_name, payload, properties, mandatory=True)
        except (AMQPConnectionError, DiedError):
            if not self._broker.died:
                raise
        except (UnroutableError, NackError) as error:
            self._context.record(
                Event(kind="refused", queue=self.thing_name, key=attempt.key, wire="Basic.Publish", how=repr(error))
            )
        else:
            self._context.record(Event(kind="acknowledged", queue=self.thing_name, key=attempt.key, wire="Basic.Publish"))

    def _give_back(self, to: Queue, times: int, drop: Set[str]) -> int:
        channel, count = self._broker.channel, 0
        while True:
            method, properties, body = channel.basic_get(self.thing_name)
            if method is None or properties is None or body is None:
                return count
            given = (properties.headers or {}).items()
            headers = {name: value for name, value in given if not name.startswith(DIED) and name not in drop}
            properties.headers = headers or None
            for _ in range(times):
                to._redriven(body, {name: str(value) for name, value in headers.items()})  # noqa: SLF001 (a queue like this one)
                channel.basic_publish("", to.thing_name, body, properties, mandatory=True)
            channel.basic_ack(method.delivery_tag or 0)
            count += 1

    def look(self) -> Look:
        """Return the ready messages by a passive declare: exact, where the management API lags by seconds.

        What is handed out is known from the taps.
        """
        return Look(self._broker.channel.queue_declare(self.thing_name, passive=True).method.message_count)

    def gauge(self) -> Callable[[], int]:
        """Return what tells how many messages are ready, on a connection of its own, so that any thread may ask."""
        opened: list[BlockingChannel] = []

        def ready() -> int:
            if not opened:
                opened.append(self._broker.apart())
            return opened[0].queue_declare(self.thing_name, passive=True).method.message_count

        return ready

    def arrivals(self) -> Arrivals:
        """Return what tells of messages that arrive here: how many, as RabbitMQ shows none without handing it out."""
        return Counted(self._broker.apart, self.thing_name)

    def glance(self, drain: int) -> Event:
        """Write how many messages are ready: to see one would be to hand it out."""
        data: dict[str, object] = {"drain": drain, "ready": self.look().ready}
        return self._context.record(Event(kind="scanned", queue=self.thing_name, data=data))

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
                digest=digest(body),
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
