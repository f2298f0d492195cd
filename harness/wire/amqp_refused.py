"""Channels and connections that a fault has closed, until both sides have agreed: the service with the code, the broker in order.

What a service had open there goes back to its queue at once, as when the broker itself closes it. With the connection the broker
closes the socket, and the service hears of that behind the code; pika never agrees, it just goes.
"""

from collections.abc import Callable, Mapping
from typing import Final

from harness.wire import amqp_methods as m
from harness.wire.amqp_books import Books
from harness.wire.amqp_frames import METHOD
from harness.wire.amqp_lane import HEAD, Lane
from harness.wire.amqp_made import channel_close, close_ok, connection_close, payload_of
from harness.wire.amqp_notes import Notes
from harness.wire.amqp_rules import CONNECTION_CODES
from harness.wire.rules import Rule
from harness.wire.streams import Back, Side, Step

_ORDERLY = 200
_SAID: Final = "closed by a fault"


class Refusals:
    """What was closed by `status` on one connection."""

    def __init__(self, notes: Notes, books: Books, lanes: Mapping[Side, Lane], enter: Callable[[Lane], None]) -> None:
        self._notes = notes
        self._books = books
        self._lanes = lanes
        self._enter = enter
        self._closing: dict[Side, set[int]] = {"service": set(), "target": set()}
        self._over = False

    def is_possible(self, channel: int) -> bool:
        """Tell whether the service can be told now: not in the middle of a delivery that has begun to go on."""
        target = self._lanes["target"]
        self._enter(target)
        return channel not in target.passing

    def refuse(self, rule: Rule, channel: int, number: int) -> list[Step]:
        """Close the channel, or the connection, because of this method; return what goes on and back."""
        code, text = int(str(rule.code)), rule.body or _SAID
        if code in CONNECTION_CODES:
            return self._end(rule, connection_close(code, text, number))
        frame = channel_close(channel, code, text, number)
        self._write_down(rule, channel, frame)
        for side, closing in self._closing.items():
            closing.add(channel)
            self._lanes[side].messages.pop(channel, None)
        return [*self._back(channel, frame), channel_close(channel, _ORDERLY, _SAID, 0)]

    def _end(self, rule: Rule, frame: bytes) -> list[Step]:
        self._write_down(rule, 0, frame)
        self._over = True
        for lane in self._lanes.values():
            lane.messages.clear()
        return [*self._back(0, frame), connection_close(_ORDERLY, _SAID, 0)]

    def _back(self, channel: int, frame: bytes) -> list[Step]:
        target = self._lanes["target"]
        self._enter(target)
        return [Back(data) for data in target.put(channel, frame) if isinstance(data, bytes)]

    def _write_down(self, rule: Rule, channel: int, frame: bytes) -> None:
        self._notes.fault = rule.id
        self._books.method("target", channel, payload_of(frame))
        self._notes.fault = ""

    def closed(self, lane: Lane, channel: int, raw: bytes) -> list[Step] | None:
        """Return what becomes of a frame that belongs to what was closed; None where it does not."""
        number = int.from_bytes(raw[HEAD : HEAD + 4], "big") if raw[0] == METHOD else 0
        if self._over:
            return []
        if channel not in self._closing[lane.by]:
            return None
        if number == m.CHANNEL_CLOSE:
            return [Back(close_ok(channel))]
        if number == m.CHANNEL_CLOSE_OK:
            self._closing[lane.by].discard(channel)
            if lane.by == "service":
                self._books.method("service", channel, payload_of(raw))
        return []
