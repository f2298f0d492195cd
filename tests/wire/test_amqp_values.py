"""Tables and properties of AMQP 0-9-1, from literal bytes of the specification."""

import struct

import pytest

from harness.wire.amqp_values import GarbledError, properties, table, with_headers

EVERY_TYPE = b"".join(
    b"\x01" + name + name + value
    for name, value in (
        (b"t", b"\x01"), (b"b", b"\xff"), (b"B", b"\xff"), (b"s", b"\xff\xfe"), (b"u", b"\xff\xfe"), (b"I", b"\xff" * 4),
        (b"i", b"\xff" * 4), (b"l", b"\xff" * 8), (b"L", b"\xff" * 8), (b"f", b"\x3f\xc0\x00\x00"),
        (b"d", b"\x40\x04" + bytes(6)),
        (b"D", b"\x02\x00\x00\x01\x3b"), (b"S", b"\x00\x00\x00\x02hi"), (b"x", b"\x00\x00\x00\x02\x00\xff"),
        (b"A", b"\x00\x00\x00\x05t\x00Vb\x07"), (b"T", bytes(7) + b"\x09"), (b"F", b"\x00\x00\x00\x04\x01at\x01"), (b"V", b""),
    )
)  # fmt: skip
VALUES = {
    "t": True, "b": -1, "B": 255, "s": -2, "u": 65534, "I": -1, "i": 4294967295, "l": -1, "L": -1, "f": 1.5, "d": 2.5, "D": 3.15,
    "S": "hi", "x": "00ff", "A": [False, None, 7], "T": 9, "F": {"a": True}, "V": None,
}  # fmt: skip


def sized(entries: bytes) -> bytes:
    return struct.pack(">I", len(entries)) + entries


def header(flags: int, values: bytes) -> bytes:
    return struct.pack(">HHQH", 60, 0, 5, flags) + values


def nested(depth: int) -> bytes:
    inner = b""
    for _ in range(depth):
        inner = b"\x01aF" + sized(inner)
    return inner


def test_every_type_of_a_table_is_read() -> None:
    assert table(b"??" + sized(EVERY_TYPE), 2) == (VALUES, 2 + 4 + len(EVERY_TYPE))


def test_every_property_is_read_in_its_order() -> None:
    values = b"\x02ct\x02ce" + sized(b"\x01at\x01") + b"\x02\x07" + b"\x02ci\x02rt\x02ex\x02mi" + b"\x00" * 7 + b"\x09"
    assert properties(header(0xFFFC, values + b"\x02ty\x02us\x02ap\x02cl")) == {
        "content_type": "ct", "content_encoding": "ce", "headers": {"a": True}, "delivery_mode": 2, "priority": 7,
        "correlation_id": "ci", "reply_to": "rt", "expiration": "ex", "message_id": "mi", "timestamp": 9, "type": "ty",
        "user_id": "us", "app_id": "ap", "cluster_id": "cl",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("payload", "sentence"),
    [
        (header(0x2000, sized(b"\x01a?")), "unknown type"),
        (header(0x2000, sized(b"\x01aF" + b"\x00\x00\xff\xff")), "longer than its frame"),
        (header(0x2000, sized(b"\x01aA" + b"\x00\x00\xff\xff")), "longer than its frame"),
        (header(0x2000, b"\x00\x00\xff\xff"), "longer than its frame"),
        (header(0x2000, sized(nested(50))), "nested more than"),
        (header(0x8000, b"\x09short"), "shorter than its properties"),
        (header(0x0001, b"\x00\x00"), "more than sixteen"),
    ],
    ids=["type", "inner-table", "array", "table", "depth", "string", "flags"],
)
def test_what_cannot_be_is_said(payload: bytes, sentence: str) -> None:
    with pytest.raises(GarbledError, match=sentence):
        properties(payload)


def test_other_headers_leave_every_other_byte_as_it_was() -> None:
    before = header(0xF000, b"\x02ct\x02ce" + sized(EVERY_TYPE) + b"\x02")
    after = with_headers(before, frozenset({"S", "absent"}), {"x": "new", "y": "1"})
    gone = {name: value for name, value in VALUES.items() if name not in ("S", "x")}
    assert properties(after)["headers"] == {**gone, "x": "new", "y": "1"}
    assert {**properties(after), "headers": None} == {**properties(before), "headers": None}
    assert with_headers(before, frozenset(), {}) == before


def test_a_message_without_properties_gets_headers() -> None:
    assert properties(with_headers(header(0, b""), frozenset(), {"a": "1"})) == {"headers": {"a": "1"}}


def test_typed_texts_stand_in_a_table_in_the_nearest_type_of_amqp() -> None:
    typed = {
        "n": ("Number.int", "-7"),
        "d": ("Number", "1.5"),
        "big": ("Number", str(2**63)),
        "b": ("Binary", "AAE="),
        "s": ("String", "x"),
    }
    found = properties(with_headers(header(0, b""), frozenset(), typed))["headers"]
    assert found == {"n": -7, "d": 1.5, "big": float(2**63), "b": "0001", "s": "x"}
