"""What is fuzzed: the taps' sessions, fed mutated streams, and what has to hold of them whatever comes."""

import asyncio
import traceback
from collections import deque
from pathlib import Path
from typing import NamedTuple

from harness.history.events import Event
from harness.wire.amqp_frames import HEARTBEAT
from harness.wire.rules import Rule
from harness.wire.streams import Close, Seat, Session
from tests.fuzz.mutations import Mutator, pieces
from tests.wire.recorded import KEYED, NEVER, OPENERS, Side, Watched, stream
from tests.wire.taps import CollectingSink, tap

DECODERS = {
    "amqp": ("amqp-sends", "amqp-takes"),
    "http": ("http",),
    "sqs-json": ("sqs-json", "sqs-json-batch"),
    "sqs-query": ("sqs-query",),
}
LINK = "writer->tcs"
SEATS: tuple[Seat, Seat] = ("near", "far")
LONGEST_LIFE = 40
"""Pieces that one session is fed at most."""

LONGEST_KEPT = 64 * 1024
"""Bytes that a session that may change something keeps of these streams at most."""

DEFECT = "in the decoder"


class Failure(NamedTuple):
    """A mutation that broke what has to hold: its number, the last bytes fed, and how."""

    number: int
    data: bytes
    how: str


def _rules(protocol: str) -> list[Rule]:
    """Return rules that change whatever fits, and need nobody to wait."""
    made = [
        Rule(id="f2", name="answer_lost", link=LINK),
        Rule(id="f3", name="request_lost", link=LINK),
        Rule(id="f4", name="duplicate", link=LINK),
        Rule(id="f5", name="status", link=LINK, code={"amqp": 406, "http": 503}.get(protocol, "RequestThrottled")),
    ]
    if protocol != "http":
        made.append(Rule(id="f6", name="altered", link=LINK, attributes={"type": "Other"}, body="{}"))
        made.append(Rule(id="f7", name="reordered", link=LINK))
    if protocol == "sqs":
        made.append(Rule(id="f8", name="shortened", link=LINK, seconds=1.0))
    return made


RULES = {protocol: _rules(protocol) for protocol in OPENERS}
MODES = ("later", "watched", "ruled", "bitten")


class Fed:
    """One session: what it was given and what came out of it; `bitten`: a rule changes that."""

    def __init__(self, protocol: str, mode: str, seat: Seat, rule: int) -> None:
        self.sink = Watched() if mode == "watched" else CollectingSink()
        self.sink.queues, self.sink.resources = KEYED, {"tcs": "/id"}
        self._is_bitten, biting = mode == "bitten", RULES[protocol]
        self._overtakes = (protocol, mode) == ("amqp", "ruled")
        rules = {"ruled": [NEVER[protocol]], "bitten": [biting[rule % len(biting)]]}.get(mode, [])
        self.session: Session = OPENERS[protocol](tap(self.sink, *rules, at=seat))
        self.given = {">": b"", "<": b""}
        self.passed = {">": b"", "<": b""}
        self.is_over = False

    def feed(self, side: Side, data: bytes) -> str:
        """Have the session take these bytes; return what is wrong, else nothing."""
        try:
            steps = deque(self.session.from_service(data) if side == ">" else self.session.from_target(data))
        except Exception as error:  # noqa: BLE001 (whatever escapes is what is looked for)
            return f"{type(error).__name__} at {_place(error)}"
        self.given[side] += data
        self.passed[side] += b"".join(step for step in steps if isinstance(step, bytes))
        self.is_over = any(isinstance(step, Close) for step in steps) or self.sink.of("gap") != []
        if not (self._is_bitten or self._has_passed(side)):
            return "other bytes went on than came"
        return next((f"gap: {reason}" for reason in map(_reason, self.sink.of("gap")) if DEFECT in reason), "")

    def _has_passed(self, side: Side) -> bool:
        """Tell whether what went on is what came, or the beginning of it; a rule may let one channel of AMQP overtake another."""
        given, passed = self.given[side], self.passed[side]
        if given.startswith(passed):
            return True
        came, went = by_channel(given), by_channel(passed)
        return self._overtakes and all(came.get(channel, b"").startswith(data) for channel, data in went.items())

    def ended(self) -> str:
        """End the connection; return what is wrong."""
        withheld = {side: len(self.given[side]) - len(self.passed[side]) for side in self.given}
        if not self._is_bitten and max(withheld.values()) > LONGEST_KEPT:
            return f"bytes were kept for good: {withheld}"
        self.session.ended("service", "fin")
        return ""


def by_channel(data: bytes) -> dict[int, bytes]:
    """Return the whole frames of each channel one behind the other, heartbeats by themselves; what is not whole is left out."""
    found: dict[int, bytes] = {}
    at = 8 if data.startswith(b"AMQP") else 0
    while at + 8 <= len(data):
        end = at + 8 + int.from_bytes(data[at + 3 : at + 7], "big")
        if end <= len(data):
            channel = -1 if data[at] == HEARTBEAT else int.from_bytes(data[at + 1 : at + 3], "big")
            found[channel] = found.get(channel, b"") + data[at:end]
        at = end
    return found


def _place(error: Exception) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(last.filename).name}:{last.lineno}"


def _reason(event: Event) -> str:
    return str((event.data or {}).get("reason", "")) if event.kind == "gap" else ""


def fuzzed(name: str, seed: int, mutations: int) -> list[Failure]:
    """Feed so many mutations of a decoder's streams; return those that broke what has to hold."""
    return asyncio.run(_fuzzed(name, seed, mutations))


async def _fuzzed(name: str, seed: int, mutations: int) -> list[Failure]:
    mutator, failures = Mutator(seed), list[Failure]()
    streams = [pieces(stream(one)) for one in DECODERS[name]]
    protocol = name.partition("-")[0]
    number = 0
    while number < mutations:
        fed = Fed(protocol, MODES[mutator.picked(len(MODES))], SEATS[mutator.picked(2)], mutator.picked(100))
        said = streams[mutator.picked(len(streams))]
        for at in range(min(LONGEST_LIFE, mutations - number)):
            piece = said[at % len(said)]
            data = mutator.mutated(piece)
            how = fed.feed(piece.side, data)
            number += 1
            if how:
                failures.append(Failure(number, data, how))
            if how or fed.is_over:
                break
        how = fed.ended()
        if how:
            failures.append(Failure(number, b"", how))
    return failures
