"""How AMQP 0-9-1 puts values on the wire: strings, tables, the properties of a message. Decoding only, but for one table.

Read from the specification and RabbitMQ's errata (the type letters of tables), in the forms RabbitMQ and its clients send.
"""

import base64
import struct
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

U16 = struct.Struct(">H")
U32 = struct.Struct(">I")
U64 = struct.Struct(">Q")

HEADERS = 0x2000
_MORE_FLAGS = 0x0001
_PROPERTIES = (
    (0x8000, "content_type", "s"), (0x4000, "content_encoding", "s"), (HEADERS, "headers", "F"), (0x1000, "delivery_mode", "B"),
    (0x0800, "priority", "B"), (0x0400, "correlation_id", "s"), (0x0200, "reply_to", "s"), (0x0100, "expiration", "s"),
    (0x0080, "message_id", "s"), (0x0040, "timestamp", "T"), (0x0020, "type", "s"), (0x0010, "user_id", "s"),
    (0x0008, "app_id", "s"), (0x0004, "cluster_id", "s"),
)  # fmt: skip
_FIXED = {
    ord(letter): struct.Struct(f">{form}")
    for letter, form in (
        ("t", "?"), ("b", "b"), ("B", "B"), ("s", "h"), ("u", "H"), ("I", "i"), ("i", "I"), ("l", "q"), ("L", "q"),
        ("f", "f"), ("d", "d"), ("T", "Q"),
    )
}  # fmt: skip
_INT64 = _FIXED[ord("l")]
_DOUBLE = _FIXED[ord("d")]
_DEEPEST = 32
_DECIMAL = struct.Struct(">Bi")

_SMALL = 512
"""Bytes of a table that is kept to be found again."""


Text = str | tuple[str, str]
"""What is put into a table: a text, or with a type in the words of SQS (String, Number, Binary as base64)."""


class GarbledError(ValueError):
    """These bytes are not AMQP 0-9-1 as we understand it; the text says why."""


def short_string(data: bytes, at: int) -> tuple[str, int]:
    """Return the short string at `at`, and where the next value begins."""
    end = at + 1 + data[at]
    return data[at + 1 : end].decode("utf-8", "replace"), end


def table(data: bytes, at: int, depth: int = 0) -> tuple[dict[str, Any], int]:
    """Return the table at `at`, and where the next value begins."""
    found: dict[str, Any] = {}
    for name, kind, begin, _ in _entries(data, at, depth):
        found[name] = _value(data, kind, begin, depth + 1)[0]
    return found, at + 4 + int(U32.unpack_from(data, at)[0])


def changed_table(data: bytes, at: int, drop: frozenset[str], put: Mapping[str, Text]) -> bytes:
    """Return the table at `at` without the names in `drop`, with those in `put`; all else byte for byte."""
    gone = drop | put.keys()
    kept = []
    at_entry = at + 4
    for name, _, _, end in _entries(data, at, 0):
        if name not in gone:
            kept.append(data[at_entry:end])
        at_entry = end
    return table_of(b"".join(kept), put)


def table_of(entries: bytes, put: Mapping[str, Text]) -> bytes:
    """Return a table of ready-made entries and further ones."""
    for name, value in put.items():
        label = name.encode()
        entries += bytes([len(label)]) + label + _field(value)
    return U32.pack(len(entries)) + entries


def _field(value: Text) -> bytes:
    """Return a text as it stands in a table, in the type of AMQP that is nearest to SQS's: long string, int64, double, bytes."""
    kind, text = ("String", value) if isinstance(value, str) else value
    form = kind.partition(".")[0]
    if form == "Number":
        return b"l" + _INT64.pack(int(text)) if _is_int64(text) else b"d" + _DOUBLE.pack(float(text))
    raw = base64.b64decode(text) if form == "Binary" else text.encode()
    return (b"x" if form == "Binary" else b"S") + U32.pack(len(raw)) + raw


def _is_int64(text: str) -> bool:
    try:
        return -(2**63) <= int(text) < 2**63
    except ValueError:
        return False


