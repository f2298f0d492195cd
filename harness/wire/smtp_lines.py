"""Where one thing said in SMTP ends and the next begins: command lines, the content of a mail up to its lone dot, replies."""

import re
from collections.abc import Iterator
from typing import NamedTuple

LONGEST_LINE = 64 * 1024
"""Bytes of a command or reply: RFC 4954 wants 12,288 for AUTH; more is not SMTP."""

END_OF_CONTENT = b"\r\n.\r\n"
_REPLY = re.compile(rb"([2-5]\d\d)(-| |$)")


class UnreadableSmtpError(ValueError):
    """These bytes are not SMTP as we understand it; the text says why."""


class Said(NamedTuple):
    """A piece of what a client says, in order: of a line or of a mail's content, and whether it ends with this piece."""

    raw: bytes
    is_content: bool
    whole: bool


class Client:
    """What a client says. Whoever follows the replies says with `content()` that a mail's content comes next."""

    def __init__(self) -> None:
        self._in_content = False
        self._tail = b""
        self._line = b""

    def content(self) -> None:
        """Take what comes next as the content of a mail."""
        self._in_content, self._tail = True, b"\r\n"

    def feed(self, data: bytes) -> Iterator[Said]:
        """Yield every byte once, in order, cut where lines and contents end. Raises UnreadableSmtpError."""
        while data:
            piece = self._of_content(data) if self._in_content else self._of_line(data)
            data = data[len(piece.raw) :]
            yield piece

    def _of_content(self, data: bytes) -> Said:
        known = len(self._tail)
        at = (self._tail + data).find(END_OF_CONTENT)
        if at < 0:
            self._tail = (self._tail + data)[-len(END_OF_CONTENT) + 1 :]
            return Said(data, is_content=True, whole=False)
        self._in_content = False
        return Said(data[: at + len(END_OF_CONTENT) - known], is_content=True, whole=True)

    def _of_line(self, data: bytes) -> Said:
        end = data.find(b"\n") + 1
        self._line += data[: end or len(data)]
        if len(self._line) > LONGEST_LINE:
            error = f"a line of more than {LONGEST_LINE} bytes"
            raise UnreadableSmtpError(error)
        if not end:
            return Said(data, is_content=False, whole=False)
        self._line = b""
        return Said(data[:end], is_content=False, whole=True)


class Reply(NamedTuple):
    """A piece of what a server says; `code` is set with the last piece of a reply, 0 before."""

    raw: bytes
    code: int


class Server:
    """What a server says: replies of one or more lines."""

    def __init__(self) -> None:
        self._line = b""

    def feed(self, data: bytes) -> Iterator[Reply]:
        """Yield every byte once, in order, cut where replies end. Raises UnreadableSmtpError."""
        start = at = 0
        while at < len(data):
            end = data.find(b"\n", at) + 1 or len(data)
            self._line += data[at:end]
            at = end
            if len(self._line) > LONGEST_LINE:
                error = f"a line of more than {LONGEST_LINE} bytes"
                raise UnreadableSmtpError(error)
            if not self._line.endswith(b"\n"):
                break
            code = self._last_line()
            if code:
                yield Reply(data[start:at], code)
                start = at
        if start < len(data):
            yield Reply(data[start:], 0)

    def _last_line(self) -> int:
        line, self._line = self._line.rstrip(b"\r\n"), b""
        found = _REPLY.match(line)
        if found is None:
            error = f"not a reply of SMTP: {line[:20]!r}"
            raise UnreadableSmtpError(error)
        return 0 if found.group(2) == b"-" else int(found.group(1))


def address(argument: str) -> str:
    """Return the address of `FROM:<a@b> SIZE=9` or `TO:<a@b>`."""
    text = argument.partition(":")[2].strip()
    return text[1:].partition(">")[0] if text.startswith("<") else text.partition(" ")[0]


def unstuffed(content: bytes) -> bytes:
    """Return a mail's content without its lone dot, and without the dots that were added to lines beginning with one."""
    lines = content.removesuffix(b".\r\n")
    return lines[1:].replace(b"\r\n.", b"\r\n") if lines.startswith(b".") else lines.replace(b"\r\n.", b"\r\n")
