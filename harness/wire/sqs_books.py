"""What a tap writes down of calls to SQS: the events of each call and of its answer, and what a link remembers of messages."""

from collections import Counter, OrderedDict
from collections.abc import Iterator
from typing import Any

from harness.history.events import Event
from harness.wire import keys
from harness.wire.aws import Call, Codec, Entry, Outcome, Received, Refusal, Reply, handle_tag
from harness.wire.aws_calls import named
from harness.wire.exchange import Exchange, digest, excerpt
from harness.wire.messages import Message
from harness.wire.shims import Shim
from harness.wire.sns import Envelope, envelope
from harness.wire.sqs_shelf import Shelves
from harness.wire.streams import Tap

REMEMBERED = 20_000
"""Receipt handles a link remembers: more than a service under test has in flight; a key that is forgotten is found by its tag."""


class SqsExchange(Exchange):
    """A call to SQS and its answer; `call` is None for what is no call about messages.

    `keys` are the messages it is about; `originals` what the service sent in the entries that a rule altered; `refused` the
    entries (by Id, a whole call under "") that the far tap refuses as AWS does.
    """

    def __init__(self, x: int, request: Message) -> None:
        super().__init__(x, request)
        self.codec: Codec | None = None
        self.call: Call | None = None
        self.reply: Reply | None = None
        self.keys: dict[str, None] = {}
        self.originals: dict[str, Entry] = {}
        self.refused: dict[str, Shim] = {}


class Memory:
    """What a link remembers across its connections, and what one tap has to tell the other.

    By connection and number of the call: `copies` are requests that the near tap made, with the fault that made them; `given`
    answers that the far tap gave; `parts` the copies among the messages of an answer, by position.
    """

    def __init__(self) -> None:
        self.handles: OrderedDict[str, tuple[str, str]] = OrderedDict()
        self.subscribed: set[tuple[str, str]] = set()
        self.open: Counter[str] = Counter()
        self.copies: dict[tuple[int, int], str] = {}
        self.given: dict[tuple[int, int], str] = {}
        self.parts: dict[tuple[int, int], dict[int, str]] = {}
        self.shelves = Shelves()

    def forget(self, conn: int, at: str) -> None:
        """Forget what this tap was still to be told of a connection: it is over here."""
        told: list[dict[tuple[int, int], Any]] = [self.copies] if at == "far" else [self.given, self.parts]
        for one in told:
            for place in [place for place in one if place[0] == conn]:
                del one[place]

    def keep(self, tag: str, key: str, mid: str) -> None:
        """Remember which message a receipt handle stands for."""
        self.handles[tag] = (key, mid)
        if len(self.handles) > REMEMBERED:
            self.handles.popitem(last=False)

    def key_of(self, handle: str) -> str:
        """Return the key of the message that a receipt handle stands for; empty where it is not known."""
        return self.handles.get(handle_tag(handle), ("", ""))[0]


def memory_of(tap: Tap) -> Memory:
    """Return what the link of this tap remembers."""
    found = tap.shared.get("sqs")
    if not isinstance(found, Memory):
        found = tap.shared["sqs"] = Memory()
    return found


