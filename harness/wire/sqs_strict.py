"""The far tap of a link to AWS in the place of AWS: what AWS refuses is refused, also where the emulator would take it.

What is refused never comes to the emulator; the error that AWS gives is taken for the emulator's own answer, so rules that mean
answers act on it, and the journal has it with `data.shim`. Only what is certain is refused, and nothing before a queue of SQS is
declared. Which limits there are is in shims.py.
"""

from collections.abc import Iterator

from harness.wire import receipts as handles
from harness.wire import shims
from harness.wire.aws import Call, Codec, Entry
from harness.wire.call_rules import Ruled
from harness.wire.exchange import answer
from harness.wire.messages import LARGEST_KEPT, Message, Splitter
from harness.wire.receipts import Receipts
from harness.wire.shims import Shim
from harness.wire.sqs_books import SqsExchange
from harness.wire.streams import Back, Close, Step


class Strict(Ruled[SqsExchange]):
    """Calls to SQS, of which the far tap refuses what AWS would."""

    def lets_request_pass(self, data: bytes) -> bool:
        """Tell whether these bytes may go on before they are read: not what may have to be refused."""
        known = self._known
        is_harmless = known is None or not shims.may_be_refused(data, stale=known.may_be_over)
        return is_harmless and super().lets_request_pass(data)

    @property
    def _known(self) -> Receipts | None:
        return self.tap.recorder.receipts if self.tap.at == "far" else None

    def may_refuse(self, message: Message) -> bool:
        """Tell whether a request that is not whole must not go on, because what AWS refuses is looked for in it."""
        return self._known is not None and message.size <= LARGEST_KEPT and "expect" not in message.fields

    def forward(self, exchange: SqsExchange, raw: bytes) -> Iterator[Step]:
        """Have a request go on, without what is refused; answer it where that is all there is."""
        call, codec = exchange.call, exchange.codec
        alone = self.is_first(exchange) and not self._out.gone
        exchange.refused = {} if call is None or codec is None or not alone else self._refused(call)
        self.note_asked(exchange)
        if call is None or codec is None or not exchange.refused:
            yield from super().forward(exchange, raw)
            return
        if len(exchange.refused) < len(call.entries):
            self._out.reset()
            yield codec.only(exchange.request, [one.id for one in call.entries if one.id not in exchange.refused])
            return
        self._open.popleft()
        for step in self.whole_answer(exchange, self._error(exchange, call, codec)):
            yield Back(step) if isinstance(step, bytes) else step
        if not exchange.request.keep_alive:
            yield Close()

    def _error(self, exchange: SqsExchange, call: Call, codec: Codec) -> bytes:
        if call.operation.endswith("Batch"):
            status = 200
            fields, body = codec.failures(b"", call.operation, {ident: one.batched for ident, one in exchange.refused.items()})
        else:
            (one,) = exchange.refused.values()
            status = one.single.status
            fields, body = codec.failure(one.single)
        return self._given_by(exchange, answer(exchange.request, status, body, fields))

    @staticmethod
    def _given_by(exchange: SqsExchange, raw: bytes) -> bytes:
        """Have these bytes be the answer."""
        given = next(Splitter(lambda: exchange.request.method).feed(raw)).message
        exchange.answer, exchange.shown = given, given.status
        return raw

    def whole_answer(self, exchange: SqsExchange, raw: bytes) -> Iterator[Step]:
        """Have an answer go on; in that to a batch, what was refused of it is among the failures."""
        given, codec, call = exchange.answer, exchange.codec, exchange.call
        partly = exchange.refused and call is not None and len(exchange.refused) < len(call.entries)
        if partly and given is not None and codec is not None and call is not None and given.status < 400:  # noqa: PLR2004
            self._back.reset()
            refused = {ident: one.batched for ident, one in exchange.refused.items()}
            _, body = codec.failures(bytes(given.body), call.operation, refused)
            raw = self._given_by(exchange, given.with_body(body))
        yield from super().whole_answer(exchange, raw)

    # ------------------------------------------------------------------------------------------------------ what is refused

    def _refused(self, call: Call) -> dict[str, Shim]:
        known = self._known
        if known is None:
            return {}
        if not call.entries:
            one = shims.of_receive(call) or shims.of_settings(call)
            return {} if one is None else {"": one}
        found = {entry.id: self._of_entry(call, entry, known) for entry in call.entries}
        return {ident: one for ident, one in found.items() if one is not None}

    @staticmethod
    def _of_entry(call: Call, entry: Entry, known: Receipts) -> Shim | None:
        if call.topic:
            return None
        if call.is_send:
            return shims.of_send(entry)
        over = call.queue.endswith(handles.FIFO) and known.is_over(entry)
        if not over:
            return shims.of_timeout(entry)
        heartbeat = call.act == "ChangeMessageVisibility" and not known.is_superseded(entry)
        return shims.not_in_flight() if heartbeat else shims.expired(entry.handle)

    # ------------------------------------------------------------------------------------------------------ what is learnt

    def note_asked(self, exchange: SqsExchange) -> None:
        """Remember what is asked of the broker."""
        known, call = self._known, exchange.call
        if known is not None and call is not None:
            known.asked(call, exchange.refused)

    def note_replied(self, exchange: SqsExchange) -> None:
        """Remember what the broker said."""
        known, call, reply = self._known, exchange.call, exchange.reply
        if known is not None and call is not None and reply is not None:
            known.replied(call, reply, self.t or known.now(), exchange.refused)
