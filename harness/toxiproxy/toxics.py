"""Toxics as values, in the server's own words and units, and those among them that would end it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from harness.errors import UsageError

Stream = Literal["upstream", "downstream"]
Direction = Literal["request", "answer"]
STREAMS: Mapping[str, Stream] = {"request": "upstream", "answer": "downstream"}
KILOBYTE = 1000
LONGEST = 10**9  # seconds; much more does not fit the server's 64 bits of nanoseconds, and infinity is no number of JSON


_CALM: Mapping[str, Mapping[str, int]] = {
    "latency": {"latency": 0, "jitter": 0},
    "bandwidth": {"rate": 10**9},
    "slow_close": {"delay": 0},
    "slicer": {"average_size": 2**30, "size_variation": 0, "delay": 0},
    "limit_data": {"bytes": 2**62},
}


@dataclass(frozen=True)
class Toxic:
    """One toxic of a proxy; its name is the server's own default (and a label), so there is one of each type and stream."""

    type: str
    stream: Stream
    attributes: Mapping[str, int]
    label: str = ""

    @property
    def name(self) -> str:
        """The name under which the server knows it."""
        return f"{self.type}_{self.stream}{self.label}"

    def at(self, speed: float) -> "Toxic":
        """Return what it is where so many seconds of the world pass in one: shorter times, higher rates."""
        by = {"rate": speed, **dict.fromkeys(("latency", "jitter", "delay", "timeout"), 1 / speed)}
        quicker = {name: max(min(value, 1), round(value * by.get(name, 1))) for name, value in self.attributes.items()}
        return replace(self, attributes=quicker)

    @property
    def calm(self) -> "Toxic | None":
        """The same toxic with values that let everything pass; None for a `timeout`, which has no such."""
        return None if self.type not in _CALM else replace(self, attributes=_CALM[self.type])

    def check(self) -> None:
        """Raise UsageError for what Toxiproxy 2.12 takes and dies of, with all other proxies."""
        of = self.attributes.get
        problem = ""
        if self.type == "slicer" and not 0 <= of("size_variation", 0) <= of("average_size", 0) > 0:
            problem = "the average size of a slice must be above 0, and its variation not above it"
        elif self.type == "bandwidth" and of("rate", 0) <= 0:
            problem = "the rate must be above 0"
        elif self.type == "latency" and not 0 <= of("jitter", 0) <= LONGEST * 1000:
            problem = "the jitter must not be below 0, nor as large as this"
        if problem:
            message = f"toxic {self.name} with {dict(self.attributes)}: {problem}; Toxiproxy would not survive it"
            raise UsageError(message)


def milliseconds(seconds: float) -> int:
    """Return a time as the server counts it; not 0, which it takes for none. Raises UsageError for more than it can."""
    return max(1, round(_countable(seconds) * 1000))


def microseconds(seconds: float) -> int:
    """Return a pause between slices as the server counts it."""
    return round(_countable(seconds) * 1_000_000)


def _countable(seconds: float) -> float:
    if not 0 <= seconds < LONGEST:
        message = f"{seconds:g} s is more than Toxiproxy can count; give a number of seconds below {LONGEST:g}"
        raise UsageError(message)
    return seconds
