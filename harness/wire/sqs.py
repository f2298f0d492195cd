"""What a tap does with one connection to AWS: calls about messages are read and recorded, and changed where a rule says so.

What is recorded is in sqs_books.py, which rule acts in sqs_rules.py, how calls are written in aws_json.py and aws_query.py. What
rules do to requests they do in the near tap, what they do to answers in the far tap.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace

from harness.history.events import Event
from harness.wire.aws import Call, Change, Codec, Entry, UnreadableCallError
from harness.wire.aws_calls import JSON, codec_of
from harness.wire.aws_errors import refusal
from harness.wire.exchange import answer, forget_left_out
from harness.wire.messages import Message
from harness.wire.rules import Rule
from harness.wire.sqs_books import Books, SqsExchange
from harness.wire.sqs_rules import CARRIED, alteration, answer_rule, fitting, request_rule, shortening, supports
from harness.wire.sqs_shelf import Parcel, numbered
from harness.wire.sqs_strict import Strict
from harness.wire.streams import Ending, Session, Side, Step, Tap

__all__ = ["CARRIED", "session", "supports"]


def session(tap: Tap) -> Session:
    """Return what follows one connection to AWS."""
    return Sqs(tap)


class Sqs(Strict):
    """One connection to AWS."""

    def __init__(self, tap: Tap) -> None:
        super().__init__(tap)
        self._books = Books(tap)
        self._memory = self._books.memory
        self._ended = False

    def ended(self, by: Side, how: Ending) -> None:
        """Take note of an end."""
        super().ended(by, how)
        if not self._ended:
            self._ended = True
            self._books.closed()
        if self.tap.at == "far":
            forget_left_out(self.tap)
        if by == ("service" if self.tap.at == "far" else "target"):  # nothing more comes that way
            self._memory.forget(self.tap.conn, self.tap.at)

    def gathers(self) -> bool:
        """Have head and body go on together: a call is one message, and of half a message nothing can be done or refused."""
        return True

    def new_exchange(self, x: int, request: Message) -> SqsExchange:
        """Return an exchange that is no call yet; at the far tap it may be a copy that the near tap made."""
        made = SqsExchange(x, request)
        if self.tap.at == "far":
            made.fault = self._memory.copies.pop((self.tap.conn, x), "")
        return made

    def operation(self, exchange: SqsExchange) -> str:
        """Return the name of the call."""
        return exchange.call.operation if exchange.call is not None else ""

    def interferes(self) -> bool:
        """Tell whether messages wait for a receive to be added to."""
        return bool(self._memory.shelves)

    def is_plain(self, exchange: SqsExchange) -> bool:
        """Tell whether the answer passes as it comes: it may have digests to be mended."""
        return exchange.is_plain and not exchange.originals and not exchange.refused

    # ----------------------------------------------------------------------------------------------------------- recorded

    def asked(self, exchange: SqsExchange) -> Iterator[Step]:
        """Record what a call attempts or settles."""
        try:
            codec = exchange.codec = codec_of(exchange.request)
            call = exchange.call = None if codec is None else codec.call(exchange.request)
        except UnreadableCallError as error:
            yield from self.gap(str(error))
            return
        if call is None:
            return
        for event in self._books.asked(exchange, call):
            yield from self.tell(event)
        if self.t:  # it has gone on already
            self.note_asked(exchange)

    def replied(self, exchange: SqsExchange) -> Iterator[Step]:
        """Record what the broker said to each entry, and what it handed out."""
        call, reply, codec = exchange.call, exchange.answer, exchange.codec
        if call is None or reply is None or codec is None:
            return
        try:
            exchange.reply = codec.reply(call, reply)
        except UnreadableCallError as error:
            yield from self.gap(str(error))
            return
        if self.tap.at == "near":
            exchange.fault = self._memory.given.pop((self.tap.conn, exchange.x), "")
        self.note_replied(exchange)
        for event in self._books.replied(exchange, call, exchange.reply):
            yield from self.tell(event)

    def passed(self, exchange: SqsExchange) -> Iterator[Step]:
        """Record `answered`, where the answer was the broker's own or the service got one."""
        if exchange.lost and self.tap.at == "far":
            return
        yield from self.tell_answered(self._books.answered(exchange))

    def copied(self, copy: SqsExchange, exchange: SqsExchange, rule: Rule) -> None:
        """Record what the tap sends once more; the far tap is told that it is a copy."""
        self._memory.copies[self.tap.conn, copy.x] = rule.id
        copy.codec = exchange.codec
        if exchange.call is not None:
            copy.call = replace(exchange.call, entries=self._meant(exchange.call, rule))
            for event in self._books.asked(copy, copy.call):
                self.record(event)

    def _bit(self, exchange: SqsExchange, rule: Rule, keys: Collection[str]) -> None:
        call = exchange.call
        for key in keys or ("",):
            event = Event(kind="bit", fault=rule.id, x=exchange.x, key=key)
            event.queue, event.wire = ("", "") if call is None else (call.queue, call.operation)
            self.record(event)

    # -------------------------------------------------------------------------------------------------------------- rules

    def keeps_request(self, message: Message) -> bool:
        """Keep requests at the near tap while a rule may mean them, at the far tap where they may be refused or added to."""
        if self.tap.at == "near":
            return super().keeps_request(message) or any(
                rule.name in ("altered", "shortened") for rule in self.tap.rules.armed(self.tap.link)
            )
        return bool(self._memory.shelves) or self.may_refuse(message)

    def keeps_answer(self, exchange: SqsExchange) -> bool:
        """Keep answers at the far tap while a rule is armed, at the near tap where their digests have to be mended."""
        if self.tap.at == "near":
            return bool(exchange.originals)
        return bool(self.tap.rules.armed(self.tap.link) or self._memory.shelves or exchange.refused)

    def use(self, exchange: SqsExchange, names: tuple[str, ...]) -> Rule | None:
        """Use up the latest rule of these names that means this call in this tap, and record that it bit."""
        call, reply = exchange.call, exchange.reply
        if call is None:
            return None
        if self.tap.at == "far":
            of_messages = bool(call.entries or (reply and reply.messages))
            rule = answer_rule(self.tap, names, call, exchange.keys, of_messages=of_messages) if reply else None
        else:
            rule = request_rule(self.tap, names, call, exchange.keys) if exchange.answer is None else None
        if rule is not None:
            self._bit(exchange, rule, exchange.keys)
        return rule

    def awaited(self, exchange: SqsExchange) -> Iterator[Step]:
        """Wait as long as `latency` says, and until `held` ends that means the messages of this answer."""
        yield from super().awaited(exchange)
        rule = self.use(exchange, ("held",)) if self.tap.at == "far" else None
        if rule is not None:
            yield self.tap.recorder.until_disarmed(rule.id)

    def answer_by(self, exchange: SqsExchange, rule: Rule) -> bytes:
        """Return the error answer that `status` gives, in the protocol of the call; what it refuses is refused for certain."""
        codec, call = exchange.codec or JSON, exchange.call
        given = refusal(rule.code or 0)
        fields, body = codec.failure(given)
        exchange.shown = given.status
        if call is not None:
            exchange.reply = self._books.refused(call, given)
            for event in self._books.replied(exchange, call, exchange.reply):
                self.record(event)
        if rule.body is not None:
            body = rule.body.encode()
        return answer(exchange.request, given.status, body, {**fields, **(rule.headers or {})})

    def copy_of(self, exchange: SqsExchange, rule: Rule, sent: bytes) -> bytes:
        """Return the call with the entries that the rule means, as the service sent them."""
        codec, call, request = exchange.codec, exchange.call, exchange.request
        meant = () if call is None else self._meant(call, rule)
        if codec is not None and call is not None and len(meant) < len(call.entries):
            return codec.only(request, [entry.id for entry in meant])
        return request.with_body(bytes(request.body), without=("expect",)) if "expect" in request.fields else sent

    def _meant(self, call: Call, rule: Rule) -> tuple[Entry, ...]:
        return tuple(entry for entry in call.entries if rule.key in (None, self._books.key_of(call, entry)))

    def change_request(self, exchange: SqsExchange) -> bytes | None:
        """Return a request as `altered` or `shortened` want it, or one that must not wait because messages are here already."""
        call, codec = exchange.call, exchange.codec
        if call is None or codec is None:
            return None
        if self.tap.at == "near":
            return self._altered_sends(exchange, call, codec) or self._shortened(exchange, call, codec)
        if call.operation == "ReceiveMessage" and self._memory.shelves.of(call.queue, codec):
            return codec.change_timeouts(exchange.request, "WaitTimeSeconds", {"": 0})
        return None

    def _altered_sends(self, exchange: SqsExchange, call: Call, codec: Codec) -> bytes | None:
        """Return a send as `altered` wants it; what the service sent is remembered, for the digests in its answer."""
        changes: dict[str, Change] = {}
        for entry in call.entries if call.is_send else ():
            key = self._books.key(call, entry)
            found = alteration(self.tap, call, key, entry)
            if found is not None:
                self._bit(exchange, found.rule, (key,))
                changes[entry.id], exchange.originals[entry.id] = found.change, entry
        return codec.change_sends(exchange.request, changes) if changes else None

    def _shortened(self, exchange: SqsExchange, call: Call, codec: Codec) -> bytes | None:
        keys = {entry.id: self._books.key_of(call, entry) for entry in call.entries}
        found = shortening(self.tap, call, keys)
        for ident, rule in found.rules.items():
            self._bit(exchange, rule, (keys.get(ident, ""),))
        return codec.change_timeouts(exchange.request, "VisibilityTimeout", found.seconds) if found.rules else None

    def change_answer(self, exchange: SqsExchange) -> Step | None:
        """Return the answer as rules want it at the far tap, with mended digests at the near tap."""
        call, reply, given, codec = exchange.call, exchange.reply, exchange.answer, exchange.codec
        if call is None or reply is None or given is None or codec is None:
            return None
        if self.tap.at == "near":
            mended = exchange.originals and exchange.untouched and reply.ok and call.about_messages and given.body
            return codec.digest_sends(given, exchange.originals) if mended else None
        rule = self.use(exchange, ("answer_lost",))
        if rule is not None:
            if rule.status is not None:
                self._memory.given[self.tap.conn, exchange.x] = rule.id
            return self.lose_answer(exchange, rule)
        changes = exchange.untouched and reply.ok and call.operation == "ReceiveMessage"
        return self._handed_on(exchange, call, given, codec) if changes else None

    # ----------------------------------------------------------------------------------------- the messages of a receive

    def _handed_on(self, exchange: SqsExchange, call: Call, given: Message, codec: Codec) -> bytes | None:
        """Return the answer with its messages as rules hand them on; None where they leave them as they are."""
        shelf = self._memory.shelves.of(call.queue, codec)
        if not self.tap.rules.armed(self.tap.link) and not shelf:
            return None
        assert exchange.reply is not None  # noqa: S101 (looked at before)
        written = codec.messages(given)
        for one, message in zip(written, exchange.reply.messages, strict=True):
            parcel = self._altered(exchange, call, Parcel(one, message, self._memory.key_of(message.handle)), codec)
            for each in (parcel, *self._copies(exchange, call, parcel)):
                rule = next((rule for rule in fitting(self.tap, ("reordered",), call, (each.key,)) if self._take(rule)), None)
                if rule is None:
                    shelf.ready.append(each)
                else:
                    self._bit_each(exchange, rule, shelf.put(each, rule))
        if not written or not any(rule.name == "reordered" for rule in self.tap.rules.armed(self.tap.link)):
            shelf.let_go()
        taken = shelf.take(max(call.most, len(written)))
        if [one.written for one in taken] == written:
            return None
        self._memory.parts[self.tap.conn, exchange.x] = dict(numbered(taken))
        return codec.with_messages(given, [one.written for one in taken])

    def _altered(self, exchange: SqsExchange, call: Call, parcel: Parcel, codec: Codec) -> Parcel:
        found = alteration(self.tap, call, parcel.key, parcel.message)
        if found is None:
            return parcel
        self._bit(exchange, found.rule, (parcel.key,))
        return replace(parcel, written=codec.changed(parcel.written, found.change))

    def _copies(self, exchange: SqsExchange, call: Call, parcel: Parcel) -> list[Parcel]:
        for rule in fitting(self.tap, ("duplicate",), call, (parcel.key,)):
            if self._take(rule):
                self._bit(exchange, rule, (parcel.key,))
                return [parcel.copy(rule)] * rule.copies
        return []

    def _bit_each(self, exchange: SqsExchange, rule: Rule, parcels: list[Parcel]) -> None:
        if parcels:
            self._bit(exchange, rule, [one.key for one in parcels])

    def _take(self, rule: Rule) -> bool:
        return self.tap.rules.take(rule)
