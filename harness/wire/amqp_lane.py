"""One direction of an AMQP connection while rules are armed: whole frames, whole messages, and what may be put between them."""

from typing import Final

from harness.wire.amqp_frames import HEADER, Frame, Frames
from harness.wire.streams import Side, Step

HEAD: Final = 7
"""Bytes of a frame before its payload."""

AROUND: Final = 8
"""Bytes of a frame before and behind its payload."""

LONGEST: Final = 16 * 1024 * 1024
"""Bytes of a message that is kept until it is whole; a longer one passes as it is."""


class Message:
    """The frames of a message, as far as they are here; `x`: which publish of its connection it is, 0 where it is none."""

    __slots__ = ("frames", "given", "size", "x")

    def __init__(self, method: bytes, x: int) -> None:
        self.frames = [method]
        self.x = x
        self.size = -1
        self.given = 0

    def take(self, kind: int, raw: bytes) -> bool:
        """Take the next frame; tell whether that is all of the message."""
        self.frames.append(raw)
        if kind == HEADER:
            self.size = int.from_bytes(raw[HEAD + 4 : HEAD + 12], "big")
        else:
            self.given += len(raw) - AROUND
        return 0 <= self.size <= self.given

    @property
    def raw(self) -> bytes:
        """Return all of it, as it goes over the wire."""
        return b"".join(self.frames)

    @property
    def body(self) -> bytes:
        """Return its body."""
        return b"".join(frame[HEAD:-1] for frame in self.frames[2:])


class Lane:
    """One direction. `cut`: the beginning of the frame under way has gone on, so it cannot be changed any more.

    `passing` are channels with a message under way whose beginning has gone on. `pending` waits until it does not come into the
    middle of a frame, or of a message of its channel.
    """

    def __init__(self, by: Side) -> None:
        self.by: Side = by
        self.frames = Frames()
        self.entered = False
        self.lost = False
        self.cut = False
        self.partial: list[bytes] = []
        self.messages: dict[int, Message] = {}
        self.passing: set[int] = set()
        self.pending: list[tuple[int, bytes]] = []
        self._before: tuple[dict[int, Message], Message | None, int] = ({}, None, 0)

    @property
    def busy(self) -> bool:
        """Tell whether something is under way that has to be carried to its end frame by frame."""
        return bool(self.cut or self.partial or self.messages or self.passing or self.pending)

    def put(self, channel: int, data: bytes) -> list[Step]:
        """Return what goes on of this now; the rest goes on when it may."""
        if self._is_clear(channel):
            return [data]
        self.pending.append((channel, data))
        return []

    def due(self) -> list[Step]:
        """Return what waited and may go on now."""
        ready = [data for channel, data in self.pending if self._is_clear(channel)]
        self.pending = [one for one in self.pending if not self._is_clear(one[0])]
        return [*ready]

    def _is_clear(self, channel: int) -> bool:
        return not (self.lost or self.cut or channel in self.passing)

    def rest(self) -> bytes:
        """Return, and forget, everything that is kept: what comes from now on is not understood, so nothing goes in between."""
        self.lost = True
        kept = b"".join([*(message.raw for message in self.messages.values()), *self.partial])
        self.messages.clear()
        self.partial.clear()
        return kept

    def collect(self, frame: Frame, data: bytes) -> bytes | None:
        """Take a frame, or a piece of one, out of what came; return the frame once it is whole, kept until `handled`."""
        self.partial.append(data[frame.start : frame.end])
        if not frame.last:
            return None
        message = self.messages.get(frame.channel)
        self._before = dict(self.messages), message, 0 if message is None else len(message.frames)
        return b"".join(self.partial)

    def handled(self, *, well: bool) -> None:
        """Forget the frame; where it could not be read, keep everything but its last piece as it was before."""
        if well:
            self.partial.clear()
            return
        self.messages, message, known = self._before
        if message is not None:
            del message.frames[known:]
        self.partial.pop()

    def left(self, data: bytes) -> list[Step]:
        """Take the beginning of a frame; return it if it goes on at once."""
        if self.cut:
            return [data]
        self.partial.append(data)
        return []
