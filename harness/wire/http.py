"""What a near tap records of a link to an HTTP resource: requests that went on, answers that arrived, and what rules did to them.

The resource is its own far side, so all rules act here. Where none does, neither Host nor any other byte is touched.
"""

from collections.abc import Iterator

from harness.errors import UsageError
from harness.history.events import Event
from harness.model import Key
from harness.wire.call_rules import Ruled
from harness.wire.exchange import Exchange, answer, digest, excerpt
from harness.wire.messages import Message
from harness.wire.rules import Rule
from harness.wire.streams import Session, Step, Tap

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
REFUSED = {
    "altered": "only messages of SQS and RabbitMQ can be altered, not requests to an HTTP resource",
    "reordered": "requests to an HTTP resource come in no order that could be changed; use held(link, key=...)",
    "shortened": "only ReceiveMessage of SQS asks for a visibility timeout that could be shortened",
}
FRAMING = ("connection", "content-length", "transfer-encoding")
FINAL = range(200, 600)


def session(tap: Tap) -> Session:
    """Return what follows one connection to an HTTP resource."""
    return Http(tap)


def supports(rule: Rule) -> None:
    """Raise UsageError with a sentence for a rule that cannot act on a link to an HTTP resource."""
    problem = REFUSED.get(rule.name, "")
    if not problem and rule.on is not None and rule.on not in METHODS:
        problem = f"on={rule.on!r} is no method of HTTP; there are: {', '.join(METHODS)}"
    if not problem and rule.name == "status":
        problem = _wrong_answer(rule)
    if problem:
        message = f"{rule.name} on {rule.link}: {problem}"
        raise UsageError(message)


def _wrong_answer(rule: Rule) -> str:
    if not isinstance(rule.code, int) or rule.code not in FINAL:
        return f"{rule.code!r} is no status of an answer in HTTP (200 to 599), as in status(link, 503)"
    for name, value in (rule.headers or {}).items():
        if name.lower() in FRAMING:
            return f"headers={{{name!r}: ...}} would say where the answer ends, which the tap says itself; leave it out"
        if not (name.isascii() and name.replace("-", "").replace("_", "").isalnum() and value.isprintable()):
            return f"headers={{{name!r}: {value!r}}} is no field of HTTP: a name of letters, digits and -, a value in one line"
    return ""


class HttpExchange(Exchange):
    """An exchange with a resource, and the key its request is about."""

    key = ""


class Http(Ruled[HttpExchange]):
    """One connection to an HTTP resource."""

    def __init__(self, tap: Tap) -> None:
        super().__init__(tap)
        declared = tap.recorder.resource(tap.link.partition("->")[2])
        self._key = Key(declared.key) if declared is not None and declared.key is not None else None

    def new_exchange(self, x: int, request: Message) -> HttpExchange:
        """Return an exchange that knows its key."""
        return HttpExchange(x, request)

    def asked(self, exchange: HttpExchange) -> Iterator[Step]:
        """Record `requested`."""
        request = exchange.request
        key = key_of(self._key, request)
        exchange.key = key
        data: dict[str, object] = {"path": request.target}
        event = Event(kind="requested", wire=request.method, key=key, x=exchange.x, size=request.size, data=data)
        event.digest, event.body = digest(request.body), excerpt(request.body)
        yield from self.tell(event)

    def keeps_answer(self, exchange: HttpExchange) -> bool:
        """Keep answers while a rule is armed: whether one is lost is known when it is whole."""
        del exchange
        return bool(self.tap.rules.armed(self.tap.link))

    def replied(self, exchange: HttpExchange) -> Iterator[Step]:
        """Record nothing: an answer counts when its last byte has left."""
        del exchange
        return iter(())

    def change_answer(self, exchange: HttpExchange) -> Step | None:
        """Take the answer away where `answer_lost` says so."""
        rule = self.use(exchange, ("answer_lost",)) if self.tap.rules.armed(self.tap.link) else None
        return None if rule is None else self.lose_answer(exchange, rule)

    def use(self, exchange: HttpExchange, names: tuple[str, ...]) -> Rule | None:
        """Use up the latest rule of these names that means this request, and record that it bit."""
        key, method = exchange.key, exchange.request.method
        if self.tap.at != "near":
            return None  # a far tap, in front of somebody else's server, only watches
        for rule in reversed(self.tap.rules.armed(self.tap.link)):
            if rule.name in names and rule.fits(method, key) and self.tap.rules.take(rule):
                self.record(Event(kind="bit", fault=rule.id, x=exchange.x, key=key, wire=method))
                return rule
        return None

    def answer_by(self, exchange: HttpExchange, rule: Rule) -> bytes:
        """Return the answer that `status` gives."""
        body = (rule.body or "").encode()
        fields = rule.headers or ({"Content-Type": "application/json"} if body else {})
        return answer(exchange.request, int(rule.code or 0), body, fields)

    def copied(self, copy: HttpExchange, exchange: HttpExchange, rule: Rule) -> None:
        """Record that the tap requests the same once more."""
        copy.key = exchange.key
        self.record(Event(kind="requested", wire=copy.request.method, key=copy.key, x=copy.x, fault=rule.id))

    def passed(self, exchange: HttpExchange) -> Iterator[Step]:
        """Record `answered`."""
        status = exchange.shown
        event = Event(kind="answered", wire=exchange.request.method, key=exchange.key, x=exchange.x, status=status)
        event.fault = exchange.fault
        event.ok = status is not None and status < 400  # noqa: PLR2004 (4xx and 5xx are error answers)
        yield from self.tell_answered(event)


def key_of(key: Key | None, request: Message) -> str:
    """Return the key a request is about, found in its path, body or headers; empty where none is declared or found."""
    if key is None:
        return ""
    return key.find(bytes(request.body), path=request.target, fields=request.fields) or ""
