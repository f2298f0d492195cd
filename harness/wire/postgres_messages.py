"""Where one message of PostgreSQL's protocol 3 ends and the next begins, and what statements a client has executed."""

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

SSL, GSSENC, CANCEL = 80_877_103, 80_877_104, 80_877_102
LONGEST_TOLD = 64 * 1024
"""Bytes of a statement or its parameters that are looked at; what is longer passes like everything, and is cut in the journal."""
LONGEST_STARTUP = 10_000
_HEAD = 5
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/", re.DOTALL)
_WORD = re.compile(r"\s*([A-Za-z]+)(?:\s+([A-Za-z]+))?")


class UnreadablePostgresError(ValueError):
    """These bytes are not the protocol as we understand it; the text says why."""


class Piece(NamedTuple):
    """Bytes that belong to one message, in order; with its last ones, its kind and the beginning of its body."""

    raw: bytes
    kind: str = ""
    body: bytes = b""


class Messages:
    """One direction of a connection. `starting`: the next message has no kind, as a client's first; it is told as `start`."""

    def __init__(self, *, starting: bool) -> None:
        self.starting = starting
        self._head = b""
        self._left = 0
        self._body = bytearray()

    def feed(self, data: bytes) -> Iterator[Piece]:
        """Yield every byte once, in order, cut where messages end. Raises UnreadablePostgresError."""
        at = 0
        while at < len(data):
            begin = at
            if not self._left:
                at = self._read_head(data, at)
            taken = data[at : at + self._left]
            if len(self._body) < LONGEST_TOLD:
                self._body += taken[: LONGEST_TOLD - len(self._body)]
            self._left -= len(taken)
            at += len(taken)
            yield self._whole(data[begin:at]) if len(self._head) == self._size and not self._left else Piece(data[begin:at])

    @property
    def _size(self) -> int:
        return _HEAD - 1 if self.starting else _HEAD

    def _read_head(self, data: bytes, at: int) -> int:
        if len(self._head) == self._size:
            return at
        more = data[at : at + self._size - len(self._head)]
        self._head += more
        if len(self._head) == self._size:
            (length,) = struct.unpack("!i", self._head[-4:])
            if length < 4 or (self.starting and length > LONGEST_STARTUP):  # noqa: PLR2004 (its own four bytes)
                error = f"a message of {length} bytes is not PostgreSQL's"
                raise UnreadablePostgresError(error)
            self._left = length - 4
        return at + len(more)

    def _whole(self, raw: bytes) -> Piece:
        kind = "start" if self.starting else chr(self._head[0])
        body, self._head, self._body = bytes(self._body), b"", bytearray()
        return Piece(raw, kind, body)


class Statement(NamedTuple):
    """One statement that is executed: its first word in capitals, and its text with its parameters, a line each."""

    verb: str
    text: str


class Prepared:
    """What a client has prepared and bound on one connection."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._bound: dict[str, str] = {}

    def take(self, kind: str, body: bytes) -> Iterator[Statement]:
        """Take a message of the client; yield the statements that it executes."""
        if kind == "Q":
            yield from statements(_word(body, 0)[0])
        elif kind == "P":
            name, at = _word(body, 0)
            self._texts[name] = _word(body, at)[0]
        elif kind == "B":
            portal, at = _word(body, 0)
            name, at = _word(body, at)
            self._bound[portal] = "\n".join([self._texts.get(name, ""), *_parameters(body, at)])
        elif kind == "E":
            yield from statements(self._bound.get(_word(body, 0)[0], ""), several=False)


def statements(text: str, *, several: bool = True) -> Iterator[Statement]:
    """Yield the statements of a text; what stands in quotes and comments ends none."""
    bare = _QUOTED.sub(lambda found: " " * len(found.group()), text)
    begin = 0
    for end in [*(found.start() for found in re.finditer(";", bare)), len(bare)] if several else [len(bare)]:
        word = _WORD.match(bare, begin, end)
        if word is not None:
            verb = word.group(1).upper()
            is_partial = verb in ("ROLLBACK", "RELEASE") and (word.group(2) or "").upper() == "TO"
            yield Statement("SAVEPOINT" if is_partial else verb, text[begin:end].strip())
        begin = end + 1


def _word(body: bytes, at: int) -> tuple[str, int]:
    end = body.find(b"\0", at)
    end = len(body) if end < 0 else end
    return body[at:end].decode("utf-8", "replace"), end + 1


def _parameters(body: bytes, at: int) -> Iterator[str]:
    """Yield the parameters of a Bind as text; whole numbers also where they are sent in binary."""
    try:
        (count,) = struct.unpack_from("!h", body, at)
        formats = struct.unpack_from(f"!{count}h", body, at + 2)
        at += 2 + 2 * count
        (count,) = struct.unpack_from("!h", body, at)
        at += 2
        for number in range(count):
            (length,) = struct.unpack_from("!i", body, at)
            at += 4
            is_binary = bool(formats) and formats[number if len(formats) > 1 else 0] == 1
            yield "" if length < 0 else _value(body[at : at + length], is_binary=is_binary)
            at += max(length, 0)
    except (struct.error, IndexError):  # cut off, because it was longer than anybody looks at
        return


def _value(value: bytes, *, is_binary: bool) -> str:
    if is_binary and len(value) in (2, 4, 8):
        return str(int.from_bytes(value, "big", signed=True))
    return value.decode("utf-8", "replace")
