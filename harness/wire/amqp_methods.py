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
CONFIRM_SELECT: Final = 85 << 16 | 10
DECLARE_OK: Final = 50 << 16 | 11
CHANNEL_OPEN_OK: Final = 20 << 16 | 11
CHANNEL_CLOSE: Final = 20 << 16 | 40
CHANNEL_CLOSE_OK: Final = 20 << 16 | 41
CONNECTION_CLOSE: Final = 10 << 16 | 50
TX_SELECT: Final = 90 << 16 | 10

_SPECS = {
    RETURN: ("H:status", "s:text", "s:exchange", "s:routing_key"),
    GET: ("H:-", "s:queue", "o:no_ack"),
    GET_OK: ("L:tag", "o:redelivered", "s:exchange", "s:routing_key", "I:-"),
    RECOVER: ("o:requeue",),
    RECOVER_ASYNC: ("o:requeue",),
    CONSUME: ("H:-", "s:queue", "s:consumer", "o:bits"),
    CONSUME_OK: ("s:consumer",),
    CANCEL: ("s:consumer", "o:-"),
    CONFIRM_SELECT: ("o:-",),
    DECLARE_OK: ("s:queue", "I:-", "I:-"),
    CHANNEL_CLOSE: ("H:status", "s:text", "H:-", "H:-"),
    CONNECTION_CLOSE: ("H:status", "s:text", "H:-", "H:-"),
}
_FIXED = {"H": U16, "I": U32, "L": U64, "o": struct.Struct(">B")}
_TAG = struct.Struct(">QB")
_COMPILED = {method: tuple(one.split(":") for one in spec) for method, spec in _SPECS.items()}


def decoded(method: int, payload: bytes) -> dict[str, Any]:
    """Return the arguments of a method by name; raises struct.error or IndexError where the frame is too short."""
    found: dict[str, Any] = {}
    at = 4
    for kind, name in _COMPILED[method]:
        if kind == "s":
            found[name], at = short_string(payload, at)
        else:
            form = _FIXED[kind]
            found[name] = form.unpack_from(payload, at)[0]
            at += form.size
    return found


def delivery(payload: bytes) -> dict[str, Any]:
    """Return the arguments of a Basic.Deliver; like the two below by itself, because every message has one."""
    consumer, at = short_string(payload, 4)
    tag, redelivered = _TAG.unpack_from(payload, at)
    exchange, routing_key = _route(payload[at + _TAG.size :])
    return {"consumer": consumer, "tag": tag, "redelivered": redelivered, "exchange": exchange, "routing_key": routing_key}


def publication(payload: bytes) -> dict[str, Any]:
    """Return the arguments of a Basic.Publish; what it wants of the broker besides is not looked at."""
    exchange, routing_key = _route(payload[6:-1])
    return {"exchange": exchange, "routing_key": routing_key}


def word(payload: bytes) -> tuple[int, int]:
    """Return tag and bits of a Basic.Ack, Basic.Nack or Basic.Reject."""
    tag, bits = _TAG.unpack_from(payload, 4)
    return tag, bits


@lru_cache(maxsize=512)
def _route(raw: bytes) -> tuple[str, str]:
    exchange, at = short_string(raw, 0)
    routing_key, end = short_string(raw, at)
    if end > len(raw):
        message = "a method is shorter than its routing key"
        raise GarbledError(message)
    return exchange, routing_key


def confirm(method: int, tag: int) -> bytes:
    """Return the payload of a broker's Basic.Ack or Basic.Nack of one single publish."""
    return U32.pack(method) + U64.pack(tag) + b"\x00"
