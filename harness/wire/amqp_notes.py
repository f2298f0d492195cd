"""How a tap on AMQP writes something down: the place filled in, and the barriers that come back kept for the session to yield."""

from collections.abc import Iterator
from typing import Literal

from harness.history.events import Event
from harness.wire.amqp_channel import EXCERPT, Content
from harness.wire.streams import Hold, Tap

_WIRE = {"publish": "Basic.Publish", "deliver": "Basic.Deliver", "get": "Basic.GetOk", "return": "Basic.Return"}


class Notes:
    """The events of one connection at one tap; `last` is the latest that a whole message made.

    `t` is when the bytes under way went on, where they did so before they are recorded; else 0.
    """

    def __init__(self, tap: Tap) -> None:
        self.at = tap.at
        self._tap = tap
        self.holds: list[Hold] = []
        self.last = Event(kind="gap")
        self.t = 0.0

    def record(self, event: Event) -> None:
        """Record the event as seen here."""
        event.at, event.link, event.conn, event.t = self._tap.at, self._tap.link, self._tap.conn, self.t
        hold = self._tap.recorder.record(event)
        if hold is not None:
            self.holds.append(hold)

    def barriers(self) -> Iterator[Hold]:
        """Return the barriers that came back, once each."""
        holds, self.holds = self.holds, []
        return iter(holds)

    def gap(self, reason: str) -> None:
        """Record that something on this connection cannot be followed."""
        self.record(Event(kind="gap", data={"reason": reason}))

    def message(self, kind: Literal["attempted", "delivered", "returned"], content: Content, queue: str) -> Event:
        """Return the event that a whole message is, not yet recorded."""
        body = content.body
        self.last = Event(
            kind=kind,
            x=content.x,
            wire=_WIRE[content.kind],
            queue=queue,
            key=content.identity(self._tap.recorder.queue_key("rabbitmq", queue)),
            mid=content.properties.get("message_id", ""),
            size=content.size,
            digest=content.digest[:16],
            body=body[:EXCERPT].decode("utf-8", "replace"),
            headers=content.headers,
            data=content.details,
        )
        return self.last
