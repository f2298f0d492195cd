"""Requests and their answers on one HTTP/1.1 connection: who answers what, when it is whole, what goes on and what is kept.

What an exchange means is left to the protocols over HTTP (http, sqs); they fill in the hooks of `Exchanges`.
"""

import hashlib
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator
from http import HTTPStatus
from typing import Generic, TypeVar

from harness.history.events import Event
from harness.wire.messages import Message, Piece, Splitter
from harness.wire.rules import Rule
from harness.wire.streams import Close, Ending, Hold, Side, Step, Tap

SHOWN_OF_BODY = 1024


class Exchange:
    """One request and its answer; `x` is its number on the connection. `shown` is the status the service is given.

    `untouched`: nothing of the answer has gone on yet, so it can still be replaced as a whole.
    """

    def __init__(self, x: int, request: Message) -> None:
        self.x = x
        self.request = request
        self.answer: Message | None = None
        self.shown: int | None = None
        self.lost = False
        self.untouched = True

    @property
    def attempt(self) -> int | None:
        """The attempt an AWS SDK says this is (`amz-sdk-request: attempt=2; max=3`): tells its retries from the service's."""
        field = self.request.fields.get("amz-sdk-request", "")
        number = field.partition("attempt=")[2].partition(";")[0].strip()
        return int(number) if number.isascii() and number.isdigit() and len(number) < 10 else None  # noqa: PLR2004 (an int, not a bomb)


E = TypeVar("E", bound=Exchange)


class _Lane:
    """The bytes of the message under way in one direction: kept back from the first on, or gone on."""

    def __init__(self) -> None:
        self._kept: list[bytes] = []
        self.gone = False

    def part(self, raw: bytes, *, keep: bool) -> Iterator[bytes]:
        """Take a part of a message that is not whole; yield what goes on now."""
        if keep and not self.gone:
            self._kept.append(raw)
        else:
            yield from self.flush(raw)
            self.gone = True

    def flush(self, raw: bytes) -> Iterator[bytes]:
        """Yield what was kept and then `raw`."""
        kept, self._kept = self._kept, []
        yield from kept
        yield raw

    def reset(self) -> None:
        """Forget the message: the next one begins."""
        self._kept = []
        self.gone = False


