"""One connection of a service as both taps of a link see it: which two belong together, and what passes between them."""

import asyncio
from collections.abc import Callable, Iterator

from harness.wire.pipe import Connection, Fate, Pipe
from harness.wire.streams import Seat, Sink
from harness.wire.weather import Course, Weather

COMPARED = 64
"""Bytes at the beginning of a connection that have to be equal near and far."""


class Pair:
    """One connection of the service, as both taps see it."""

    def __init__(self, conn: int) -> None:
        self.conn = conn
        self.fate = Fate()
        self.has_arrived = False
        self.may_arrive = True
        self.news = asyncio.Event()
        self.is_mismatched = False
        self.near: Pipe | None = None
        self.far: Connection | None = None
        self._near = bytearray()
        self._far = bytearray()
        self._courses: tuple[Course, Course] | None = None

    def arrive(self) -> None:
        """Take note that it came to the far tap."""
        self.has_arrived = True
        self.news.set()

    def leave(self) -> None:
        """Take note that the near tap's connection is no more; who closed it from the other side did not bring it far."""
        self.may_arrive = self.near is not None and not self.near.has_heard("target")
        self.news.set()

    def connections(self) -> Iterator[Connection]:
        """Yield what there is of it, near and far."""
        yield from (one for one in (self.near, self.far) if one is not None and not one.over)

    def watch(self, weathers: tuple[Weather, ...], link: str, sink: Sink, far: Seat) -> None:
        """Look at what passes between the taps from now on, or (no weathers) no more."""
        if self._courses is None and not weathers:
            return
        if self._courses is None:
            self._courses = (
                Course("request", link, self.conn, sink, leaves="near", comes=far),
                Course("answer", link, self.conn, sink, leaves=far, comes="near"),
            )
        request, answer = self._courses
        request.weathers = answer.weathers = weathers
        if self.near is not None:
            self.near.end_of("target").out, self.near.end_of("target").into = request, answer
        if self.far is not None:
            self.far.end_of("service").into, self.far.end_of("service").out = request, answer

    def near_wrote(self, data: bytes) -> None:
        """Remember what the near tap sent first."""
        if len(self._near) < COMPARED:
            self._near += data[: COMPARED - len(self._near)]
        if self.near is not None and self.near.taken is not None:  # what waited at a barrier goes on without being received
            self.near.taken()

    def far_got(self, data: bytes) -> bool:
        """Compare what the far tap got first; False at the first byte that was never sent near."""
        if self._is_compared:
            return True
        self._far += data[: COMPARED - len(self._far)]
        self.is_mismatched = not self._near.startswith(self._far)
        return not self.is_mismatched

    @property
    def _is_compared(self) -> bool:
        return self.is_mismatched or len(self._far) >= COMPARED

    def comparing(self, far: Connection, mismatched: Callable[[], None]) -> Callable[[bytes], None]:
        """Return what compares all that comes far until it is enough; `mismatched` is called once where it is not the same."""

        def compare(data: bytes) -> None:
            if self._is_compared:
                far.heard = None
            elif not self.far_got(data):
                mismatched()

        return compare
