"""Head and body of a request that came one after the other, put together again before they go on.

Many clients (botocore is one) send a head and then its body. Each part that goes on by itself wakes up everybody behind it, who
can do nothing with a head alone: over a whole link that is a tenth of a call. Only bytes are counted here; nothing is read.
"""

import re

PATIENCE = 0.01
"""Seconds after which a request whose rest has not come goes on in parts, as it came."""

LONGEST = 64 * 1024
"""Bytes of a request that are kept together; of a longer one every part goes on as it comes."""

LONGEST_HEAD = 8 * 1024
LONGEST_NUMBER = 9
_BEGINNINGS = (b"POST ", b"GET ")
_LENGTH = b"\r\nContent-Length: "
_BLANK_LINE = re.compile(rb"\n\r?\n")
_FRAMING = re.compile(rb"\n(content-length|expect|transfer-encoding|upgrade)[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE)
_UNKNOWN, _NEVER = 0, -1


class Gathered:
    """The requests of one connection. Once it cannot be told where one ends, everything goes on as it comes.

    `began` counts the requests that had to be waited for.
    """

    def __init__(self) -> None:
        self.began = 0
        self._kept = bytearray()
        self._size = _UNKNOWN
        self._owed = 0
        self._follows = True

    @property
    def waits(self) -> bool:
        """Whether bytes wait here for the rest of their request."""
        return bool(self._kept)

    def take(self, data: bytes) -> bytes:
        """Return what goes on now: a whole request, nothing while its rest is awaited, or the bytes as they came."""
        if not self._follows:
            return data
        if self._owed:
            return self._rest_of_long(data)
        if self._kept:
            self._kept += data
            if len(self._kept) < self._size:
                return b""
            data = bytes(self._kept)
        elif is_plainly_whole(data):
            return data
        size = self._size or _size(data)
        if size == len(data):
            self._forget()
            return data
        return self._apart(data, size)

    def give_up(self) -> bytes:
        """Return the bytes that wait, to go on without their rest; that goes on as it comes."""
        data = bytes(self._kept)
        self._owed = max(0, self._size - len(data))
        self._follows = self._owed > 0
        self._forget()
        return data

    def _forget(self) -> None:
        self._kept, self._size = bytearray(), _UNKNOWN

    def _apart(self, data: bytes, size: int) -> bytes:
        """Take what is not exactly one request."""
        is_part = size == _UNKNOWN or size > len(data)
        if is_part and size <= LONGEST:
            self.began += not self._kept
            self._size = size
            self._kept = self._kept or bytearray(data)
            return b""
        self._forget()
        self._follows = is_part
        self._owed = size - len(data) if is_part else 0
        return data

    def _rest_of_long(self, data: bytes) -> bytes:
        self._owed -= len(data)
        self._follows = self._owed >= 0  # where more came than was owed, the next one has begun somewhere in it
        return data


def is_plainly_whole(data: bytes) -> bool:
    """Tell in a tenth of the time whether these bytes are one request, as almost every client writes it."""
    head = data.find(b"\r\n\r\n") + 4
    place = data.find(_LENGTH, 0, head) + len(_LENGTH)
    if place < len(_LENGTH) or not data.startswith(_BEGINNINGS):
        return False
    length = data[place : data.find(b"\r\n", place)]
    return length.isdigit() and len(length) <= LONGEST_NUMBER and head + int(length) == len(data)


def _size(data: bytes) -> int:
    """Return how long the request is that begins here."""
    if not data.startswith(_BEGINNINGS):
        return _UNKNOWN if any(one.startswith(data) for one in _BEGINNINGS) else _NEVER
    blank = _BLANK_LINE.search(data)
    if blank is None:
        return _UNKNOWN if len(data) <= LONGEST_HEAD else _NEVER
    framing = _FRAMING.findall(data, 0, blank.end())
    if not framing:
        return blank.end()
    ((name, value), *others) = framing
    if others or name.lower() != b"content-length" or not value.isdigit() or len(value) > LONGEST_NUMBER:
        return _NEVER
    return blank.end() + int(value)
