"""What a process holds, sampled after each round, and whether that grows."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import NamedTuple

import msgspec

from harness.clock import pause

WARMING = 2
"""Rounds after which a process has met everything once: what it loads then, and what its allocator keeps, is no growth."""

SHARE = 0.05

STILL = 10
"""Looks, a tenth of a second apart, of which none is less than what was seen before."""


class Sample(msgspec.Struct, frozen=True):
    """Resident memory in KiB, open descriptors and threads of one process, so many seconds after the beginning."""

    at: float
    resident: int
    descriptors: int
    threads: int


class Noise(NamedTuple):
    """What more may be no growth: MiB of memory (or a twentieth, where that is more), threads, descriptors."""

    megabytes: float
    threads: int = 0
    descriptors: int = 0


def sample(pid: int, at: float) -> Sample:
    """Return what a process holds now. Raises OSError when it is gone."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    descriptors = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return Sample(round(at, 1), int(status["VmRSS"].split()[0]), descriptors, int(status["Threads"]))


def rested(pid: int, at: float) -> Sample:
    """Return what it holds once that has not become less for a second: connections that are closing are gone by then."""
    least, still = sample(pid, at), 0
    while still < STILL:
        pause(0.1)
        look = sample(pid, at)
        least, still = (look, 0) if look.descriptors < least.descriptors else (least, still + 1)
    return least


def process(*words: str, of: Iterable[int] | None = None) -> int:
    """Return the process (one `of` these) whose command line has all these words in it. Raises LookupError where none has."""
    pids = [int(entry.name) for entry in Path("/proc").glob("[0-9]*")] if of is None else of
    for pid in pids:
        with suppress(OSError):  # it has ended
            command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if all(word in command for word in words):
                return pid
    message = f"no process has {' and '.join(words)} in its command line"
    raise LookupError(message)


def growth(name: str, samples: Sequence[Sample], noise: Noise) -> list[str]:
    """Return what grew, one sentence each: the last third of the rounds against the first third of those after warming."""
    warm = samples[min(WARMING, max(0, len(samples) - 2)) :]
    third = max(1, len(warm) // 3)
    early, late = warm[:third], warm[-third:]
    found = []
    for what, more in (("descriptors", noise.descriptors), ("threads", noise.threads)):
        before, after = (max(int(getattr(one, what)) for one in part) for part in (early, late))
        if after > before + more:
            found.append(f"{name}: {before} {what} became {after}")
    resident, then = (median(one.resident for one in part) / 1024 for part in (early, late))
    if then - resident > max(noise.megabytes, SHARE * resident):
        found.append(f"{name}: {resident:.1f} MiB of memory became {then:.1f}")
    return found
