"""Streams recorded from real clients and servers, and a tap that is played them, cut anywhere.

`streams/NAME.txt` has a line for what one side said until the other did: `>` for the service, `<` for the target, then the bytes
as a Python literal. They were recorded by a plain relay; names of machines, ports, user agents and signatures were taken out.
"""

import ast
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, Literal

from harness.wire import amqp, http, sqs
from harness.wire.link import Opener
from harness.wire.rules import Rule
from harness.wire.streams import Seat
from tests.wire.taps import CollectingSink, Wire, tap

FOLDER = Path(__file__).parent / "streams"
OPENERS: dict[str, Opener] = {"amqp": amqp.session, "http": http.session, "sqs": sqs.session}
Side = Literal[">", "<"]
SIDES: dict[str, Side] = {">": ">", "<": "<"}
Told = tuple[list[tuple[Any, ...]], bytes, bytes]
"""What a tap recorded, what went on to the target, and what to the service."""

KEYED = {"rabbitmq:jobs": "/id", "aws:jobs": "/id"}
NEVER = {
    "amqp": Rule(id="f1", name="altered", link="writer->tcs", key="never", attributes={"a": "1"}),
    "http": Rule(id="f1", name="request_lost", link="writer->tcs", key="never"),
    "sqs": Rule(id="f1", name="altered", link="writer->tcs", key="never", attributes={"a": "1"}),
}
"""Rules that may change something, and then change nothing."""

Mode = Literal["later", "watched", "ruled"]
"""How a tap reads: what has gone on already; before it goes on, because a moment is waited for, or because of a rule."""


class Watched(CollectingSink):
    """A recorder that somebody waits for a moment of, which never comes."""

    @property
    def watched(self) -> tuple[str, ...]:
        return ("a moment",)

    def later(self, take: Callable[[bytes, float], None], data: bytes, t: float) -> bool:
        return False


@dataclass(frozen=True)
class Stream:
    """One recorded connection."""

    name: str
    said: tuple[tuple[Side, bytes], ...]

    @property
    def protocol(self) -> str:
        return self.name.partition("-")[0]

    @cached_property
    def size(self) -> int:
        return sum(len(data) for _, data in self.said)

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """Where in all its bytes each side begins to speak, and its end."""
        return (0, *accumulate(len(data) for _, data in self.said))

    def by(self, side: Side) -> bytes:
        return b"".join(data for who, data in self.said if who == side)

    def pieces(self, cuts: Iterable[int], every: int = 0) -> Iterator[tuple[Side, bytes]]:
        """Yield the stream cut at these places in all its bytes, and everything into pieces of `every` bytes."""
        at = 0
        for who, data in self.said:
            inside = {cut - at for cut in cuts if at < cut < at + len(data)} | set(range(every, len(data), every or len(data)))
            places = [0, *sorted(inside), len(data)]
            at += len(data)
            for begin, end in pairwise(places):
                yield who, data[begin:end]

    def told(self, mode: Mode, seat: Seat = "near", cuts: Iterable[int] = (), every: int = 0) -> Told:
        """Return what a tap makes of the stream."""
        sink = Watched() if mode == "watched" else CollectingSink()
        sink.queues, sink.resources = KEYED, {"tcs": "/id"}
        rules = [NEVER[self.protocol]] if mode == "ruled" else []
        one = Wire(OPENERS[self.protocol](tap(sink, *rules, at=seat)))
        for who, data in self.pieces(cuts, every):
            (one.ask if who == ">" else one.reply)(data)
        return [_without_time(event) for event in sink.events], one.to_target, one.to_service


def _without_time(event: Any) -> tuple[Any, ...]:
    return tuple(getattr(event, name) for name in event.__struct_fields__ if name != "t")


@cache
def stream(name: str) -> Stream:
    """Return a recorded stream."""
    _, *lines = (FOLDER / f"{name}.txt").read_text().splitlines()
    return Stream(name, tuple((SIDES[line[0]], ast.literal_eval("b" + line[2:])) for line in lines))


@cache
def whole(name: str, mode: Mode, seat: Seat) -> Told:
    """Return what a tap makes of a stream that nothing cut."""
    return stream(name).told(mode, seat)


STREAMS = sorted(path.stem for path in FOLDER.glob("*.txt"))
