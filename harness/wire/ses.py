"""A link to AWS on which mails are sent too: a call of SES that sends one is taken by the sandbox's mailbox, at the far tap.

LocalStack would take it only from a verified sender, knows nothing of SES v2, and does not say when it took it. All other calls,
those of SES that ask or set something among them, go on to it. Without a mailbox nothing here acts.
"""

from collections import deque
from collections.abc import Iterator

from harness.errors import UsageError
from harness.history.events import Event
from harness.wire import sqs
from harness.wire.aws_errors import refusal
from harness.wire.call_rules import ON_REQUESTS
from harness.wire.exchange import answer
from harness.wire.messages import LARGEST_KEPT, Message
from harness.wire.rules import Rule, delay
from harness.wire.ses_calls import OPERATIONS, MailCall, ident, mail_call
from harness.wire.sqs import Sqs
from harness.wire.sqs_books import SqsExchange
from harness.wire.streams import Session, Step, Tap

CARRIED = (*sqs.CARRIED, *OPERATIONS)
ON_MAILS = ("answer_lost", "latency", *ON_REQUESTS)


def session(tap: Tap) -> Session:
    """Return what follows one connection to AWS."""
    return Aws(tap)


def supports(rule: Rule) -> None:
    """Raise UsageError with a sentence for a rule that could never act on a link to AWS."""
    if rule.on not in OPERATIONS:
        sqs.supports(rule)
    elif rule.name not in ON_MAILS:
        message = f"{rule.name} on {rule.link}: on={rule.on!r} sends a mail; what can happen to one is {', '.join(ON_MAILS)}"
        raise UsageError(message)


class Aws(Sqs):
    """One connection to AWS; `_mails` are the calls on it that send mails and are not answered yet."""

    def __init__(self, tap: Tap) -> None:
        super().__init__(tap)
        self._mails: dict[SqsExchange, MailCall] = {}

    def _takes(self) -> bool:
        """Tell whether what passes this tap may be taken by the mailbox."""
        return self.tap.at == "far" and self.tap.recorder.postbox() is not None

    def operation(self, exchange: SqsExchange) -> str:
        """Return the name of the call."""
        call = self._mails.get(exchange)
        return super().operation(exchange) if call is None else call.operation

    def interferes(self) -> bool:
        """Tell whether messages wait for a receive to be added to, or what passes may be a mail, which is not for LocalStack."""
        return bool(self._memory.shelves) or self._takes()

    def keeps_request(self, message: Message) -> bool:
        """Keep what may be a mail until it is whole."""
        may_be_mail = self._takes() and "x-amz-target" not in message.fields and message.size <= LARGEST_KEPT
        return may_be_mail or super().keeps_request(message)

    def asked(self, exchange: SqsExchange) -> Iterator[Step]:
        """Record what a call attempts or settles, or the mail that it sends."""
        yield from super().asked(exchange)
        postbox = self.tap.recorder.postbox()
        call = mail_call(exchange.request) if postbox is not None and exchange.call is None and not self.lost_track else None
        if postbox is None or call is None:
            return
        self._mails[exchange] = call
        event = postbox.requested(call.operation, exchange.x, call.mail)
        if event.key:
            exchange.keys[event.key] = None
        if self.tap.at == "near":
            yield from self.tell(event)

    def copied(self, copy: SqsExchange, exchange: SqsExchange, rule: Rule) -> None:
        """Record what the tap sends once more."""
        super().copied(copy, exchange, rule)
        call, postbox = self._mails.get(exchange), self.tap.recorder.postbox()
        if call is not None and postbox is not None:
            event = postbox.requested(call.operation, copy.x, call.mail)
            event.fault = rule.id
            self.record(event)

    def forward(self, exchange: SqsExchange, raw: bytes) -> Iterator[Step]:
        """Have the mailbox take a mail at the far tap; all else goes on."""
        call, postbox = self._mails.get(exchange), self.tap.recorder.postbox()
        if call is None or postbox is None or self.tap.at != "far" or self._out.gone:
            yield from super().forward(exchange, raw)
            return
        deque(self._out.flush(b""), maxlen=0)
        key = yield from postbox.take(self.tap, call.operation, exchange.x, call.mail)
        if not key:
            exchange.given, exchange.closes = b"", True
        else:
            exchange.shown = 200
            fields, body = call.accepted(ident(self.tap.link, self.tap.conn, exchange.x))
            exchange.given = answer(exchange.request, exchange.shown, body, fields)
            exchange.closes = not exchange.request.keep_alive
            yield from self._answered_late(exchange)
            self._answer_lost(exchange)
        yield from self.give(exchange)

    def _answered_late(self, exchange: SqsExchange) -> Iterator[Step]:
        late = self.use(exchange, ("latency",))
        if late is not None:
            yield self.tap.recorder.pause(delay(late, self.tap.conn, exchange.x))

    def _answer_lost(self, exchange: SqsExchange) -> None:
        lost = self.use(exchange, ("answer_lost",))
        if lost is None:
            return
        self.record(self._answered_mail(exchange))  # what the mailbox said, which goes no further
        given = self.lose_answer(exchange, lost)
        if isinstance(given, bytes):
            exchange.given = given
            self._memory.given[self.tap.conn, exchange.x] = lost.id
        else:
            exchange.given, exchange.closes = b"", True

    def replied(self, exchange: SqsExchange) -> Iterator[Step]:
        """Record what the broker said."""
        if exchange in self._mails:
            exchange.fault = self._memory.given.pop((self.tap.conn, exchange.x), "")
        return super().replied(exchange)

    def passed(self, exchange: SqsExchange) -> Iterator[Step]:
        """Record `answered`."""
        if exchange not in self._mails:
            yield from super().passed(exchange)
            return
        event = self._answered_mail(exchange)
        del self._mails[exchange]
        if not exchange.lost:
            yield from self.tell_answered(event)

    def _answered_mail(self, exchange: SqsExchange) -> Event:
        call, postbox = self._mails[exchange], self.tap.recorder.postbox()
        event = Event(kind="answered", wire=call.operation, x=exchange.x, status=exchange.shown, fault=exchange.fault)
        event.key = next(iter(exchange.keys), "")
        event.ok = exchange.shown is not None and exchange.shown < 400  # noqa: PLR2004 (4xx and 5xx are error answers)
        event.data = None if postbox is None else {"resource": postbox.name}
        return event

    def use(self, exchange: SqsExchange, names: tuple[str, ...]) -> Rule | None:
        """Use up the latest rule of these names that means this call in this tap, and record that it bit."""
        call = self._mails.get(exchange)
        if call is None:
            return super().use(exchange, names)
        if (self.tap.at == "near") != set(names).issubset(ON_REQUESTS):
            return None
        for rule in reversed(self.tap.rules.armed(self.tap.link)):
            meant = any(rule.fits(call.operation, key) for key in exchange.keys or ("",))
            if rule.name in names and meant and self.tap.rules.take(rule):
                for key in exchange.keys or ("",):
                    self.record(Event(kind="bit", fault=rule.id, x=exchange.x, key=key, wire=call.operation))
                return rule
        return None

    def answer_by(self, exchange: SqsExchange, rule: Rule) -> bytes:
        """Return the error answer that `status` gives, in the protocol of the call."""
        call = self._mails.get(exchange)
        if call is None:
            return super().answer_by(exchange, rule)
        given = refusal(rule.code or 0)
        exchange.shown = given.status
        fields, body = call.refused(given)
        if rule.body is not None:
            body = rule.body.encode()
        return answer(exchange.request, given.status, body, {**fields, **(rule.headers or {})})
