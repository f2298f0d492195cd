"""What rules do to a whole call on HTTP/1.1: lost, answered by the tap, sent again, held, answered late.

Which rule means which call, and what the journal says of it, is left to the protocols over HTTP.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterator
from typing import TypeVar

from harness.wire.exchange import Exchange, leave_out, number_after
from harness.wire.exchanges import Exchanges
from harness.wire.messages import LARGEST_KEPT, Message
from harness.wire.rules import Rule, delay
from harness.wire.streams import Step

ON_REQUESTS = ("request_lost", "status", "duplicate", "held")
E = TypeVar("E", bound=Exchange)


class Ruled(Exchanges[E]):
    """Exchanges whose calls are subject to rules in this tap. Of several rules that mean a request the last injected acts."""

    @abstractmethod
    def use(self, exchange: E, names: tuple[str, ...]) -> Rule | None:
        """Use up the latest rule of these names that means this call, and record that it bit; None where there is none."""
        ...

    @abstractmethod
    def answer_by(self, exchange: E, rule: Rule) -> bytes:
        """Return the answer that `status` gives to this call."""
        ...

    @abstractmethod
    def copied(self, copy: E, exchange: E, rule: Rule) -> None:
        """Record a copy of a request, which the tap made: an exchange of its own."""
        ...

    def copy_of(self, exchange: E, rule: Rule, sent: bytes) -> bytes:
        """Return what is sent again, of a request that the service sent so."""
        del exchange, rule
        return sent

    def keeps_request(self, message: Message) -> bool:
        """Keep a request while a rule may mean it; one that is larger than anybody looks at goes on as it comes."""
        return message.size <= LARGEST_KEPT and any(rule.name in ON_REQUESTS for rule in self.tap.rules.armed(self.tap.link))

    def forward(self, exchange: E, raw: bytes) -> Iterator[Step]:
        """Do with a whole request what the latest rule that means it says."""
        out = {"duplicate": self._out.gone, "held": exchange.waited}
        names = tuple(name for name in ON_REQUESTS if not out.get(name))
        rule = self.use(exchange, names) if self.tap.rules.armed(self.tap.link) else None
        if rule is None:
            yield from super().forward(exchange, raw)
        else:
            yield from self._acts[rule.name](exchange, rule, raw)

    def awaited(self, exchange: E) -> Iterator[Step]:
        """Wait as long as `latency` says."""
        rule = self.use(exchange, ("latency",)) if self.tap.rules.armed(self.tap.link) else None
        if rule is not None:
            yield self.tap.recorder.pause(delay(rule, self.tap.conn, exchange.x))

    def whole_answer(self, exchange: E, raw: bytes) -> Iterator[Step]:
        """Tell the answer that the connection ends with it, where the request was kept from saying so."""
        if exchange.hushed and exchange.answer is not None and not self._back.gone:
            whole, head = b"".join(self._back.flush(raw)), exchange.answer.head
            raw = _saying(head, b"close") + whole[len(head) :]
        yield from super().whole_answer(exchange, raw)

    @property
    def _acts(self) -> dict[str, Callable[[E, Rule, bytes], Iterator[Step]]]:
        return {"request_lost": self._lose, "status": self._answer_itself, "duplicate": self._send_again, "held": self._hold}

    def _lose(self, exchange: E, rule: Rule, raw: bytes) -> Iterator[Step]:
        del rule, raw
        exchange.given, exchange.closes = b"", True
        yield from self.give(exchange)

    def _answer_itself(self, exchange: E, rule: Rule, raw: bytes) -> Iterator[Step]:
        del raw
        exchange.fault, exchange.shown = rule.id, rule.code if isinstance(rule.code, int) else None
        exchange.given = self.answer_by(exchange, rule)
        leave_out(self.tap, exchange.x)
        # Of a request that had begun to go on when the fault began the other side has a part: its connection is of no more use.
        exchange.closes = self._out.gone or not exchange.request.keep_alive
        yield from self.give(exchange)

    def _hold(self, exchange: E, rule: Rule, raw: bytes) -> Iterator[Step]:
        yield self.tap.recorder.until_disarmed(rule.id)
        exchange.waited = True
        yield from self.forward(exchange, raw)

    def _send_again(self, exchange: E, rule: Rule, raw: bytes) -> Iterator[Step]:
        """Forward the request and its copies; only the last may say that the connection ends, or none would follow."""
        exchange.hushed = not exchange.request.keep_alive
        sent = b"".join(self._out.flush(raw))
        copy = self.copy_of(exchange, rule, sent)
        changed = self.change_request(exchange)
        yield _staying_open(sent if changed is None else changed, exchange.request)
        for left in reversed(range(rule.copies)):
            self._x = number_after(self.tap, self._x)
            again = self.new_exchange(self._x, exchange.request)
            again.swallowed, again.fault = True, rule.id
            self._open.append(again)
            self.copied(again, exchange, rule)
            yield _staying_open(copy, exchange.request) if left else copy


def _staying_open(message: bytes, request: Message) -> bytes:
    """Return a request on the wire without a word of its connection's end; `request` is it, or what it was made of."""
    if request.keep_alive:
        return message
    head = request.head if message.startswith(request.head) else message[: message.index(b"\r\n\r\n") + 4]
    return _saying(head, b"keep-alive") + message[len(head) :]


def _saying(head: bytes, word: bytes) -> bytes:
    lines = head.rstrip(b"\r\n").split(b"\r\n")
    kept = [line for line in lines if line.partition(b":")[0].strip().lower() != b"connection"]
    return b"\r\n".join([*kept, b"Connection: " + word, b"", b""])
