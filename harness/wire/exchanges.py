"""Requests and their answers on one HTTP/1.1 connection: who answers what, when it is whole, what goes on and what is kept.

What an exchange means is left to the protocols over HTTP (http, sqs); they fill in the hooks of `Exchanges`.
"""

from abc import abstractmethod
from collections import deque
from collections.abc import Iterator
from http import HTTPStatus
from typing import TypeVar

from harness.history.events import Event
from harness.wire.exchange import Exchange, answer, number_after
from harness.wire.messages import Message, Piece, Splitter
from harness.wire.rules import Rule
from harness.wire.short_way import ShortWay
from harness.wire.streams import Back, Close, Ending, Hold, Side, Step, Tap

E = TypeVar("E", bound=Exchange)


class Exchanges(ShortWay[E]):
    """A session over HTTP/1.1: follows both directions, cut-through, and calls its hooks at whole requests and whole answers.

    While nothing can change what passes, bytes go on first and are recorded a little later, the hooks' steps carried out by then.
    What cannot be followed becomes one `gap` event; from there on the connection passes untouched.
    """

    def __init__(self, tap: Tap) -> None:
        super().__init__(tap)
        self._x = 0
        self._asking: E | None = None
        self._requests = Splitter()
        self._answers = Splitter(self._method)

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

    def forward(self, exchange: E, raw: bytes) -> Iterator[Step]:
        """Have a whole request go on, or what is to go on instead; `raw` is its last part, what came before may be kept."""
        changed = None if self._out.gone else self.change_request(exchange)
        if changed is None:
            yield from self._out.flush(raw)
        else:
            yield changed

    def awaited(self, exchange: E) -> Iterator[Step]:
        """Yield what an answer that is whole waits for."""
        del exchange
        return iter(())

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

    def requested(self, data: bytes) -> Iterator[Step]:
        """Read bytes of requests; see `ShortWay`."""
        if not self.t:
            self.tap.recorder.settle()
        if self._barrier is not None and not self._barrier.done.done():
            yield self._barrier  # what a barrier at `answered` begins is in place before the next request goes on
        if self.lost_track:
            yield from self._out.flush(data)
            return
        for piece in self._requests.feed(data):
            if self._open and self._open[-1].closes:
                return  # the connection ends there: nothing that comes after it is heard
            yield from self._request(piece)

    def answered(self, data: bytes) -> Iterator[Step]:
        """Read bytes of answers; see `ShortWay`."""
        if not self.t:
            self.tap.recorder.settle()
        if self.lost_track:
            yield from self._back.flush(data)
            return
        for piece in self._answers.feed(data):
            yield from self._answer(piece)

    def ended(self, by: Side, how: Ending) -> None:
        """Take note of an end; an answer without a length is whole by it, and nothing of it can be held any more."""
        self.tap.recorder.settle()
        if self.lost_track or by == "service" or how == "rst":
            return
        message = self._answers.end()
        if message is not None:
            exchange = self._open.popleft()
            exchange.answer, exchange.shown = message, message.status
            for events in () if exchange.swallowed else (self.replied(exchange), self.passed(exchange)):
                deque(events, maxlen=0)

    def carries(self, operation: str) -> bool:
        """Tell whether a request for this operation has no whole answer yet."""
        self.tap.recorder.settle()
        return any(self.operation(one) == operation for one in self._open)

    def operation(self, exchange: E) -> str:
        """Return what an exchange asks for, in the words of its protocol."""
        return exchange.request.method

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
        exchange.shown, exchange.fault = rule.status, rule.id
        return answer(exchange.request, rule.status)

    def is_first(self, exchange: E) -> bool:
        """Tell whether the next answer is this one's; not where it was answered before it was whole."""
        return bool(self._open) and self._open[0] is exchange

    def give(self, exchange: E) -> Iterator[Step]:
        """Give the service the tap's own answer to this request, once those before it are answered."""
        if self.is_first(exchange):
            for step in self._given():
                yield Back(step) if isinstance(step, bytes) else step

    def _given(self) -> Iterator[Step]:
        while self._open and self._open[0].given is not None:
            exchange = self._open.popleft()
            if exchange.given:
                yield exchange.given
                yield from self.passed(exchange)
            if exchange.closes:
                yield Close()

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
            self._x = number_after(self.tap, self._x)
            self._asking = self.new_exchange(self._x, message)
            self._open.append(self._asking)
        if self._asking is None or not message.complete:
            yield from self._part_of_request(message, piece.raw)
            return
        exchange, self._asking = self._asking, None
        yield from self._whole_request(exchange, piece.raw)

    def _part_of_request(self, message: Message, raw: bytes) -> Iterator[Step]:
        if self.t:
            self._out.gone = True
            return
        keep = self.keeps_request(message)
        waits = "expect" in message.fields and (self._asking is None or not self._asking.invited)
        if keep and waits and self._asking is not None and self.is_first(self._asking) and not self._out.gone:
            self._asking.invited, waits = True, False
            yield Back(b"HTTP/1.1 100 Continue\r\n\r\n")
        yield from self._out.part(raw, keep=keep and not waits)  # who waits for 100 must not be kept waiting

    def _whole_request(self, exchange: E, raw: bytes) -> Iterator[Step]:
        if exchange.request.method == "CONNECT":
            yield from self.gap("CONNECT: what follows is not HTTP")
        else:
            yield from self.asked(exchange)
        if not self.t:
            yield from self._out.flush(raw) if self.lost_track else self.forward(exchange, raw)
        self._out.reset()

    def _answer(self, piece: Piece) -> Iterator[Step]:
        message, exchange = piece.message, self._open[0] if self._open else None
        trouble = piece.trouble or _trouble(message, exchange)
        if trouble:
            yield from self.gap(trouble)
        if self.lost_track:
            yield from self._back.flush(piece.raw)
        elif exchange is None or message.interim or not message.complete:
            yield from self._part_of_answer(exchange, message, piece.raw)
        else:
            self._open.popleft()
            exchange.answer, exchange.shown = message, message.status
            if not exchange.swallowed:
                yield from self.whole_answer(exchange, piece.raw)
            yield from self._given()

    def _part_of_answer(self, exchange: E | None, message: Message, raw: bytes) -> Iterator[Step]:
        if self.t:
            self._back.gone = True
        elif exchange is None:
            yield from self._back.part(raw, keep=False)
        elif not exchange.swallowed and not (exchange.invited and message.status == HTTPStatus.CONTINUE):
            wanted = exchange.invited or exchange.hushed or self.keeps_answer(exchange)
            keep = wanted and not message.interim and not message.until_end
            yield from self._back.part(raw, keep=keep)
        if message.complete:
            self._back.reset()

    def whole_answer(self, exchange: E, raw: bytes) -> Iterator[Step]:
        """Have a whole answer go on, or what is to go on instead; `raw` is its last part, what came before may be kept."""
        yield from self.replied(exchange)
        exchange.untouched = not self._back.gone
        changed = None
        if not self.t:
            yield from self.awaited(exchange)
            changed = None if self.lost_track else self.change_answer(exchange)
            yield from self._back.flush(raw) if changed is None else (changed,)
        self._back.reset()
        if not self.lost_track and not isinstance(changed, Close):
            yield from self.passed(exchange)


def _trouble(message: Message, exchange: Exchange | None) -> str:
    if message.status == HTTPStatus.SWITCHING_PROTOCOLS:
        return f"101: the connection is now {message.fields.get('upgrade', 'something else')}"
    if message.parsed and exchange is None:
        return f"an answer ({message.status}) to no request"
    return ""
