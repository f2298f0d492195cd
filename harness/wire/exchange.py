"""One request and its answer on HTTP/1.1: what is known of it, its bytes while they wait, and answers of a tap's own."""

import hashlib
from collections.abc import Iterator, Mapping
from functools import cached_property
from http import HTTPStatus

from harness.wire.messages import NO_BODY, Message
from harness.wire.streams import Tap

SHOWN_OF_BODY = 1024


class Exchange:
    """One request and its answer; `x` is its number on the connection. `shown` is the status the service is given.

    `untouched`: nothing of the answer has gone on yet, so it can still be replaced as a whole.
    `given` is an answer of the tap's own, by `fault`, given when its turn comes; `closes`: then the connection ends.
    `swallowed`: a copy that the tap made, whose answer goes nowhere. `invited`: the tap said 100 Continue itself, to have the
    request whole. `waited`: it was held for as long as it had to be. `hushed`: the tap took away that the connection ends
    with it, so its answer has to be told.
    """

    def __init__(self, x: int, request: Message) -> None:
        self.x = x
        self.request = request
        self.answer: Message | None = None
        self.shown: int | None = None
        self.lost = False
        self.untouched = True
        self.given: bytes | None = None
        self.fault = ""
        self.closes = False
        self.swallowed = False
        self.invited = False
        self.waited = False
        self.hushed = False

    @property
    def is_plain(self) -> bool:
        """Whether the answer passes as it comes, as far as the request says."""
        return self.given is None and not (self.swallowed or self.invited or self.hushed)

    @cached_property
    def attempt(self) -> int | None:
        """The attempt an AWS SDK says this is (`amz-sdk-request: attempt=2; max=3`): tells its retries from the service's."""
        field = self.request.fields.get("amz-sdk-request")
        if field is None:
            return None
        number = field.partition("attempt=")[2].partition(";")[0].strip()
        return int(number) if number.isascii() and number.isdigit() and len(number) < 10 else None  # noqa: PLR2004 (an int, not a bomb)


class Lane:
    """The bytes of the message under way in one direction: `kept` back from the first on, or gone on."""

    def __init__(self) -> None:
        self.kept: list[bytes] = []
        self.gone = False

    def part(self, raw: bytes, *, keep: bool) -> Iterator[bytes]:
        """Take a part of a message that is not whole; yield what goes on now."""
        if keep and not self.gone:
            self.kept.append(raw)
        else:
            yield from self.flush(raw)
            self.gone = True

    def flush(self, raw: bytes) -> Iterator[bytes]:
        """Yield what was kept and then `raw`."""
        kept, self.kept = self.kept, []
        yield from kept
        yield raw

    def reset(self) -> None:
        """Forget the message: the next one begins."""
        self.kept = []
        self.gone = False


def leave_out(tap: Tap, x: int) -> None:
    """Take note that this call of the connection was answered by the tap, so that it does not count where it would have gone."""
    _left_out(tap).setdefault(tap.conn, set()).add(x)


def number_after(tap: Tap, x: int) -> int:
    """Return the number of the next call after `x` on a connection, as the near tap counts: the answer to one has the same."""
    x += 1
    if tap.at != "near":
        left_out = _left_out(tap).get(tap.conn, ())
        while x in left_out:
            x += 1
    return x


def forget_left_out(tap: Tap) -> None:
    """Forget what was left out on a connection: it is over where calls would have gone."""
    _left_out(tap).pop(tap.conn, None)


def _left_out(tap: Tap) -> dict[int, set[int]]:
    found = tap.shared.setdefault("left out", {})
    assert isinstance(found, dict)  # noqa: S101 (made here only)
    return found


def answer(request: Message, status: int, body: bytes = b"", fields: Mapping[str, str] | None = None) -> bytes:
    """Return an answer of a tap's own to this request, on the wire."""
    phrases = [one.phrase for one in HTTPStatus if one == status]
    lines = [f"HTTP/1.1 {status} {''.join(phrases)}", *(f"{name}: {value}" for name, value in (fields or {}).items())]
    if status in NO_BODY:
        body = b""
    else:
        lines.append(f"Content-Length: {len(body)}")
    if not request.keep_alive:
        lines.append("Connection: close")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (b"" if request.method == "HEAD" else body)


def excerpt(body: bytes | bytearray) -> str:
    """Return the first KiB of a body as text, for the journal."""
    return bytes(body[:SHOWN_OF_BODY]).decode("utf-8", "replace")


def digest(body: bytes | bytearray | str) -> str:
    """Return the digest by which bodies are compared in the journal."""
    return hashlib.sha256(body.encode() if isinstance(body, str) else body).hexdigest()[:16]
