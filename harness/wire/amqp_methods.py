"""The methods of AMQP 0-9-1 that decide the fate of a message, decoded from their frames. All others are names at most."""

import struct
from functools import lru_cache
from typing import Any, Final

from harness.wire.amqp_values import U16, U32, U64, GarbledError, short_string

PUBLISH: Final = 60 << 16 | 40
RETURN: Final = 60 << 16 | 50
DELIVER: Final = 60 << 16 | 60
GET: Final = 60 << 16 | 70
GET_OK: Final = 60 << 16 | 71
GET_EMPTY: Final = 60 << 16 | 72
ACK: Final = 60 << 16 | 80
REJECT: Final = 60 << 16 | 90
RECOVER_ASYNC: Final = 60 << 16 | 100
RECOVER: Final = 60 << 16 | 110
NACK: Final = 60 << 16 | 120
CONSUME: Final = 60 << 16 | 20
CONSUME_OK: Final = 60 << 16 | 21
CANCEL: Final = 60 << 16 | 30
CANCEL_OK: Final = 60 << 16 | 31
CONFIRM_SELECT: Final = 85 << 16 | 10
DECLARE_OK: Final = 50 << 16 | 11
CHANNEL_OPEN_OK: Final = 20 << 16 | 11
CHANNEL_CLOSE: Final = 20 << 16 | 40
CHANNEL_CLOSE_OK: Final = 20 << 16 | 41
CONNECTION_CLOSE: Final = 10 << 16 | 50
QUEUE_DECLARE: Final = 50 << 16 | 10
TX_SELECT: Final = 90 << 16 | 10
TX_COMMIT: Final = 90 << 16 | 20
TX_COMMIT_OK: Final = 90 << 16 | 21
TX_ROLLBACK: Final = 90 << 16 | 30
TX_ROLLBACK_OK: Final = 90 << 16 | 31

_SPECS = {
    GET: ("H:-", "s:queue", "o:no_ack"),
    RECOVER: ("o:requeue",),
    RECOVER_ASYNC: ("o:requeue",),
    CONSUME: ("H:-", "s:queue", "b:consumer", "o:bits"),
    CONSUME_OK: ("b:consumer",),
    CANCEL: ("b:consumer", "o:-"),
    CANCEL_OK: ("b:consumer",),
    CONFIRM_SELECT: ("o:-",),
    QUEUE_DECLARE: ("H:-", "s:queue", "o:bits"),
    DECLARE_OK: ("s:queue", "I:-", "I:-"),
    CHANNEL_CLOSE: ("H:status", "s:text", "H:-", "H:-"),
    CONNECTION_CLOSE: ("H:status", "s:text", "H:-", "H:-"),
}
_FIXED = {"H": U16, "I": U32, "L": U64, "o": struct.Struct(">B")}
TAG = struct.Struct(">QB")
_SHORTEST_PUBLISH = 9
_COMPILED = {method: tuple(one.split(":") for one in spec) for method, spec in _SPECS.items()}


def decoded(method: int, payload: bytes) -> dict[str, Any]:
    """Return the arguments of a method by name; raises struct.error or IndexError where the frame is too short."""
    found: dict[str, Any] = {}
    at = 4
    for kind, name in _COMPILED[method]:
        if kind == "s":
            found[name], at = short_string(payload, at)
        elif kind == "b":
            end = at + 1 + payload[at]
            found[name], at = payload[at + 1 : end], end
        else:
            form = _FIXED[kind]
            found[name] = form.unpack_from(payload, at)[0]
            at += form.size
    return found


def publication(payload: bytes) -> bytes:
    """Return the route of a Basic.Publish: exchange and routing key as they came, which `route` reads."""
    if len(payload) < _SHORTEST_PUBLISH:
        message = "a Basic.Publish without a route"
        raise GarbledError(message)
    return payload[6:-1]


def got(payload: bytes) -> tuple[int, int, bytes]:
    """Return tag, redelivered and route of a Basic.GetOk."""
    tag, redelivered = TAG.unpack_from(payload, 4)
    return tag, redelivered, payload[4 + TAG.size : -U32.size]


def returned(payload: bytes) -> tuple[int, str, bytes]:
    """Return status, text and route of a Basic.Return."""
    status = U16.unpack_from(payload, 4)[0]
    text, at = short_string(payload, 6)
    return status, text, payload[at:]


def word(payload: bytes) -> tuple[int, int]:
    """Return tag and bits of a Basic.Ack, Basic.Nack or Basic.Reject."""
    tag, bits = TAG.unpack_from(payload, 4)
    return tag, bits


@lru_cache(maxsize=512)
def route(raw: bytes) -> tuple[str, str]:
    """Return exchange and routing key of a message."""
    exchange, at = short_string(raw, 0)
    routing_key, end = short_string(raw, at)
    if end > len(raw):
        message = "a method is shorter than its routing key"
        raise GarbledError(message)
    return exchange, routing_key


def confirm(method: int, tag: int) -> bytes:
    """Return the payload of a broker's Basic.Ack or Basic.Nack of one single publish."""
    return U32.pack(method) + U64.pack(tag) + b"\x00"