def _entries(data: bytes, at: int, depth: int) -> Iterator[tuple[str, int, int, int]]:
    """Yield name, type letter, begin of the value and end of each entry."""
    end = at + 4 + U32.unpack_from(data, at)[0]
    at += 4
    if end > len(data):
        message = "a table is longer than its frame"
        raise GarbledError(message)
    while at < end:
        name, at = short_string(data, at)
        kind, begin = data[at], at + 1
        at = _end(data, kind, begin, depth + 1)
        yield name, kind, begin, at


def _end(data: bytes, kind: int, at: int, depth: int) -> int:
    fixed = _FIXED.get(kind)
    if fixed is not None:
        return at + fixed.size
    if kind in b"SxFA":
        return at + 4 + int(U32.unpack_from(data, at)[0])
    return _value(data, kind, at, depth)[1]


def _value(data: bytes, kind: int, at: int, depth: int) -> tuple[Any, int]:
    fixed = _FIXED.get(kind)
    if fixed is not None:
        return fixed.unpack_from(data, at)[0], at + fixed.size
    if depth > _DEEPEST:
        message = f"tables nested more than {_DEEPEST} deep"
        raise GarbledError(message)
    if kind in b"Sx":
        end = at + 4 + U32.unpack_from(data, at)[0]
        text = data[at + 4 : end]
        return (text.hex() if kind == ord("x") else str(text, "utf-8", "replace")), end
    return _nested(data, kind, at, depth)


def _nested(data: bytes, kind: int, at: int, depth: int) -> tuple[Any, int]:
    if kind == ord("F"):
        return table(data, at, depth)
    if kind == ord("A"):
        return _array(data, at, depth)
    if kind == ord("V"):
        return None, at
    if kind == ord("D"):
        scale, number = _DECIMAL.unpack_from(data, at)
        return number / 10**scale, at + _DECIMAL.size
    message = f"a table holds a value of the unknown type {chr(kind)!r}"
    raise GarbledError(message)


def _array(data: bytes, at: int, depth: int) -> tuple[list[Any], int]:
    end = at + 4 + U32.unpack_from(data, at)[0]
    if end > len(data):
        message = "an array is longer than its frame"
        raise GarbledError(message)
    at += 4
    values = []
    while at < end:
        value, at = _value(data, data[at], at + 1, depth + 1)
        values.append(value)
    return values, at


@lru_cache(maxsize=512)
def _same_table(table_: bytes) -> dict[str, Any]:
    """Return a small table, the same object for the same bytes: most messages carry the headers of the one before."""
    return table(table_, 0)[0]


@lru_cache(maxsize=256)
def _present(flags: int) -> tuple[tuple[str, str], ...]:
    """Return name and kind of the properties these flags announce; a service uses few combinations."""
    return tuple((name, kind) for flag, name, kind in _PROPERTIES if flags & flag)


def properties(payload: bytes, **found: Any) -> dict[str, Any]:
    """Return what is given, and the properties of a content header frame: `headers` among them, which nobody is to change."""
    flags = U16.unpack_from(payload, 12)[0]
    if flags & _MORE_FLAGS:
        message = "a content header with more than sixteen properties"
        raise GarbledError(message)
    at = 14
    for name, kind in _present(flags):
        if kind == "s":
            found[name], at = short_string(payload, at)
        elif kind == "F":
            end = at + 4 + U32.unpack_from(payload, at)[0]
            found[name] = _same_table(payload[at:end]) if end - at <= _SMALL else table(payload, at)[0]
            at = end
        else:
            found[name], at = _value(payload, ord(kind), at, 0)
    if at > len(payload):
        message = "a content header is shorter than its properties"
        raise GarbledError(message)
    return found


def with_headers(payload: bytes, drop: frozenset[str], put: Mapping[str, Text]) -> bytes:
    """Return a content header frame's payload with other headers; every other byte is as it was."""
    flags = U16.unpack_from(payload, 12)[0]
    at = 14
    for flag in (0x8000, 0x4000):
        if flags & flag:
            at += 1 + payload[at]
    if flags & HEADERS:
        end = at + 4 + U32.unpack_from(payload, at)[0]
        return payload[:at] + changed_table(payload, at, drop, put) + payload[end:]
    return payload[:12] + U16.pack(flags | HEADERS) + payload[14:at] + table_of(b"", put) + payload[at:]