class Books:
    """The events of one connection at one tap; who takes them records them, one after the other."""

    def __init__(self, tap: Tap) -> None:
        self._tap = tap
        self.memory = memory_of(tap)
        self.memory.open[tap.at] += 1

    def closed(self) -> None:
        """Take note that the connection is over; with the last one of a link its consumers may show themselves anew."""
        at = self._tap.at
        self.memory.open[at] -= 1
        if not self.memory.open[at]:
            self.memory.subscribed = {one for one in self.memory.subscribed if one[0] != at}

    def key(self, call: Call, message: Entry | Received) -> str:
        """Return the declared key of a message, or what the broker calls it; empty while it has no name.

        Of what comes out of a topic in an envelope, the key of the message that was published, or what SNS calls that.
        """
        around = envelope(message.body) if isinstance(message, Received) else None
        found = self._declared(call, message, around)
        if found or not isinstance(message, Received):
            return found
        return f"id:{message.mid if around is None else around.mid}"

    def _declared(self, call: Call, message: Entry | Received, around: Envelope | None) -> str:
        declared = self._tap.recorder.queue_key("aws", call.topic or call.queue)
        if declared is None:
            return ""
        found = None
        if around is not None:
            found = keys.found(declared, around.message.encode("utf-8", "surrogatepass"), fields=around.texts)
        if found is None:
            texts = {name: one.value for name, one in message.attributes.items()}
            found = keys.found(declared, message.body.encode("utf-8", "surrogatepass"), fields=texts)
        return found or ""

    def _belongs(self, call: Call, entry: Entry) -> str | None:
        """Return the group that the body says, where the queue is declared with a place for it."""
        declared = self._tap.recorder.queue_group(call.queue)
        return None if declared is None else keys.found(declared, entry.body.encode("utf-8", "surrogatepass"))

    def key_of(self, call: Call, entry: Entry) -> str:
        """Return the key of the message that an entry sends or settles; empty where it is not known."""
        return self.key(call, entry) if call.is_send else self.memory.key_of(entry.handle)

    # ----------------------------------------------------------------------------------------------------------- requests

    def asked(self, exchange: SqsExchange, call: Call) -> Iterator[Event]:
        """Yield what a call attempts or settles."""
        if call.operation == "ReceiveMessage":
            place = (self._tap.at, call.queue)
            if place not in self.memory.subscribed:
                self.memory.subscribed.add(place)
                yield Event(kind="subscribed", wire=call.operation, queue=call.queue, x=exchange.x)
        for entry in call.entries:
            yield self._about(exchange, self._begun(exchange, call, entry))

    @staticmethod
    def _about(exchange: SqsExchange, event: Event) -> Event:
        if event.key:
            exchange.keys[event.key] = None
        return event

    def _begun(self, exchange: SqsExchange, call: Call, entry: Entry) -> Event:
        event = Event(kind="attempted", wire=call.operation, queue=call.queue, x=exchange.x, fault=exchange.fault)
        data: dict[str, object] = {} if exchange.attempt is None else {"attempt": exchange.attempt}
        if call.is_send:
            event.key = self.key(call, entry)
            self._describe(event, entry)
            data |= _given(exchange=call.topic, group=entry.group, deduplication=entry.deduplication)
            data |= _given(belongs=self._belongs(call, entry))
            data |= _given(delay=entry.delay, trace=entry.trace)
            if call.topic:
                event.headers = {name: one.value for name, one in entry.attributes.items()} or None
        else:
            event.kind = "settled"
            event.how = "delete" if call.act == "DeleteMessage" else "visibility"
            event.delay = None if call.act == "DeleteMessage" else entry.visibility
            self._name(event, entry)
        data |= _given(entry=entry.id)
        event.data = data or None
        return event

    @staticmethod
    def _describe(event: Event, message: Entry | Received) -> None:
        body = message.body.encode("utf-8", "replace")
        event.size, event.digest, event.body = len(body), digest(body), excerpt(body)
        event.attributes = {name: (one.type, one.value) for name, one in message.attributes.items()} or None

    def _name(self, event: Event, entry: Entry) -> None:
        event.tag = handle_tag(entry.handle)
        event.key, event.mid = self.memory.handles.get(event.tag, ("", ""))

    # ------------------------------------------------------------------------------------------------------------ answers

    def replied(self, exchange: SqsExchange, call: Call, reply: Reply) -> Iterator[Event]:
        """Yield what the broker said to each entry, and what it handed out."""
        entries = {entry.id: entry for entry in call.entries}
        for outcome in reply.outcomes:
            if outcome.id in entries and outcome.ok is not None:
                yield self._about(exchange, self._said(exchange, call, entries[outcome.id], outcome))
        parts = self.memory.parts.pop((self._tap.conn, exchange.x), {}) if self._tap.at == "near" else {}
        for position, message in enumerate(reply.messages):
            event = self._about(exchange, self._delivered(exchange, call, message))
            event.fault = event.fault or parts.get(position, "")
            yield event

    @staticmethod
    def refused(call: Call, refusal: Refusal) -> Reply:
        """Return what an error answer of a tap's own says: nothing was done, whatever the status would mean of a broker."""
        code = refusal.query_code
        return Reply(refusal.status, code, tuple(Outcome(entry.id, ok=False, code=code) for entry in call.entries))

    def _said(self, exchange: SqsExchange, call: Call, entry: Entry, outcome: Outcome) -> Event:
        event = Event(kind="acknowledged", wire=call.operation, queue=call.queue, x=exchange.x, fault=exchange.fault)
        event.status = exchange.shown
        data = _given(entry=entry.id)
        if call.is_send:
            event.kind = "acknowledged" if outcome.ok else "refused"
            event.mid = outcome.mid
            event.key = self.key(call, entry) or (f"id:{outcome.mid}" if outcome.mid else "")
            data |= _given(exchange=call.topic, sequence=outcome.sequence)
        else:
            event.kind, event.ok = "confirmed", outcome.ok
            event.how = "delete" if call.act == "DeleteMessage" else "visibility"
            self._name(event, entry)
        data |= _given(code=outcome.code, shim=_shim(exchange, entry.id))
        event.data = data or None
        return event

    def _delivered(self, exchange: SqsExchange, call: Call, message: Received) -> Event:
        event = Event(kind="delivered", wire=call.operation, queue=call.queue, x=exchange.x, fault=exchange.fault)
        event.mid = message.mid
        event.tag = handle_tag(message.handle)
        # What the far tap altered is still the same message: the near tap names it as the far tap did.
        event.key = self.memory.handles.get(event.tag, ("", ""))[0] or self.key(call, message)
        self.memory.keep(event.tag, event.key, message.mid)
        self._describe(event, message)
        count = message.system.get("ApproximateReceiveCount", "")
        event.count = int(count) if count.isascii() and count.isdigit() and len(count) < 10 else None  # noqa: PLR2004 (an int)
        event.redelivered = event.count is not None and event.count > 1
        system = message.system
        event.data = (
            _given(
                visibility=call.visibility,
                group=system.get("MessageGroupId"),
                deduplication=system.get("MessageDeduplicationId"),
                sequence=system.get("SequenceNumber"),
                trace=system.get("AWSTraceHeader"),
            )
            or None
        )
        return event

    def answered(self, exchange: SqsExchange) -> Event:
        """Return that an answer has passed."""
        call, reply = exchange.call, exchange.reply
        wire = named(exchange.request) if call is None else call.operation
        event = Event(kind="answered", wire=wire, x=exchange.x, status=exchange.shown, fault=exchange.fault)
        event.queue = "" if call is None else call.queue
        event.ok = exchange.shown is not None and exchange.shown < 400  # noqa: PLR2004 (4xx and 5xx are error answers)
        event.data = _given(code=reply.code if reply else "", attempt=exchange.attempt, shim=_shim(exchange, "")) or None
        return event


def _shim(exchange: SqsExchange, ident: str) -> str:
    return exchange.refused[ident].name if ident in exchange.refused else ""


def _given(**values: object) -> dict[str, object]:
    return {name: value for name, value in values.items() if value not in ("", None)}
