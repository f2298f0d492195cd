"""Promises, as functions from a history to a verdict, and `require`. Pure: what is judged is what the journal holds.

Times are production seconds. How each promise can be broken is its list of labels, closed and documented in its own file.
"""

from collections.abc import Sequence

from harness.checks.require import require
from harness.checks.verdict import Verdict
from harness.errors import UsageError
from harness.history import History


def accounted(history: History) -> Verdict:
    """Promise that each message ended once, where its sender said: effected, dead-lettered, parked, refused, or still waiting."""
    return Verdict(history, "accounted")


def effected_once(history: History) -> Verdict:
    """Promise that every message has its effect once in each place that its queue names."""
    return Verdict(history, "effected_once")


def nothing_dead_lettered(history: History) -> Verdict:
    """Promise that no message ends in a dead-letter queue, but those that were published with `ends="dead-lettered"`."""
    return Verdict(history, "nothing_dead_lettered")


def paced(history: History, *, per_second: float | None = None, schedule: Sequence[float] | None = None) -> Verdict:
    """Promise that attempts on one message keep their distance: at most `per_second` (default 1), or the pauses of a schedule.

    Five pauses in a row that are too short break it; of a schedule, one pause that is too short or too long. Raises UsageError
    for both at once, or a number that is not positive.
    """
    if per_second is not None and schedule is not None:
        message = "paced() takes per_second= or schedule=, not both: a schedule says every pause"
        raise UsageError(message)
    if per_second is not None and per_second <= 0:
        message = f"paced(per_second={per_second:g}): write how many attempts a second are polite, as in per_second=1"
        raise UsageError(message)
    given = {"per_second": per_second, "schedule": None if schedule is None else [float(one) for one in schedule]}
    return Verdict(history, "paced", {name: value for name, value in given.items() if value is not None})


def recovered(history: History, *, within: float) -> Verdict:
    """Promise that what a fault held up has its effect at most `within` seconds after the fault was over."""
    return Verdict(history, "recovered", {"within": float(within)})


def signalled(history: History, *, within: float) -> Verdict:
    """Promise that of every message that failed for good an alarm sink heard, at most `within` seconds later."""
    return Verdict(history, "signalled", {"within": float(within)})


__all__ = [
    "Verdict", "accounted", "effected_once", "nothing_dead_lettered", "paced", "recovered", "require", "signalled",
]  # fmt: skip
