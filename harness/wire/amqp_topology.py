"""What a tap on AMQP writes down of exchanges and bindings, far, as they are asked for: where publishes go follows from it."""

from collections.abc import Callable
from typing import Final, Literal

from harness.history.events import Event
from harness.wire.amqp_channel import Channel
from harness.wire.amqp_notes import Notes
from harness.wire.amqp_values import short_string, table

EXCHANGE_DECLARE: Final = 40 << 16 | 10
EXCHANGE_BIND: Final = 40 << 16 | 30
EXCHANGE_UNBIND: Final = 40 << 16 | 40
QUEUE_BIND: Final = 50 << 16 | 20
QUEUE_UNBIND: Final = 50 << 16 | 50
_FIRST = 6
"""Where the arguments begin, behind the name of the method and two bytes that mean nothing."""
_PASSIVE = 1


class Topology:
    """Declarations and bindings of one connection."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes

    @property
    def handlers(self) -> dict[int, Callable[[Channel, bytes], None]]:
        """Return who takes which method of the service."""
        if self._notes.at != "far":
            return {}
        return {
            EXCHANGE_DECLARE: self._declare,
            EXCHANGE_BIND: lambda channel, payload: self._bind("bound", channel, payload, onward=True),
            EXCHANGE_UNBIND: lambda channel, payload: self._bind("unbound", channel, payload, onward=True),
            QUEUE_BIND: lambda channel, payload: self._bind("bound", channel, payload),
            QUEUE_UNBIND: lambda channel, payload: self._bind("unbound", channel, payload, bits=0),
        }

    def _declare(self, channel: Channel, payload: bytes) -> None:
        name, at = short_string(payload, _FIRST)
        kind, at = short_string(payload, at)
        if name and not channel.dead and not payload[at] & _PASSIVE:
            data: dict[str, object] = {"what": "exchange", "name": name, "broker": "rabbitmq", "kind": kind}
            self._notes.record(Event(kind="declared", wire="Exchange.Declare", data=data))

    def _bind(
        self, kind: Literal["bound", "unbound"], channel: Channel, payload: bytes, *, onward: bool = False, bits: int = 1
    ) -> None:
        to, at = short_string(payload, _FIRST)
        exchange, at = short_string(payload, at)
        key, at = short_string(payload, at)
        arguments, _ = table(payload, at + bits)
        if channel.dead:
            return
        data: dict[str, object] = {"exchange": exchange, "routing_key": key, **({"arguments": arguments} if arguments else {})}
        event = Event(kind=kind, data={**data, "to": to} if onward else data)
        event.queue = "" if onward else channel.queue(to)
        self._notes.record(event)
