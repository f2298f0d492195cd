"""How a tap on AMQP writes something down: small notes, of which the recorder makes events when it comes to it.

While a moment is watched the events are made at once, and the barriers that come back are kept for the session to yield.
"""

import struct
from collections.abc import Iterator
from typing import Literal

import msgspec

from harness.history.events import Event, Kind
from harness.model import Key
from harness.wire.amqp_content import Content
from harness.wire.amqp_values import GarbledError
from harness.wire.streams import Hold, Note, Tap

UNREADABLE = (GarbledError, struct.error, IndexError)
"""What is raised by bytes that are not AMQP 0-9-1 as we understand it."""


class Word(msgspec.Struct, gc=False):
    """What one side said of a message that passed before, None where it did not."""

    place: "Notes"
    kind: Kind
    how: str
    wire: str
    about: Content | None
    tag: str = ""
    t: float = 0.0

    def event(self) -> Event | None:
        """Return it as an event."""
        place, about = self.place, self.about
        if place.is_over:
            return None
        event = Event(
            kind=self.kind, at=place.at, link=place.link, conn=place.conn, wire=self.wire, tag=self.tag, how=self.how
        )  # fmt: skip
        if about is not None:
            event.queue, event.key, event.mid = about.queue, about.key, about.mid
            event.x = about.x
            event.fault = "" if self.kind == "settled" else about.fault  # a consumer's word on a copy is its own
        return event


class Said(msgspec.Struct, gc=False):
    """An event that was made at once."""

    place: "Notes"
    said: Event
    t: float = 0.0

    def event(self) -> Event | None:
        """Return the event, unless its connection was given up before."""
        return None if self.place.is_over else self.said


class Notes:
    """The notes of one connection at one tap; `t` is when what they tell of passed, `fault` what made it if it was no side.

    `is_lost`: what comes is not read any more. `is_over`: that is in the journal, so nothing of this connection follows it.
    """

    def __init__(self, tap: Tap) -> None:
        self.at, self.link, self.conn = tap.at, tap.link, tap.conn
        self.recorder = tap.recorder
        self.holds: list[Hold] = []
        self.t = 0.0
        self.fault = ""
        self.is_lost = False
        self.is_over = False

    def put(self, note: Note, size: int = 0) -> None:
        """Write something down, of which `size` bytes are kept until it is an event."""
        recorder = self.recorder
        if not recorder.watched:
            note.t = self.t
            recorder.note(note, size)
            return
        event = note.event()
        if event is not None:
            hold = recorder.record(event)
            if hold is not None:
                self.holds.append(hold)

    def record(self, event: Event) -> None:
        """Write an event down as seen here."""
        event.at, event.link, event.conn = self.at, self.link, self.conn
        event.fault = event.fault or self.fault
        self.put(Said(self, event))

    def word(self, kind: Kind, how: str, wire: str, about: Content | None, tag: str = "") -> None:
        """Write down what was said of a message."""
        self.put(Word(self, kind, how, wire, about, tag))

    def barriers(self) -> Iterator[Hold]:
        """Return the barriers that came back, once each."""
        holds, self.holds = self.holds, []
        return iter(holds)

    def key_of(self, queue: str) -> Key | None:
        """Return where the key of a message of this queue stands, None where none was declared."""
        return self.recorder.queue_key("rabbitmq", queue)

    def broken(self, kind: str, error: Exception) -> Event:
        """Return the gap that a message leaves which cannot be read; nothing more is told of its connection."""
        self.is_over = self.is_lost = True
        return self._gap("service" if kind == "publish" else "target", error)

    def give_up(self, by: Literal["service", "target"], error: Exception) -> None:
        """Write down that this connection cannot be followed any more."""
        self.is_lost = True
        self.put(Gap(self, self._gap(by, error)))

    def _gap(self, by: Literal["service", "target"], error: Exception) -> Event:
        reason = f"{type(error).__name__} in the decoder: {error}"
        if isinstance(error, UNREADABLE):
            reason = str(error) if isinstance(error, GarbledError) else "a frame too short"
        data: dict[str, object] = {"reason": f"from the {by}: {reason}"}
        return Event(kind="gap", at=self.at, link=self.link, conn=self.conn, data=data)


class Gap(Said, gc=False):
    """The last note of a connection."""

    def event(self) -> Event | None:
        """Return the event, unless another gap came before."""
        event = super().event()
        self.place.is_over = True
        return event
