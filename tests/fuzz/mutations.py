"""What the fuzzer changes: bytes at random, and the parts of a frame or of an HTTP message with its length put right again.

A stream whose framing is broken is given up at once, and little behind the framing is reached; so most changes keep it whole.
"""

import random  # noqa: TID251 (a million draws in seconds; a seed and a number replay every one of them)
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from harness.wire.amqp_frames import framed
from tests.wire import amqp_bytes
from tests.wire.recorded import Side, Stream

EDGES = (0x00, 0x01, 0x7F, 0x80, 0xCE, 0xFF, 0x0D, 0x0A, 0x22, 0x3A, 0x7B, 0x5D)
NUMBERS = tuple(number.to_bytes(size, "big") for size in (2, 4, 8) for number in (0, 1, 2 ** (8 * size - 1), 2 ** (8 * size) - 1))
WORDS = (
    b"\r\n", b"\x00", b"null", b"[]", b"{}", b'""', b"-1", b"99999999999999999999", b"1e999", b"%00", b"&a=", b"\xed\xa0\x80",
    b"&#0;",
)  # fmt: skip
LENGTH = re.compile(rb"(?i)content-length: *[0-9]+")
KEPT_WHOLE = 0.8
"""How often the length of what was changed is put right."""


class Piece(NamedTuple):
    """What one side said until the other spoke, in parts of which one may be changed; `fit` puts them together again."""

    side: Side
    parts: tuple[bytes, ...]
    fit: Callable[[Sequence[bytes]], bytes]


def pieces(stream: Stream) -> list[Piece]:
    """Return a recorded stream in parts."""
    split = _frames if stream.protocol == "amqp" else _messages
    return [split(side, data) for side, data in stream.said]


def _frames(side: Side, data: bytes) -> Piece:
    if data.startswith(b"AMQP"):
        return Piece(side, (data,), b"".join)
    whole = amqp_bytes.frames(data)
    heads = [(one[0], int.from_bytes(one[1:3], "big")) for one in whole]
    return Piece(side, tuple(one[7:-1] for one in whole), partial(_framed, heads))


def _framed(heads: Sequence[tuple[int, int]], payloads: Sequence[bytes]) -> bytes:
    return b"".join(framed(kind, channel, payload) for (kind, channel), payload in zip(heads, payloads, strict=True))


def _messages(side: Side, data: bytes) -> Piece:
    head, end, body = data.partition(b"\r\n\r\n")
    return Piece(side, (head + end, body), _fitted)


def _fitted(parts: Sequence[bytes]) -> bytes:
    head, body = parts
    return LENGTH.sub(b"Content-Length: %d" % len(body), head, count=1) + body


class Mutator:
    """Changes pieces; what it does with the nth depends on the seed alone."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 (nothing is kept secret with it)
        self._changes = (self._edge, self._flip, self._cut, self._double, self._word, self._number, self._noise)

    def mutated(self, piece: Piece) -> bytes:
        """Return the piece with one of its parts changed, once or a few times."""
        draw = self._random.random
        parts = list(piece.parts)
        if draw() > KEPT_WHOLE:
            return self._changed(piece.fit(parts))
        at = int(draw() * len(parts))
        parts[at] = self._changed(parts[at])
        return piece.fit(parts)

    def picked(self, most: int) -> int:
        """Return a number below `most`."""
        return int(self._random.random() * most)

    def _changed(self, data: bytes) -> bytes:
        draw = self._random.random
        changes = self._changes
        data = changes[int(draw() * len(changes))](data, int(draw() * (len(data) + 1)))
        while draw() < 0.3:
            data = changes[int(draw() * len(changes))](data, int(draw() * (len(data) + 1)))
        return data

    def _edge(self, data: bytes, at: int) -> bytes:
        return data[:at] + bytes((EDGES[self.picked(len(EDGES))],)) + data[at + 1 :]

    def _flip(self, data: bytes, at: int) -> bytes:
        return data[:at] + bytes((data[at] ^ (1 << self.picked(8)),)) + data[at + 1 :] if at < len(data) else data

    def _cut(self, data: bytes, at: int) -> bytes:
        return data[:at] + data[at + 1 + self.picked(8) :]

    def _double(self, data: bytes, at: int) -> bytes:
        return data[: at + 1 + self.picked(16)] + data[at:]

    def _word(self, data: bytes, at: int) -> bytes:
        return data[:at] + WORDS[self.picked(len(WORDS))] + data[at:]

    def _number(self, data: bytes, at: int) -> bytes:
        number = NUMBERS[self.picked(len(NUMBERS))]
        return data[:at] + number + data[at + len(number) :]

    def _noise(self, data: bytes, at: int) -> bytes:
        return data[:at] + self._random.randbytes(1 + self.picked(6)) + data[at:]