class Exchanges(ABC, Generic[E]):
    """A session over HTTP/1.1: follows both directions, cut-through, and calls its hooks at whole requests and whole answers.

    What cannot be followed becomes one `gap` event; from there on the connection passes untouched.
    """

    def __init__(self, tap: Tap) -> None:
        self.tap = tap
        self.lost_track = ""
        self._x = 0
        self._open: deque[E] = deque()
        self._asking: E | None = None
        self._requests = Splitter()
        self._answers = Splitter(self._method)
        self._out = _Lane()
        self._back = _Lane()
        self._barrier: Hold | None = None

    # ------------------------------------------------------------------------------------------------------------- hooks

    @abstractmethod
    def new_exchange(self, x: int, request: Message) -> E:
        """Return what the hooks are to be given for this request."""
        ...

    def keeps_request(self, message: Message) -> bool:
        """Tell whether this request must not go on before it is whole."""
        del message
        return False

    @abstractmethod
    def keeps_answer(self, exchange: E) -> bool:
        """Tell whether the answer to this exchange must not go on before it is whole."""
        ...

    @abstractmethod
    def asked(self, exchange: E) -> Iterator[Step]:
        """Take note of a whole request, before its last byte goes on."""
        ...

    def change_request(self, exchange: E) -> bytes | None:
        """Return what goes on instead of this request; None: itself."""
        del exchange
        return None

    @abstractmethod
    def replied(self, exchange: E) -> Iterator[Step]:
        """Take note of a whole answer, before its last byte goes on."""
        ...

    @abstractmethod
    def change_answer(self, exchange: E) -> Step | None:
        """Return what the service gets instead of this answer; None: itself."""
        ...

    @abstractmethod
    def passed(self, exchange: E) -> Iterator[Step]:
        """Take note that the last byte of the answer has gone on."""
        ...

    # ----------------------------------------------------------------------------------------------------------- session

    def from_service(self, data: bytes) -> Iterator[Step]:
        """Take bytes of requests; see `Session`."""
        if self._barrier is not None and not self._barrier.done.done():
            yield self._barrier  # what a barrier at `answered` begins is in place before the next request goes on
        if self.lost_track:
            yield from self._out.flush(data)
            return
        for piece in self._requests.feed(data):
            yield from self._request(piece)

    def from_target(self, data: bytes) -> Iterator[Step]:
        """Take bytes of answers; see `Session`."""
        if self.lost_track:
            yield from self._back.flush(data)
            return
        for piece in self._answers.feed(data):
            yield from self._answer(piece)

    def ended(self, by: Side, how: Ending) -> None:
        """Take note of an end; an answer without a length is whole by it, and nothing of it can be held any more."""
        if self.lost_track or by == "service" or how == "rst":
            return
        message = self._answers.end()
        if message is not None:
            exchange = self._open.popleft()
            exchange.answer, exchange.shown = message, message.status
            for events in (self.replied(exchange), self.passed(exchange)):
                deque(events, maxlen=0)

    def gap(self, reason: str) -> Iterator[Step]:
        """Give the connection up: one event, and everything passes from here on."""
        if not self.lost_track:
            self.lost_track = reason
            yield from self.tell(Event(kind="gap", data={"reason": reason}))

    def tell(self, event: Event) -> Iterator[Step]:
        """Record an event of this tap; yield the barrier that begins there, if one does."""
        hold = self.record(event)
        if hold is not None:
            yield hold

    def record(self, event: Event) -> Hold | None:
        """Record an event of this tap."""
        event.at, event.link, event.conn = self.tap.at, self.tap.link, self.tap.conn
        return self.tap.recorder.record(event)

    def tell_answered(self, event: Event) -> Iterator[Step]:
        """Record that an answer has left; a barrier there also stops the next request."""
        for hold in self.tell(event):
            self._barrier = hold if isinstance(hold, Hold) else None
            yield hold

    def lose_answer(self, exchange: E, rule: Rule) -> Step:
        """Return what the service gets when `rule` takes this answer away: an answer of our own, or the end of the connection."""
        exchange.lost = True
        if rule.status is None or not exchange.untouched:
            return Close()
        exchange.shown = rule.status
        known = [one.phrase for one in HTTPStatus if one == rule.status]
        close = "" if exchange.request.keep_alive else "Connection: close\r\n"
        return f"HTTP/1.1 {rule.status} {''.join(known)}\r\nContent-Length: 0\r\n{close}\r\n".encode()

    # ----------------------------------------------------------------------------------------------------------- followed

    def _method(self) -> str:
        return self._open[0].request.method if self._open else ""

    def _request(self, piece: Piece) -> Iterator[Step]:
        message = piece.message
        if piece.trouble:
            yield from self.gap(piece.trouble)
        if self.lost_track:
            yield from self._out.flush(piece.raw)
            return
        if message.parsed and self._asking is None:
            self._x += 1
            self._asking = self.new_exchange(self._x, message)
            self._open.append(self._asking)
        if self._asking is None or not message.complete:
            keep = "expect" not in message.fields and self.keeps_request(message)  # who waits for 100 must not be kept waiting
            yield from self._out.part(piece.raw, keep=keep)
            return
        exchange, self._asking = self._asking, None
        yield from self._whole_request(exchange, piece.raw)

    def _whole_request(self, exchange: E, raw: bytes) -> Iterator[Step]:
        if exchange.request.method == "CONNECT":
            yield from self.gap("CONNECT: what follows is not HTTP")
        else:
            yield from self.asked(exchange)
        changed = None if self.lost_track or self._out.gone else self.change_request(exchange)
        if changed is None:
            yield from self._out.flush(raw)
        else:
            yield changed
        self._out.reset()

    def _answer(self, piece: Piece) -> Iterator[Step]:
        message, exchange = piece.message, self._open[0] if self._open else None
        trouble = piece.trouble or _trouble(message, exchange)
        if trouble:
            yield from self.gap(trouble)
        if self.lost_track:
            yield from self._back.flush(piece.raw)
        elif exchange is None or message.interim or not message.complete:
            keep = exchange is not None and not message.interim and not message.until_end and self.keeps_answer(exchange)
            yield from self._back.part(piece.raw, keep=keep)
            if message.complete:
                self._back.reset()
        else:
            self._open.popleft()
            exchange.answer, exchange.shown = message, message.status
            yield from self._whole_answer(exchange, piece.raw)

    def _whole_answer(self, exchange: E, raw: bytes) -> Iterator[Step]:
        yield from self.replied(exchange)
        exchange.untouched = not self._back.gone
        changed = None if self.lost_track else self.change_answer(exchange)
        if changed is None:
            yield from self._back.flush(raw)
        else:
            yield changed
        self._back.reset()
        if not self.lost_track and not isinstance(changed, Close):
            yield from self.passed(exchange)


def _trouble(message: Message, exchange: Exchange | None) -> str:
    if message.status == HTTPStatus.SWITCHING_PROTOCOLS:
        return f"101: the connection is now {message.fields.get('upgrade', 'something else')}"
    if message.parsed and exchange is None:
        return f"an answer ({message.status}) to no request"
    return ""


def excerpt(body: bytes | bytearray) -> str:
    """Return the first KiB of a body as text, for the journal."""
    return bytes(body[:SHOWN_OF_BODY]).decode("utf-8", "replace")


def digest(body: bytes | bytearray | str) -> str:
    """Return the digest by which bodies are compared in the journal."""
    return hashlib.sha256(body.encode() if isinstance(body, str) else body).hexdigest()[:16]
