"""Where one AMQP 0-9-1 frame ends and the next begins. Bodies come in pieces, as they arrive: they are never put together."""

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from harness.wire.amqp_values import GarbledError

METHOD: Final = 1
HEADER: Final = 2
BODY: Final = 3
HEARTBEAT: Final = 8
PREFACE: Final = ord("A")
END: Final = 0xCE

LONGEST_KEPT = 1024 * 1024
"""Bytes of a method or header that are put together; clients negotiate frames of 128 KiB, so more is no AMQP."""

_HEAD = struct.Struct(">BHI")
_GREETING = b"AMQP\x00\x00\x09\x01"
_KINDS = (METHOD, HEADER, BODY, HEARTBEAT)


class Frame(NamedTuple):
    """A frame, or a piece of a body frame: `start` and `end` are its bytes in the chunk just fed; `last`: the frame ends here."""

    kind: int
    channel: int
    payload: bytes
    start: int
    end: int
    last: bool


def framed(kind: int, channel: int, payload: bytes) -> bytes:
    """Return a whole frame."""
    return _HEAD.pack(kind, channel, len(payload)) + payload + b"\xce"


class Frames:
    """One direction of one connection."""

    def __init__(self) -> None:
        self._greeting: bytes | None = b""
        self._head = b""
        self._kind = 0
        self._channel = 0
        self._owed = 0
        self._parts: list[bytes] = []

    @property
    def inside(self) -> bool:
        """Tell whether a frame has begun that is not complete."""
        return bool(self._owed or self._head or self._greeting)

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Yield what is whole; raises GarbledError at the first byte that cannot be AMQP 0-9-1."""
        at, size = 0, len(data)
        if self._greeting is not None and data:
            at, is_greeted = self._greet(data)
            if is_greeted:
                yield Frame(PREFACE, 0, _GREETING, 0, at, last=True)
        start = at
        while at < size:
            if not self._owed:
                start, at = (at if not self._head else 0), self._begin(data, at)
                if not self._owed:
                    return
            if self._owed <= size - at and not self._parts:
                end = at + self._owed
                _check_end(data[end - 1])
                yield Frame(self._kind, self._channel, data[at : end - 1], start, end, last=True)
                at, self._owed = end, 0
                continue
            end = min(size, at + self._owed)
            if end > at:
                yield from self._piece(data[at:end], start, end)
            at = start = end

    def _greet(self, data: bytes) -> tuple[int, bool]:
        """Read what a connection begins with; a broker begins with a frame, unless it refuses the version."""
        known = self._greeting or b""
        if not known and data[0] != PREFACE:
            self._greeting = None
            return 0, False
        take = min(len(_GREETING) - len(known), len(data))
        known += data[:take]
        if not _GREETING.startswith(known):
            message = f"a connection that begins with {known!r}, not with AMQP 0-9-1"
            raise GarbledError(message)
        is_greeted = len(known) == len(_GREETING)
        self._greeting = None if is_greeted else known
        return take, is_greeted

    def _begin(self, data: bytes, at: int) -> int:
        """Read a frame's head at `at`, or as much of it as there is; return where its payload begins."""
        take = _HEAD.size - len(self._head)
        head = self._head + data[at : at + take] if self._head or len(data) - at < take else data[at : at + take]
        if len(head) < _HEAD.size:
            self._head = head
            return len(data)
        self._head = b""
        self._kind, self._channel, length = _HEAD.unpack(head)
        if self._kind not in _KINDS or (self._kind != BODY and length > LONGEST_KEPT):
            message = f"no frame of AMQP 0-9-1 begins with {head!r}"
            raise GarbledError(message)
        self._owed = length + 1
        return at + take

    def _piece(self, piece: bytes, start: int, end: int) -> Iterator[Frame]:
        self._owed -= len(piece)
        last = not self._owed
        if last:
            _check_end(piece[-1])
            piece = piece[:-1]
        if self._kind == BODY:
            yield Frame(BODY, self._channel, piece, start, end, last)
            return
        self._parts.append(piece)
        if last:
            whole = b"".join(self._parts)
            self._parts.clear()
            yield Frame(self._kind, self._channel, whole, start, end, last=True)


def _check_end(byte: int) -> None:
    if byte != END:
        message = f"a frame ends in {byte:#x}, not in 0xce"
        raise GarbledError(message)
