"""What a tap remembers of one AMQP channel: messages under way, consumers, deliveries not settled, publishes not confirmed."""

import hashlib
import json
from collections import deque
from itertools import takewhile
from typing import Any, Literal, NamedTuple, TypeVar

from harness.model import Key
from harness.wire.keys import found

T = TypeVar("T")

LONGEST_BODY = 1024 * 1024
"""Bytes of a body that are kept to look for its key; of a longer one only length and digest are known."""

EXCERPT = 1024

_FIELDS = ("headers", "message_id")
"""Properties that have a field of their own in an event."""


class Sent(NamedTuple):
    """A publish that awaits its confirm."""

    x: int
    key: str
    queue: str
    mid: str


class Given(NamedTuple):
    """A delivery that awaits its settlement."""

    key: str
    queue: str
    mid: str


class Consumer(NamedTuple):
    """Who gets deliveries of a queue."""

    queue: str
    no_ack: bool


class Content:
    """A message under way: its method, its properties, as much of its body as is kept."""

    __slots__ = ("arguments", "given", "header_at", "kept", "kind", "properties", "size", "summed", "x")

    def __init__(self, kind: Literal["publish", "deliver", "get", "return"], arguments: dict[str, Any], x: int = 0) -> None:
        self.kind = kind
        self.arguments = arguments
        self.x = x
        self.properties: dict[str, Any] = {}
        self.size = -1  # until the content header has come
        self.given = 0
        self.kept: list[bytes] = []
        self.summed: Any = None  # the digest under way, where not the whole body is kept
        self.header_at: int | None = None  # where its content header waits to be altered

    def add(self, piece: bytes) -> None:
        """Take a piece of the body."""
        self.given += len(piece)
        if self.given <= LONGEST_BODY:
            self.kept.append(piece)
            return
        if self.summed is None:
            self.summed = hashlib.sha256(self.body)
        self.summed.update(piece)
        del self.kept[1:]

    @property
    def body(self) -> bytes:
        """Return the body, or what is kept of it."""
        return self.kept[0] if len(self.kept) == 1 else b"".join(self.kept)

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the whole body."""
        summed = self.summed or hashlib.sha256(self.body)
        return str(summed.hexdigest())

    @property
    def headers(self) -> dict[str, Any] | None:
        """Return the application's and the broker's headers; shared between messages that have the same, so not to be changed."""
        headers: dict[str, Any] | None = self.properties.get("headers")
        return headers

    @property
    def details(self) -> dict[str, object]:
        """Return exchange, routing key and the properties that have no field of their own in an event."""
        found = {"exchange": self.arguments["exchange"], "routing_key": self.arguments["routing_key"], **self.properties}
        for name in _FIELDS:
            found.pop(name, None)
        return found

    def identity(self, declared: Key | None) -> str:
        """Return the key: the declared one where it is found, else message id, correlation id, else a digest of the content."""
        if declared is not None:
            key = found(declared, self.body, fields=None if declared.spec[0] == "/" else self._fields())
            if key is not None:
                return key
        for name in ("message_id", "correlation_id"):
            if self.properties.get(name):
                return f"id:{self.properties[name]}"
        return f"sha256:{self._digest()}"

    def _fields(self) -> dict[str, str]:
        plain = {name: value for name, value in self.properties.items() if name != "headers"}
        return {name: str(value) for name, value in {**plain, **(self.headers or {})}.items()}

    def _digest(self) -> str:
        """Digest what a dead-lettered message keeps: where it came from first stands in the oldest entry of x-death."""
        exchange, routing_key = self.arguments["exchange"], self.arguments["routing_key"]
        headers = self.headers or {}
        deaths = headers.get("x-death")
        if isinstance(deaths, list) and deaths and isinstance(deaths[-1], dict):
            first = deaths[-1]
            exchange = first.get("exchange", exchange)
            routing_key = next(iter(first.get("routing-keys") or ()), routing_key)
        own = {name: value for name, value in headers.items() if not name.startswith("x-")}
        known = json.dumps([exchange, routing_key, own, self.digest], sort_keys=True, default=str)
        return hashlib.sha256(known.encode()).hexdigest()[:16]


class Channel:
    """One channel of one connection. `dead`: a close passed; what comes until the answer to it is not processed by anybody."""

    __slots__ = (
        "consumers", "consuming", "dead", "getting", "last_queue", "lost", "next_tag", "number", "open", "receiving", "sending",
        "unconfirmed",
    )  # fmt: skip

    def __init__(self, number: int) -> None:
        self.number = number
        self.dead = False
        self.next_tag = 0  # of the next publish; 0 without confirms
        self.unconfirmed: dict[int, Sent] = {}
        self.lost = False  # a confirm was taken away: "and all before" would tell of it
        self.open: dict[int, Given] = {}
        self.consumers: dict[str, Consumer] = {}
        self.consuming: deque[Consumer] = deque()
        self.getting: deque[Consumer] = deque()
        self.last_queue = ""
        self.sending: Content | None = None
        self.receiving: Content | None = None

    def die(self) -> None:
        """Break off what is under way: nobody processes it any more."""
        self.dead = True
        self.sending = self.receiving = None

    def queue(self, named: str) -> str:
        """Return the queue a method means; the empty name is the last one declared on this channel."""
        return named or self.last_queue

    def sent(self, one: Sent) -> None:
        """Remember a publish that will be confirmed."""
        if self.next_tag:
            self.unconfirmed[self.next_tag] = one
            self.next_tag += 1

    def confirmed(self, tag: int, *, multiple: bool) -> list[tuple[int, Sent]]:
        """Return and forget the publishes that a confirm means."""
        return _taken(self.unconfirmed, tag, multiple=multiple)

    def settled(self, tag: int, *, multiple: bool) -> list[tuple[int, Given]]:
        """Return and forget the deliveries that a consumer's word means; one that is not known has no key."""
        known = _taken(self.open, tag, multiple=multiple)
        return known or ([] if multiple else [(tag, Given("", "", ""))])


def _taken(waiting: dict[int, T], tag: int, *, multiple: bool) -> list[tuple[int, T]]:
    if not multiple:
        return [(tag, waiting.pop(tag))] if tag in waiting else []
    # Tags were put in ascending, so the first ones are meant; 0 means all.
    meant = list(waiting) if tag == 0 else list(takewhile(lambda one: one <= tag, waiting))
    return [(one, waiting.pop(one)) for one in meant]
