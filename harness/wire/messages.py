"""Where one HTTP/1.1 message ends and the next begins, for somebody in the middle who must not change a byte.

Heads are read by httptools (llhttp, strict); lengths are counted here, because httptools does not say at which byte a message
ends. Nothing is decoded beyond the head, and nothing is sent.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

import httptools

LONGEST_HEAD = 64 * 1024
LONGEST_REMEMBERED = 4 * 1024
"""Bytes of a head up to which it is remembered what stands in it."""

LARGEST_KEPT = 4 * 1024 * 1024
"""Bytes of a body that are kept for keys and decoders; an SQS call has at most 1 MiB. More passes, but is not looked at."""

_BLANK_LINE = re.compile(rb"\n\r?\n")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(;[^\r\n]*)?\r?\n")
NO_BODY = (204, 304)


class UnreadableError(ValueError):
    """These bytes are not HTTP/1.1 as we understand it; the text says why."""


class Message:
    """One request or answer, as far as it has come; the head fields are set once `parsed`, the body is whole once `complete`."""

    __slots__ = (
        "body", "complete", "fields", "head", "interim", "keep_alive", "method", "parsed",
        "size", "status", "target", "until_end", "upgrade", "version",
    )  # fmt: skip

    def __init__(self) -> None:
        self.head = b""
        self.parsed = False
        self.complete = False
        self.method = ""
        self.target = ""
        self.status = 0
        self.version = ""
        self.fields: Mapping[str, str] = {}
        self.body = bytearray()
        self.size = 0
        self.keep_alive = True
        self.upgrade = False
        self.interim = False
        self.until_end = False

    def with_body(self, body: bytes, *, without: tuple[str, ...] = ()) -> bytes:
        """Return this message on the wire with another body: Content-Length set, every other field of the head as it was.

        `without` names fields, in small letters, that are left out.
        """
        lines = self.head.rstrip(b"\r\n").split(b"\r\n")
        out = ("content-length", "transfer-encoding", "trailer", *without)
        kept = [line for line in lines if line.partition(b":")[0].strip().lower().decode("latin-1") not in out]
        return b"\r\n".join([*kept, b"Content-Length: %d" % len(body), b"", body])


class Piece(NamedTuple):
    """Bytes that belong to one message, in order. `trouble`: from here on this direction cannot be followed."""

    message: Message
    raw: bytes
    trouble: str = ""


class _Found(NamedTuple):
    """What stands in a head; shared by all messages with an equal one."""

    fields: Mapping[str, str]
    version: str
    keep_alive: bool
    upgrade: bool
    method: str
    target: str
    status: int


class _Head:
    """What httptools calls back while it reads a head."""

    def __init__(self) -> None:
        self.url = b""
        self.fields: dict[str, str] = {}

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        field = name.decode("latin-1").lower()
        text = value.decode("latin-1").strip()
        self.fields[field] = f"{self.fields[field]}, {text}" if field in self.fields else text


class Splitter:
    """One direction of one connection. `answers_to` gives the method of the oldest request without an answer, for answers."""

    def __init__(self, answers_to: Callable[[], str] | None = None) -> None:
        self._answers_to = answers_to
        self._message = Message()
        self._body: Callable[[bytes, int], int] = self._length
        self._left = 0
        self._line = b""
        self._in_trailer = False

    def feed(self, data: bytes) -> Iterator[Piece]:
        """Yield every byte of `data` once, in order, cut where messages end; never raises."""
        start = 0
        while start < len(data):
            message = self._message
            try:
                end = self._frame(message, data, start)
            except UnreadableError as error:
                yield Piece(message, data[start:], str(error))
                return
            if message.complete:
                self._message = Message()
            yield Piece(message, data if (start, end) == (0, len(data)) else data[start:end])
            start = end

    def begun(self) -> Message | None:
        """Return the message that has begun and is not complete, None between messages."""
        return self._message if self._message.head.strip() else None

    def end(self) -> Message | None:
        """Take note that this direction ended orderly; return the answer that is complete by this, if there is one."""
        message = self._message
        if not message.until_end:
            return None
        message.complete = True
        self._message = Message()
        return message

    def _frame(self, message: Message, data: bytes, start: int) -> int:
        if not message.parsed:
            start = self._read_head(message, data, start)
        if message.parsed and not message.complete:
            start = self._body(data, start)
        return start

    def _read_head(self, message: Message, data: bytes, start: int) -> int:
        known = len(message.head)
        head = message.head + data[start:]
        skipped = len(head) - len(head.lstrip(b"\r\n"))  # RFC 9112 2.2: empty lines before a request line are ignored
        found = _BLANK_LINE.search(head, max(skipped, known - 3))
        if found is None:
            message.head = head
            if len(head) > LONGEST_HEAD:
                error = f"a head of more than {LONGEST_HEAD} bytes"
                raise UnreadableError(error)
            return len(data)
        message.head = head[: found.end()]
        self._parse(message)
        message.parsed = True
        return start + found.end() - known

    def _parse(self, message: Message) -> None:
        """Read the head; the near tap has read most heads that come to the far tap, and the other way round."""
        read = _read if len(message.head) <= LONGEST_REMEMBERED else _read.__wrapped__
        found = read(message.head.lstrip(b"\r\n"), is_request=self._answers_to is None)
        message.fields, message.version, message.upgrade = found.fields, found.version, found.upgrade
        message.method, message.target, message.status = found.method, found.target, found.status
        message.keep_alive = found.keep_alive
        message.interim = 100 <= message.status < 200  # noqa: PLR2004 (1xx)
        self._choose_framing(message)

    def _choose_framing(self, message: Message) -> None:
        answers_to = "" if self._answers_to is None else self._answers_to()
        length = message.fields.get("content-length")
        if answers_to == "HEAD" or message.interim or message.status in NO_BODY:
            message.complete = True
        elif message.fields.get("transfer-encoding", "").lower().endswith("chunked"):
            self._body, self._left, self._line, self._in_trailer = self._chunks, 0, b"", False
        elif length is not None and length.isdigit():
            self._body, self._left = self._length, int(length)
            message.complete = self._left == 0
        elif self._answers_to is not None:
            self._body = self._until_end
            message.until_end = True
        else:
            message.complete = True

    def _keep(self, data: bytes, start: int, end: int) -> None:
        message = self._message
        message.size += end - start
        if len(message.body) < LARGEST_KEPT:
            message.body += data[start:end]

    def _length(self, data: bytes, start: int) -> int:
        end = min(len(data), start + self._left)
        self._keep(data, start, end)
        self._left -= end - start
        self._message.complete = self._left == 0
        return end

    def _until_end(self, data: bytes, start: int) -> int:
        self._keep(data, start, len(data))
        return len(data)

    def _chunks(self, data: bytes, start: int) -> int:
        while start < len(data):
            if self._left > 2:  # noqa: PLR2004 (what is left of a chunk ends in its CRLF)
                end = min(len(data), start + self._left - 2)
                self._keep(data, start, end)
                self._left -= end - start
                start = end
            elif self._left:
                self._left -= 1
                start += 1
            else:
                start, line = self._read_line(data, start)
                if line and self._chunk_line(line):
                    self._message.complete = True
                    break
        return start

    def _read_line(self, data: bytes, start: int) -> tuple[int, bytes]:
        newline = data.find(b"\n", start)
        end = len(data) if newline < 0 else newline + 1
        self._line += data[start:end]
        if len(self._line) > LONGEST_HEAD:
            error = f"a chunk's head of more than {LONGEST_HEAD} bytes"
            raise UnreadableError(error)
        if newline < 0:
            return end, b""
        line, self._line = self._line, b""
        return end, line

    def _chunk_line(self, line: bytes) -> bool:
        """Take one whole line between chunks; tell whether the message ends with it."""
        if self._in_trailer:
            return not line.strip()
        size = _CHUNK_SIZE.fullmatch(line)
        if size is None:
            error = f"not the size of a chunk: {line[:20]!r}"
            raise UnreadableError(error)
        self._left = int(size.group(1), 16)
        self._in_trailer = self._left == 0
        self._left += 0 if self._in_trailer else 2
        return False


@lru_cache(maxsize=64)
def _read(head: bytes, *, is_request: bool) -> _Found:
    """Read a head; raises UnreadableError."""
    made = _Head()
    parser = httptools.HttpRequestParser(made) if is_request else httptools.HttpResponseParser(made)
    upgrade = False
    try:
        parser.feed_data(head)
    except httptools.HttpParserUpgrade:
        upgrade = True
    except httptools.HttpParserError as error:
        reason = f"not HTTP/1.1: {error}"
        raise UnreadableError(reason) from error
    version, fields = parser.get_http_version(), made.fields
    stays_open = _stays_open(version, fields)  # llhttp forgets its own answer once a message is complete
    if isinstance(parser, httptools.HttpRequestParser):
        method = parser.get_method().decode("latin-1")
        return _Found(fields, version, stays_open, upgrade, method, made.url.decode("latin-1"), 0)
    return _Found(fields, version, stays_open, upgrade, "", "", parser.get_status_code())


def _stays_open(version: str, fields: Mapping[str, str]) -> bool:
    words = [word.strip().lower() for word in fields.get("connection", "").split(",")]
    return "close" not in words and (version >= "1.1" or "keep-alive" in words)
