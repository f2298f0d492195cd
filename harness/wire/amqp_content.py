"""A message on AMQP, from its first frame to the event that it becomes; what nobody asks for yet stays as the bytes it came in.

To follow a connection, a tap needs little of a message: its channel, its tag, where its route lies. Headers, key, digest and
excerpt are made when the event is written, or when a rule asks for the key.
"""

import hashlib
import json
from typing import Any, Literal, Protocol

import msgspec

from harness.history.events import Event, Kind
from harness.model import Key
from harness.wire import amqp_methods as m
from harness.wire.amqp_values import properties
from harness.wire.keys import found

LONGEST_BODY = 1024 * 1024
"""Bytes of a body that are kept to look for its key; of a longer one only length and digest are known."""

EXCERPT = 1024

Name = Literal["publish", "deliver", "get", "return"]
_EVENTS: dict[Name, Kind] = {"publish": "attempted", "deliver": "delivered", "get": "delivered", "return": "returned"}
_WIRES = {"publish": "Basic.Publish", "deliver": "Basic.Deliver", "get": "Basic.GetOk", "return": "Basic.Return"}


class Place(Protocol):
    """Where a message was seen: what all messages of one connection at one tap have in common."""

    link: str
    at: Literal["near", "far", "resource"]
    conn: int

    is_over: bool

    def key_of(self, queue: str) -> Key | None:
        """Return where the key of a message of this queue stands, None where none was declared."""
        ...

    def broken(self, kind: str, error: Exception) -> Event:
        """Return the gap that a message leaves which cannot be read; nothing more is told of its connection."""
        ...


class Content(msgspec.Struct, gc=False, eq=False):
    """A message. `route` is exchange and routing key as they came.

    `headers` and `details` (exchange, routing key, and the properties that have no field of their own in an event) are there
    from `know` until the event is made. Headers are shared between messages that have the same, so nobody is to change them.
    """

    kind: Name
    place: Place
    channel: int
    route: bytes
    known_queue: str | None = None  # of a delivery, at once
    tag: int = -1  # of a delivery
    bits: int = 0  # the lowest: redelivered, or mandatory
    no_ack: bool = False
    x: int = 0
    status: int | None = None
    text: str = ""
    is_unconfirmed: bool = False
    t: float = 0.0  # when it passed, on the machine's clock
    name: str = ""  # of a delivery that came under another tag than the broker gave it
    fault: str = ""  # which made this copy
    size: int = -1  # until the content header has come
    given: int = 0
    header: bytes = b""
    whole: bytes = b""  # the body, where it came in one piece
    pieces: list[bytes] | None = None
    summed: Any = None  # the digest under way, where not the whole body is kept
    is_known: bool = False
    known_key: str = ""
    known_mid: str = ""
    headers: dict[str, Any] | None = None
    details: dict[str, Any] | None = None

    @property
    def wire(self) -> str:
        """Return the name of its method."""
        return _WIRES[self.kind]

    @property
    def queue(self) -> str:
        """Return the queue where it is known; this and the next two raise as `know` does."""
        self.know()
        return self.known_queue or ""

    @property
    def key(self) -> str:
        """Return its identity."""
        self.know()
        return self.known_key

    @property
    def mid(self) -> str:
        """Return its message id, if it has one."""
        self.know()
        return self.known_mid

    def add(self, piece: bytes) -> None:
        """Take a piece of the body."""
        self.given += len(piece)
        if self.pieces is None:
            self.pieces = []
        if self.given <= LONGEST_BODY:
            self.pieces.append(piece)
            return
        if self.summed is None:
            self.summed = hashlib.sha256(self.body)
        self.summed.update(piece)
        del self.pieces[1:]

    @property
    def body(self) -> bytes:
        """Return the body, or what is kept of it."""
        return self.whole if self.pieces is None else b"".join(self.pieces)

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the whole body."""
        summed = self.summed or hashlib.sha256(self.body)
        return str(summed.hexdigest())

    def know(self) -> None:
        """Read queue, headers, properties and key; raises GarbledError, struct.error or IndexError where they are none."""
        if self.is_known:
            return
        exchange, routing_key = m.route(self.route)
        details = self.details = properties(self.header, exchange=exchange, routing_key=routing_key)
        self.headers = details.pop("headers", None)
        self.known_mid = details.pop("message_id", "")
        if self.known_queue is None:  # the default exchange has a binding of its name to every queue
            self.known_queue = "" if exchange else routing_key
        key = self._declared(self.place.key_of(self.known_queue))
        self.known_key = self._identity() if key is None else key
        self.is_known = True

    def event(self) -> Event | None:
        """Return what the whole message is in a journal, and forget all of it but its identity."""
        if self.place.is_over:
            return None
        try:
            return self._told()
        except Exception as error:  # noqa: BLE001 (a defect of the decoder is a gap in the journal, and the other taps go on)
            return self.place.broken(self.kind, error)

    def _told(self) -> Event:
        self.know()
        headers, details, body, place = self.headers, self.details, self.body, self.place
        event = Event(
            kind=_EVENTS[self.kind], at=place.at, link=place.link, conn=place.conn, x=self.x, wire=_WIRES[self.kind],
            queue=self.known_queue or "", key=self.known_key, mid=self.known_mid, status=self.status, size=self.size,
            digest=self.digest[:16],
            body=str(body[:EXCERPT], "utf-8", "replace"), headers=headers, data=details,
        )  # fmt: skip
        event.fault = self.fault
        self.whole, self.pieces, self.summed, self.header, self.headers, self.details = b"", None, None, b"", None, None
        if self.tag >= 0:
            event.tag, event.redelivered = self.name or f"{self.channel}:{self.tag}", self.bits & 1 == 1
            counted = headers.get("x-delivery-count") if headers else None
            event.count = counted if isinstance(counted, int) else None
        elif details is not None and self.is_unconfirmed:
            details["unconfirmed"] = True
        elif details is not None and self.status is not None:
            details["text"] = self.text
        return event

    def _declared(self, key: Key | None) -> str | None:
        """Return the declared key where there is one."""
        if key is None:
            return None
        return found(key, self.body, fields=None if key.spec[0] == "/" else self._fields())

    def _identity(self) -> str:
        """Return the message id, else the correlation id, else a digest of the content."""
        name = self.known_mid or (self.details or {}).get("correlation_id")
        return f"id:{name}" if name else f"sha256:{self._content_digest()}"

    def _fields(self) -> dict[str, str]:
        plain = {name: value for name, value in (self.details or {}).items() if name not in ("exchange", "routing_key")}
        return {name: str(value) for name, value in {**plain, "message_id": self.known_mid, **(self.headers or {})}.items()}

    def _content_digest(self) -> str:
        """Digest what a dead-lettered message keeps: where it came from first stands in the oldest entry of x-death."""
        exchange, routing_key = m.route(self.route)
        headers = self.headers or {}
        deaths = headers.get("x-death")
        if isinstance(deaths, list) and deaths and isinstance(deaths[-1], dict):
            first = deaths[-1]
            exchange = first.get("exchange", exchange)
            routing_key = next(iter(first.get("routing-keys") or ()), routing_key)
        own = {name: value for name, value in headers.items() if not name.startswith("x-")}
        known = json.dumps([exchange, routing_key, own, self.digest], sort_keys=True, default=str)
        return hashlib.sha256(known.encode()).hexdigest()[:16]
