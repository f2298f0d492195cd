"""The only clock and the only sleep of the package: monotonic seconds as float, and waiting for conditions.

Nothing else may call `time`; linting holds it. CLOCK_MONOTONIC is one clock for all processes of a machine, so times taken in
the recorder, in the services' supervisor and here can be compared.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from harness.errors import TimedOutError

T = TypeVar("T")


def now() -> float:
    """Return seconds on the machine's monotonic clock."""
    return time.monotonic()


def utc() -> datetime:
    """Return the wall-clock time in UTC: for names and reports, never for measuring."""
    return datetime.now(UTC)


def bases() -> tuple[tuple[int, int], ...]:
    """Return what the machine's clocks show now, each as seconds and nanoseconds: real, monotonic, raw monotonic, boot time.

    From these a compressed clock starts; see harness.stack.tempo.
    """
    clocks = (time.CLOCK_REALTIME, time.CLOCK_MONOTONIC, time.CLOCK_MONOTONIC_RAW, time.CLOCK_BOOTTIME)
    return tuple(divmod(time.clock_gettime_ns(clock), 10**9) for clock in clocks)


def pause(seconds: float) -> None:
    """Let `seconds` pass."""
    if seconds > 0:
        time.sleep(seconds)


def eventually(
    look: Callable[[], T], *, awaited: str, within: float, every: float = 0.02, last: Callable[[], object] | None = None
) -> T:
    """Return the first true value of `look()`.

    Raises TimedOutError after `within` seconds, with `last()` (default: the last value of `look`) as what was last seen.
    """
    end = now() + within
    while True:
        value = look()
        if value:
            return value
        if now() >= end:
            raise TimedOutError(awaited, within=within, last=last() if last is not None else value)
        pause(min(every, max(0.0, end - now())))
