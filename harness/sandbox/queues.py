"""Queues as a scenario sees them, on both brokers: declared with a role, published to, looked at exactly, scanned at the end."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import Literal, NamedTuple

from harness.errors import UsageError
from harness.faults.profiles import TASKS, sent_like
from harness.history.events import Event
from harness.model import Key, Link, Moment
from harness.sandbox.dead_letters import Arrivals, DeadLetters
from harness.sandbox.things import Context, Usable
from harness.wire.celery import task
from harness.wire.exchange import digest
from harness.wire.keys import found

Body = Mapping[str, object] | str | bytes
Typed = Mapping[str, tuple[str, str]]
"""Attributes of a message: type and value, as SQS has them; on RabbitMQ headers, of which Number ones are numbers."""
Ending = Literal["effected", "dead-lettered", "refused"]
Role = Literal["work", "retry", "dead-letter", "parking"]


class Look(NamedTuple):
    """One exact look at a queue: messages that are ready or delayed, and those that the broker counts as handed out."""

    ready: int
    in_flight: int = 0


def encode(body: Body) -> bytes:
    """Return the bytes a producer would write: a mapping as compact JSON, text as UTF-8, bytes as they are."""
    if isinstance(body, bytes):
        return body
    if isinstance(body, str):
        return body.encode()
    return json.dumps(body).encode()


class Queue(Usable):
    """A queue of one of the two brokers; made by `sandbox.aws.queue` and `sandbox.rabbitmq.queue`."""

    def __init__(self, context: Context, name: str, *, key: str | None, dead_letter: str | None) -> None:
        super().__init__(context, name)
        self._key = None if key is None else Key(key)
        self._dead_letter = dead_letter
        self.deaths: DeadLetters | None = None

    @property
    def dead_letters(self) -> "Queue":
        """The dead-letter queue of this queue. Raises UsageError where it has none."""
        if self._dead_letter is None:
            message = f"{self.described} has no dead-letter queue; declare it with dead_letter=NAME"
            raise UsageError(message)
        found = self._context.things[self._dead_letter]
        assert isinstance(found, Queue)  # noqa: S101 (brokers register only queues under a dead_letter name)
        return found

    def publish(
        self,
        bodies: Iterable[Body],
        *,
        by: Usable | None = None,
        like: str | None = None,
        type: str | None = None,  # noqa: A002 (what the attribute is about)
        attributes: Mapping[str, str | tuple[str, str]] | None = None,
        ends: Ending = "effected",
    ) -> None:
        """Send every body, in order, and wait for the broker's confirmation of each.

        `by` a real producer (its `service.toml` says how it is told to send), else by the harness itself: with these attributes
        (headers), each a text or (type, text), and those that a library puts there (`like="spring-cloud-aws-3.1.1"`) for messages
        made from the class `type`. `like="celery-5.6.2"` sends each body, `{"task": "deliver_sms", "args": ["N1"]}`, perhaps with
        `kwargs`, `id`, and `countdown` or `eta`, as the task it is. `ends` says where each message has to end for `accounted`.
        Raises UsageError for a body in which the declared key is missing, an unknown library, or `by` and `like` together.
        """
        if by is not None and (like or type or attributes):
            message = (
                f"publish(by=...) to {self.described}: a real producer decides by itself what it sends; leave out the others"
            )
            raise UsageError(message)
        self._context.act()
        call = f"publish(to {self.thing_name}"
        given = {**(sent_like(call, like, type)[0] if like is not None else {}), **(attributes or {})}
        typed = {name: value if isinstance(value, tuple) else ("String", value) for name, value in given.items()}
        for body in bodies:
            payload = self._task(call, body, like) if like in TASKS else encode(body)
            key = self.key_of(payload, {name: value for name, (_, value) in typed.items()})
            if by is not None:
                self._told(by, payload, key, ends)
            else:
                self._send(payload, key, typed, ends)

    def redrive(self, *, times: int = 1, drop: Sequence[str] = ()) -> int:
        """Send every dead letter of this queue back to it, each `times` times, as an operator would; return how many there were.

        Attributes (headers) named in `drop` are left out. Raises UsageError where it has no dead-letter queue, or for what is no
        number of times.
        """
        if times < 1 or isinstance(drop, str):
            message = f"redrive(times={times!r}, drop={drop!r}): times is 1 or more, drop a sequence of names: drop=('JavaType',)"
            raise UsageError(message)
        dead_letters = self.dead_letters
        self._context.act()
        return dead_letters._give_back(self, times, frozenset(drop))  # noqa: SLF001 (another queue of the same broker)

    def key_of(self, payload: bytes, attributes: Mapping[str, str]) -> str:
        """Return the declared key of a message; empty where none is declared. Raises UsageError where it is missing."""
        if self._key is None:
            return ""
        found = self._found(payload, attributes)
        if found is None:
            said = task(payload) or payload
            message = f"key={self._key.spec!r} of {self.described} is not in the body {said[:80]!r}"
            raise UsageError(message)
        return found

    def _found(self, body: bytes | str, attributes: Mapping[str, str]) -> str | None:
        plain = body if isinstance(body, bytes) else body.encode("utf-8", "surrogatepass")
        return None if self._key is None else found(self._key, plain, fields=attributes)

    def _task(self, call: str, body: Body, like: str) -> bytes:
        """Return the message in which this version of Celery sends a task here."""
        del body
        message = f"{call}, like={like!r}): how Celery writes a task is known for SQS only; send the body as Celery would"
        raise UsageError(message)

    def sent(self, nth: int = 1, *, key: str | None = None) -> Moment:
        """Return the moment at which the nth send was confirmed by the broker."""
        return Moment(self.thing_name, "sent", nth, key=key)

    def delivered(self, nth: int = 1, *, key: str | None = None) -> Moment:
        """Return the moment before the nth delivery reaches its consumer."""
        return Moment(self.thing_name, "delivered", nth, key=key)

    def settled(self, nth: int = 1, *, key: str | None = None) -> Moment:
        """Return the moment at which the broker has the nth settlement (ack, reject, delete)."""
        return Moment(self.thing_name, "settled", nth, key=key)

    def dead_lettered(self, nth: int = 1, *, key: str | None = None) -> Moment:
        """Return the moment at which the nth dead letter of this queue was seen: no barrier, the broker has moved it already.

        It is looked for while it is awaited, so one that is taken out of the dead-letter queue before that is not counted.
        """
        return Moment(self.thing_name, "dead_lettered", nth, key=key)

    # ------------------------------------------------------------------ inside

    def gauge(self) -> Callable[[], int]:
        """Return what tells how many messages are ready, from any thread."""
        raise NotImplementedError

    def arrivals(self) -> Arrivals:
        """Return what tells of messages that arrive in this queue, for one who looks again and again."""
        raise NotImplementedError

    def _told(self, by: Usable, payload: bytes, key: str, ends: Ending) -> None:
        send = sender(by)
        self._context.record(expected(self.thing_name, key, ends, self._group_of(payload)))
        send(self.thing_name, payload)

    def _attempt(self, payload: bytes, key: str, attributes: Typed, ends: Ending, wire: str) -> Event:
        return self._context.record(
            Event(
                kind="attempted",
                at="harness",
                queue=self.thing_name,
                key=key,
                wire=wire,
                size=len(payload),
                digest=digest(payload),
                body=payload[:1024].decode("utf-8", "replace"),
                attributes=dict(attributes) or None,
                data=told(ends, self._group_of(payload)),
            )
        )

    def _group_of(self, payload: bytes) -> str | None:
        """Return the group of a message, where the queue was declared with a place for it."""
        del payload
        return None

    def _send(self, payload: bytes, key: str, attributes: Typed, ends: Ending) -> None:
        raise NotImplementedError

    def _redriven(self, payload: bytes, attributes: Mapping[str, str]) -> None:
        key = self.key_of(payload, attributes)
        data: dict[str, object] = {"redriven": True}
        self._context.record(Event(kind="attempted", queue=self.thing_name, key=key, size=len(payload), data=data))

    def _give_back(self, to: "Queue", times: int, drop: Set[str]) -> int:
        raise NotImplementedError

    def look(self) -> Look:
        """Return how many messages the queue has, exactly and without touching them."""
        raise NotImplementedError

    def glance(self, drain: int) -> Event:
        """Write what lies in the queue as this drain's phase ends, without touching it; return the last event of it."""
        raise NotImplementedError

    def scan(self) -> int:
        """Write every message still in the queue into the journal as residue; return how many there were."""
        raise NotImplementedError


def sender(by: Usable) -> Callable[[str, bytes], None]:
    """Return what makes an instance send a body to a destination. Raises UsageError for what cannot be told to."""
    send: Callable[[str, bytes], None] | None = getattr(by, "send", None)
    if send is None:
        message = f"{by.described} cannot be told to publish; by= takes what sandbox.start() returned"
        raise UsageError(message)
    return send


def expected(queue: str, key: str, ends: Ending, group: str | None = None) -> Event:
    """Return the event that somebody is told to send a message to a queue."""
    return Event(kind="attempted", at="harness", queue=queue, key=key, wire="told", data=told(ends, group))


def told(ends: Ending, group: str | None) -> dict[str, object]:
    """Return the data of a send that the harness knows of beforehand."""
    return {"ends": ends} if group is None else {"ends": ends, "group": group}


def link_name(service: str, thing: Usable) -> Link:
    """Return the link of a service to a thing; a queue shares its broker's."""
    return Link(service, thing.road.thing_name)
