"""What a tap records of SQS: sends, receives, deletes, visibility changes, and what the broker said to each.

What rules change is in sqs_rules.py; how calls are written in aws_json.py.
"""

import re
from collections import Counter, OrderedDict
from collections.abc import Iterator

from harness.history.events import Event
from harness.wire.aws import Call, Change, Codec, Entry, Outcome, Received, Reply, UnreadableCallError, handle_tag
from harness.wire.aws_json import TARGET, JsonCodec
from harness.wire.exchange import Exchange, digest, excerpt
from harness.wire.exchanges import Exchanges
from harness.wire.messages import Message
from harness.wire.rules import Rule
from harness.wire.sqs_rules import alteration, loss, supports
from harness.wire.streams import Ending, Session, Side, Step, Tap

__all__ = ["session", "supports"]

REMEMBERED = 20_000
"""Receipt handles a link remembers: more than a service under test has in flight; a key that is forgotten is found by its tag."""

LONGEST_FORM = 64 * 1024
JSON = JsonCodec()
_ACTION = re.compile(rb"[?&]Action=(\w{1,64})")


def session(tap: Tap) -> Session:
    """Return what follows one connection to SQS."""
    return Sqs(tap)


class SqsExchange(Exchange):
    """A call to SQS and its answer; `call` is None for what is no call to SQS (a health page).

    `keys` are the messages it is about; `originals` what the service sent in the entries that a rule altered.
    """

    codec: Codec = JSON

    def __init__(self, x: int, request: Message) -> None:
        super().__init__(x, request)
        self.call: Call | None = None
        self.reply: Reply | None = None
        self.keys: dict[str, None] = {}
        self.originals: dict[str, Entry] = {}


class Memory:
    """What a link remembers across its connections."""

    def __init__(self) -> None:
        self.handles: OrderedDict[str, tuple[str, str]] = OrderedDict()
        self.subscribed: set[tuple[str, str]] = set()
        self.open: Counter[str] = Counter()

    def keep(self, tag: str, key: str, mid: str) -> None:
        """Remember which message a receipt handle stands for."""
        self.handles[tag] = (key, mid)
        if len(self.handles) > REMEMBERED:
            self.handles.popitem(last=False)


def _memory(tap: Tap) -> Memory:
    found = tap.shared.get("sqs")
    if not isinstance(found, Memory):
        found = tap.shared["sqs"] = Memory()
    return found


