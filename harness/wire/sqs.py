"""What a tap does with one connection to SQS: calls and answers are read and recorded, and changed where a rule says so.

What is recorded is in sqs_books.py, which rule acts in sqs_rules.py, how calls are written in aws_json.py and aws_query.py.
"""

from collections.abc import Iterator

from harness.history.events import Event
from harness.wire.aws import Call, Change, UnreadableCallError
from harness.wire.aws_calls import codec_of
from harness.wire.exchanges import Exchanges
from harness.wire.messages import Message
from harness.wire.rules import Rule
from harness.wire.sqs_books import Books, SqsExchange
from harness.wire.sqs_rules import CARRIED, alteration, loss, supports
from harness.wire.streams import Ending, Session, Side, Step, Tap

__all__ = ["CARRIED", "session", "supports"]


def session(tap: Tap) -> Session:
    """Return what follows one connection to SQS."""
    return Sqs(tap)


class Sqs(Exchanges[SqsExchange]):
    """One connection to SQS."""

    def __init__(self, tap: Tap) -> None:
        super().__init__(tap)
        self._books = Books(tap)
        self._ended = False

    def ended(self, by: Side, how: Ending) -> None:
        """Take note of an end."""
        super().ended(by, how)
        if not self._ended:
            self._ended = True
            self._books.closed()

    def operation(self, exchange: SqsExchange) -> str:
        """Return the name of the call."""
        return exchange.call.operation if exchange.call is not None else ""

    def new_exchange(self, x: int, request: Message) -> SqsExchange:
        """Return an exchange that is no call yet."""
        return SqsExchange(x, request)

    def asked(self, exchange: SqsExchange) -> Iterator[Step]:
        """Record what a call attempts or settles."""
        try:
            codec = exchange.codec = codec_of(exchange.request)
            call = exchange.call = None if codec is None else codec.call(exchange.request)
        except UnreadableCallError as error:
            yield from self.gap(str(error))
            return
        for event in () if call is None else self._books.asked(exchange, call):
            yield from self.tell(event)

    def replied(self, exchange: SqsExchange) -> Iterator[Step]:
        """Record what the broker said to each entry, and what it handed out."""
        call, answer, codec = exchange.call, exchange.answer, exchange.codec
        if call is None or answer is None or codec is None:
            return
        try:
            exchange.reply = codec.reply(call, answer)
        except UnreadableCallError as error:
            yield from self.gap(str(error))
            return
        for event in self._books.replied(exchange, call, exchange.reply):
            yield from self.tell(event)

    def passed(self, exchange: SqsExchange) -> Iterator[Step]:
        """Record `answered`, where the answer was the broker's own or the service got one."""
        if exchange.lost and self.tap.at == "far":
            return
        yield from self.tell_answered(self._books.answered(exchange))

    # -------------------------------------------------------------------------------------------------------------- rules

    def keeps_request(self, message: Message) -> bool:
        """Keep requests at the near tap while a rule may alter them."""
        del message
        return self.tap.at == "near" and any(rule.name == "altered" for rule in self.tap.rules.armed(self.tap.link))

    def keeps_answer(self, exchange: SqsExchange) -> bool:
        """Keep answers at the far tap while a rule is armed, at the near tap where their digests have to be mended."""
        if self.tap.at == "near":
            return bool(exchange.originals)
        return bool(self.tap.rules.armed(self.tap.link))

    def change_request(self, exchange: SqsExchange) -> bytes | None:
        """Return a send as `altered` wants it; what the service sent is remembered, for the digests in its answer."""
        call, codec, changes = exchange.call, exchange.codec, dict[str, Change]()
        if call is None or codec is None or call.act != "SendMessage" or not self.keeps_request(exchange.request):
            return None
        for entry in call.entries:
            key = self._books.key(call, entry)
            found = alteration(self.tap, call, key, entry)
            if found is not None:
                self._bit(exchange, call, found.rule, key)
                changes[entry.id], exchange.originals[entry.id] = found.change, entry
        return codec.change_sends(exchange.request, changes) if changes else None

    def change_answer(self, exchange: SqsExchange) -> Step | None:
        """Return the answer as rules want it at the far tap, with mended digests at the near tap."""
        call, reply, answer, codec = exchange.call, exchange.reply, exchange.answer, exchange.codec
        if call is None or reply is None or answer is None or codec is None:
            return None
        if self.tap.at == "near":
            mended = exchange.originals and exchange.untouched and reply.ok
            return codec.digest_sends(answer, exchange.originals) if mended else None
        rule = loss(self.tap, call, exchange.keys, of_messages=bool(call.entries or reply.messages))
        if rule is not None:
            for key in exchange.keys or ("",):
                self._bit(exchange, call, rule, key)
            return self.lose_answer(exchange, rule)
        return self._altered_messages(exchange, call, answer) if exchange.untouched else None

    def _altered_messages(self, exchange: SqsExchange, call: Call, answer: Message) -> bytes | None:
        codec, reply = exchange.codec, exchange.reply
        assert codec is not None  # noqa: S101 (whoever has a reply has read it)
        assert reply is not None  # noqa: S101
        changes: dict[int, Change] = {}
        for position, message in enumerate(reply.messages):
            key = self._books.memory.key_of(message.handle)
            found = alteration(self.tap, call, key, message)
            if found is not None:
                self._bit(exchange, call, found.rule, key)
                changes[position] = found.change
        if not changes:
            return None
        written = codec.messages(answer)
        return codec.with_messages(
            answer, [codec.changed(one, changes[at]) if at in changes else one for at, one in enumerate(written)]
        )

    def _bit(self, exchange: SqsExchange, call: Call, rule: Rule, key: str) -> None:
        self.record(Event(kind="bit", fault=rule.id, x=exchange.x, key=key, queue=call.queue, wire=call.operation))
