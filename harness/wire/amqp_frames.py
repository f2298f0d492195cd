"""Where one AMQP 0-9-1 frame ends and the next begins. Bodies come in pieces, as they arrive: they are never put together."""

import struct
from collections.abc import Iterable, Iterator
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
_HEADER = struct.Struct(">BHIHHQ")
"""A content header's frame as far as the size of the body."""

_AROUND = _HEAD.size + 1
"""Bytes of a frame around its payload."""

_SHORTEST = 40
"""Bytes of the shortest message that is worth a look."""

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


Whole = tuple[int, bytes, bytes, bytes, int]
"""The frames of a message that lie one behind the other in one chunk: channel, payloads of method, header and body, end."""


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
            at, greeting = self._greet(data)
            yield from greeting
        while at < size:
            frame, at = self._next(data, at)
            if frame is not None:
                yield frame

    def messages(self, data: bytes) -> Iterator[Frame | Whole]:
        """Yield the same as `feed`, but a message whose frames are all here in one piece: that is a third of the work."""
        at, size = 0, len(data)
        if self._greeting is not None and data:
            at, greeting = self._greet(data)
            yield from greeting
        while at < size:
            whole = None if self._owed or self._head else whole_at(data, at, size)
            if whole is not None:
                yield whole
                at = whole[4]
                continue
            frame, at = self._next(data, at)
            if frame is not None:
                yield frame

    def _next(self, data: bytes, at: int) -> tuple[Frame | None, int]:
        """Return the next frame or piece of one, and how far it is; the common case by itself: a frame that is all here."""
        if not (self._owed or self._head) and len(data) - at > _HEAD.size:
            kind, channel, length = _HEAD.unpack_from(data, at)
            end = at + length + _HEAD.size + 1
            if end <= len(data) and kind in _KINDS and data[end - 1] == END:
                return Frame(kind, channel, data[at + _HEAD.size : end - 1], at, end, last=True), end
        return self._part(data, at)

    def _part(self, data: bytes, start: int) -> tuple[Frame | None, int]:
        """Take of a frame what there is of it; return the frame or piece it makes, and how far that is."""
        at = start if self._owed else self._begin(data, start)
        end = min(len(data), at + self._owed)
        return (None if end == at else self._piece(data[at:end], start, end)), end

    def _greet(self, data: bytes) -> tuple[int, Iterable[Frame]]:
        """Read what a connection begins with; a broker begins with a frame, unless it refuses the version."""
        known = self._greeting or b""
        if not known and data[0] != PREFACE:
            self._greeting = None
            return 0, ()
        take = min(len(_GREETING) - len(known), len(data))
        known += data[:take]
        if not _GREETING.startswith(known):
            message = f"a connection that begins with {known!r}, not with AMQP 0-9-1"
            raise GarbledError(message)
        is_greeted = len(known) == len(_GREETING)
        self._greeting = None if is_greeted else known
        return take, [Frame(PREFACE, 0, _GREETING, 0, take, last=True)] if is_greeted else ()

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

    def _piece(self, piece: bytes, start: int, end: int) -> Frame | None:
        self._owed -= len(piece)
        last = not self._owed
        if last:
            if piece[-1] != END:
                message = f"a frame ends in {piece[-1]:#x}, not in 0xce"
                raise GarbledError(message)
            piece = piece[:-1]
        if self._kind != BODY:
            self._parts.append(piece)
            if not last:
                return None
            piece = b"".join(self._parts)
            self._parts.clear()
        return Frame(self._kind, self._channel, piece, start, end, last)


def whole_at(data: bytes, at: int, size: int) -> Whole | None:
    """Return the message at `at`, None where anything is not as it usually is: then it is read frame by frame."""
    if size - at < _SHORTEST or data[at] != METHOD:
        return None
    _, channel, length = _HEAD.unpack_from(data, at)
    header = at + length + _AROUND
    if header + _HEADER.size > size or data[header] != HEADER:
        return None
    _, header_channel, length, _, _, body_size = _HEADER.unpack_from(data, header)
    body = header + length + _AROUND
    end = body + body_size + _AROUND
    if end > size or not body_size or channel != header_channel or data[body : body + 7] != _HEAD.pack(BODY, channel, body_size):
        return None
    if not data[header - 1] == data[body - 1] == data[end - 1] == END:
        return None
    return channel, data[at + 7 : header - 1], data[header + 7 : body - 1], data[body + 7 : end - 1], end


def method_at(data: bytes, at: int, size: int) -> tuple[bytes, int]:
    """Return the payload of the method whose whole frame is at `at`, and where that ends; nothing, and `size`, where none is."""
    if size - at > _AROUND and data[at] == METHOD:
        end = at + _HEAD.unpack_from(data, at)[2] + _AROUND
        if end <= size and data[end - 1] == END:
            return data[at + 7 : end - 1], end
    return b"", size