class Sqs(Exchanges[SqsExchange]):
    """One connection to SQS."""

    def __init__(self, tap: Tap) -> None:
        super().__init__(tap)
        self._memory = _memory(tap)
        self._memory.open[tap.at] += 1
        self._ended = False

    def ended(self, by: Side, how: Ending) -> None:
        """Take note of an end; with the last connection of a link its consumers are gone and may show themselves anew."""
        super().ended(by, how)
        if self._ended:
            return
        self._ended = True
        self._memory.open[self.tap.at] -= 1
        if not self._memory.open[self.tap.at]:
            self._memory.subscribed = {one for one in self._memory.subscribed if one[0] != self.tap.at}

    def new_exchange(self, x: int, request: Message) -> SqsExchange:
        """Return an exchange that is no call yet."""
        return SqsExchange(x, request)

    # ----------------------------------------------------------------------------------------------------------- requests

    def asked(self, exchange: SqsExchange) -> Iterator[Step]:
        """Record what a call attempts or settles."""
        try:
            if speaks(exchange.request):
                exchange.call = exchange.codec.call(exchange.request)
        except UnreadableCallError as error:
            yield from self.gap(str(error))
        if exchange.call is None:
            return
        if exchange.call.operation == "ReceiveMessage":
            yield from self._subscribed(exchange.call, exchange.x)
        for entry in exchange.call.entries:
            yield from self._about(exchange, self._begun(exchange, exchange.call, entry))

    def _about(self, exchange: SqsExchange, event: Event) -> Iterator[Step]:
        if event.key:
            exchange.keys[event.key] = None
        yield from self.tell(event)

    def _subscribed(self, call: Call, x: int) -> Iterator[Step]:
        place = (self.tap.at, call.queue)
        if place not in self._memory.subscribed:
            self._memory.subscribed.add(place)
            yield from self.tell(Event(kind="subscribed", wire=call.operation, queue=call.queue, x=x))

    def _begun(self, exchange: SqsExchange, call: Call, entry: Entry) -> Event:
        event = Event(kind="attempted", wire=call.operation, queue=call.queue, x=exchange.x)
        data: dict[str, object] = {} if exchange.attempt is None else {"attempt": exchange.attempt}
        if call.act == "SendMessage":
            event.key = self.key(call, entry)
            self._describe(event, entry)
            data |= {name: value for name, value in (("group", entry.group), ("delay", entry.delay)) if value not in ("", None)}
        else:
            event.kind = "settled"
            event.how = "delete" if call.act == "DeleteMessage" else "visibility"
            event.delay = None if call.act == "DeleteMessage" else entry.visibility
            self._name(event, entry)
        data |= {"entry": entry.id} if entry.id else {}
        event.data = data or None
        return event

    def key(self, call: Call, message: Entry | Received) -> str:
        """Return the declared key of a message, or what the broker calls it; empty while it has no name."""
        declared = self.tap.recorder.queue_key("aws", call.queue)
        texts = {name: one.value for name, one in message.attributes.items()}
        found = declared.find(message.body, fields=texts) if declared is not None else None
        return found or (f"id:{message.mid}" if isinstance(message, Received) else "")

    def _describe(self, event: Event, message: Entry | Received) -> None:
        body = message.body.encode("utf-8", "replace")
        event.size, event.digest, event.body = len(body), digest(body), excerpt(body)
        event.attributes = {name: (one.type, one.value) for name, one in message.attributes.items()} or None

    def _name(self, event: Event, entry: Entry) -> None:
        event.tag = handle_tag(entry.handle)
        event.key, event.mid = self._memory.handles.get(event.tag, ("", ""))

    # ------------------------------------------------------------------------------------------------------------ answers

    def replied(self, exchange: SqsExchange) -> Iterator[Step]:
        """Record what the broker said to each entry, and what it handed out."""
        call, answer = exchange.call, exchange.answer
        if call is None or answer is None:
            return
        try:
            exchange.reply = exchange.codec.reply(call, answer)
        except UnreadableCallError as error:
            yield from self.gap(str(error))
            return
        entries = {entry.id: entry for entry in call.entries}
        for outcome in exchange.reply.outcomes:
            if outcome.id in entries and outcome.ok is not None:
                yield from self._about(exchange, self._said(exchange, call, entries[outcome.id], outcome))
        for message in exchange.reply.messages if call.operation == "ReceiveMessage" else ():
            yield from self._about(exchange, self._delivered(exchange, call, message))

    def _said(self, exchange: SqsExchange, call: Call, entry: Entry, outcome: Outcome) -> Event:
        event = Event(kind="acknowledged", wire=call.operation, queue=call.queue, x=exchange.x, status=exchange.shown)
        data: dict[str, object] = {"entry": entry.id} if entry.id else {}
        if call.act == "SendMessage":
            event.kind = "acknowledged" if outcome.ok else "refused"
            event.mid = outcome.mid
            event.key = self.key(call, entry) or (f"id:{outcome.mid}" if outcome.mid else "")
            data |= {"sequence": outcome.sequence} if outcome.sequence else {}
        else:
            event.kind, event.ok = "confirmed", outcome.ok
            event.how = "delete" if call.act == "DeleteMessage" else "visibility"
            self._name(event, entry)
        data |= {"code": outcome.code} if outcome.code else {}
        event.data = data or None
        return event

    def _delivered(self, exchange: SqsExchange, call: Call, message: Received) -> Event:
        event = Event(kind="delivered", wire=call.operation, queue=call.queue, x=exchange.x, mid=message.mid)
        event.tag = handle_tag(message.handle)
        # What the far tap altered is still the same message: the near tap names it as the far tap did.
        event.key = self._memory.handles.get(event.tag, ("", ""))[0] or self.key(call, message)
        self._memory.keep(event.tag, event.key, message.mid)
        self._describe(event, message)
        count = message.system.get("ApproximateReceiveCount", "")
        event.count = int(count) if count.isascii() and count.isdigit() and len(count) < 10 else None  # noqa: PLR2004 (an int)
        event.redelivered = event.count is not None and event.count > 1
        found = (("visibility", call.visibility), ("group", message.system.get("MessageGroupId")))
        event.data = {name: value for name, value in found if value is not None} or None
        return event

    def passed(self, exchange: SqsExchange) -> Iterator[Step]:
        """Record `answered`, where the answer was the broker's own or the service got one."""
        if exchange.lost and self.tap.at == "far":
            return
        call, reply = exchange.call, exchange.reply
        wire = exchange.request.method if call is None else call.operation
        event = Event(kind="answered", wire=wire, x=exchange.x, status=exchange.shown)
        event.queue = "" if call is None else call.queue
        event.ok = exchange.shown is not None and exchange.shown < 400  # noqa: PLR2004 (4xx and 5xx are error answers)
        found = (("code", reply.code if reply else ""), ("attempt", exchange.attempt))
        event.data = {name: value for name, value in found if value not in ("", None)} or None
        yield from self.tell_answered(event)

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
        call, changes = exchange.call, dict[str, Change]()
        if call is None or call.act != "SendMessage" or not self.keeps_request(exchange.request):
            return None
        for entry in call.entries:
            key = self.key(call, entry)
            found = alteration(self.tap, call, key, entry)
            if found is not None:
                self._bit(exchange, call, found.rule, key)
                changes[entry.id], exchange.originals[entry.id] = found.change, entry
        return exchange.request.with_body(exchange.codec.change_sends(exchange.request, changes)) if changes else None

    def change_answer(self, exchange: SqsExchange) -> Step | None:
        """Return the answer as rules want it at the far tap, with mended digests at the near tap."""
        call, reply, answer = exchange.call, exchange.reply, exchange.answer
        if call is None or reply is None or answer is None:
            return None
        if self.tap.at == "near":
            mended = exchange.originals and exchange.untouched and reply.ok
            return answer.with_body(exchange.codec.digest_sends(answer, exchange.originals)) if mended else None
        rule = loss(self.tap, call, exchange.keys, of_messages=bool(call.entries or reply.messages))
        if rule is not None:
            for key in exchange.keys or ("",):
                self._bit(exchange, call, rule, key)
            return self.lose_answer(exchange, rule)
        return self._altered_messages(exchange, call, reply, answer) if exchange.untouched else None

    def _altered_messages(self, exchange: SqsExchange, call: Call, reply: Reply, answer: Message) -> bytes | None:
        changes: dict[int, Change] = {}
        for position, message in enumerate(reply.messages):
            key = self._memory.handles.get(handle_tag(message.handle), ("", ""))[0]
            found = alteration(self.tap, call, key, message)
            if found is not None:
                self._bit(exchange, call, found.rule, key)
                changes[position] = found.change
        return answer.with_body(exchange.codec.change_messages(answer, changes)) if changes else None

    def _bit(self, exchange: SqsExchange, call: Call, rule: Rule, key: str) -> None:
        self.record(Event(kind="bit", fault=rule.id, x=exchange.x, key=key, queue=call.queue, wire=call.operation))


def speaks(request: Message) -> bool:
    """Tell whether a request is a call to SQS that can be read; raises UnreadableCallError for one in another protocol.

    The query protocol (botocore before 1.31.81, Java before 2.21.19) will be a second codec.
    """
    target = request.fields.get("x-amz-target", "")
    if target.startswith(TARGET):
        return True
    if target:
        reason = f"a call to {target}, which is not SQS"
        raise UnreadableCallError(reason)
    action = _ACTION.search(request.target.encode("latin-1") + b"&" + bytes(request.body[:LONGEST_FORM]))
    if action is not None:
        reason = f"the call {action.group(1).decode()} in the AWS query protocol: only JSON 1.0 is followed"
        raise UnreadableCallError(reason)
    return False
