"""What a near tap records of a link to an HTTP resource: requests that went on, answers that arrived, answers that were lost.

The resource is its own far side, so `answer_lost` acts here. Neither Host nor any other byte is touched.
"""

from collections.abc import Iterator

from harness.errors import UsageError
from harness.history.events import Event
from harness.model import Key
from harness.wire.exchanges import Exchange, Exchanges, digest, excerpt
from harness.wire.messages import Message
from harness.wire.rules import Rule
from harness.wire.streams import Session, Step, Tap

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def session(tap: Tap) -> Session:
    """Return what follows one connection to an HTTP resource."""
    return Http(tap)


def supports(rule: Rule) -> None:
    """Raise UsageError with a sentence for a rule that cannot act on a link to an HTTP resource."""
    if rule.name == "altered":
        message = f"altered on {rule.link}: only messages of SQS and RabbitMQ can be altered, not requests to an HTTP resource"
        raise UsageError(message)
    if rule.on is not None and rule.on not in METHODS:
        message = f"{rule.name} on {rule.link}: on={rule.on!r} is no method of HTTP; there are: {', '.join(METHODS)}"
        raise UsageError(message)


class HttpExchange(Exchange):
    """An exchange with a resource, and the key its request is about."""

    key = ""


class Http(Exchanges[HttpExchange]):
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
        """Take the answer away where `answer_lost` says so; of two rules the later one acts."""
        key, method = exchange.key, exchange.request.method
        for rule in reversed(self.tap.rules.armed(self.tap.link)):
            if rule.name == "answer_lost" and rule.fits(method, key) and self.tap.rules.take(rule):
                self.record(Event(kind="bit", fault=rule.id, x=exchange.x, key=key, wire=method))
                return self.lose_answer(exchange, rule)
        return None

    def passed(self, exchange: HttpExchange) -> Iterator[Step]:
        """Record `answered`."""
        status = exchange.shown
        event = Event(kind="answered", wire=exchange.request.method, key=exchange.key, x=exchange.x, status=status)
        event.ok = status is not None and status < 400  # noqa: PLR2004 (4xx and 5xx are error answers)
        yield from self.tell_answered(event)


def key_of(key: Key | None, request: Message) -> str:
    """Return the key a request is about, found in its path, body or headers; empty where none is declared or found."""
    if key is None:
        return ""
    return key.find(bytes(request.body), path=request.target, fields=request.fields) or ""
