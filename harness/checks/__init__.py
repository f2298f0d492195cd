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


def bundled(history: History, *, window: float, at_most: int = 1) -> Verdict:
    """Promise that within `window` seconds an alarm sink hears of equal errors at most so often, of each kind, and rightly.

    Raises UsageError for a window or number that is not positive.
    """
    if window <= 0 or at_most < 1:
        message = f"bundled(window={window:g}, at_most={at_most}): seconds above 0 and 1 notice or more, as in window=3600"
        raise UsageError(message)
    return Verdict(history, "bundled", {"window": float(window), "at_most": at_most})


def classified(history: History, *, attempts: int | None = None) -> Verdict:
    """Promise that what may pass is tried again, that what never passes is not, and that what is given up on is put aside.

    `attempts` is how often a failure that may pass is tried before it may be put aside; by itself the queue's maxReceiveCount or
    delivery limit. Raises UsageError for fewer than one.
    """
    return Verdict(history, "classified", {} if attempts is None else {"attempts": _counted("classified", attempts)})


def conforms(history: History) -> Verdict:
    """Promise that every message sent to a queue with a contract (`contract=`) is as it says: attributes, group and body."""
    return Verdict(history, "conforms")


def context_kept(history: History) -> Verdict:
    """Promise that what was put aside has the body and attributes it was sent with, and says why it is there."""
    return Verdict(history, "context_kept")


def effected_once(history: History) -> Verdict:
    """Promise that every message has its effect once in each place that its queue names."""
    return Verdict(history, "effected_once")


def headroom(history: History, *, at_least: float | None = None) -> Verdict:
    """Promise that work on a message is over before its visibility timeout is: with this share of it left, where one is given.

    Raises UsageError for a share that is not between 0 and 1.
    """
    if at_least is not None and not 0 < at_least < 1:
        message = f"headroom(at_least={at_least:g}): a share of the visibility timeout that is left, as in at_least=0.5"
        raise UsageError(message)
    return Verdict(history, "headroom", {} if at_least is None else {"at_least": float(at_least)})


def in_doubt_resolved(history: History) -> Verdict:
    """Promise that a request without an answer is asked about before it is repeated, and that its message does not vanish."""
    return Verdict(history, "in_doubt_resolved")


def in_order(history: History) -> Verdict:
    """Promise that messages of one group take effect in the order in which they were sent, one at a time, with none left out.

    A group is what the queue was declared with (`group=`), else the MessageGroupId; all of a RabbitMQ queue is one.
    """
    return Verdict(history, "in_order")


def neighbours_served(history: History, *, within: float) -> Verdict:
    """Promise that whoever waits beside a message in trouble has its effect at most `within` seconds after both were there."""
    return Verdict(history, "neighbours_served", {"within": float(within)})


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


def parked(history: History, *, attempts: int) -> Verdict:
    """Promise that what cannot be done is put aside, into a dead-letter or parking queue, after at most so many attempts.

    Raises UsageError for fewer than one.
    """
    return Verdict(history, "parked", {"attempts": _counted("parked", attempts)})


def recovered(history: History, *, within: float) -> Verdict:
    """Promise that what a fault held up has its effect at most `within` seconds after the fault was over."""
    return Verdict(history, "recovered", {"within": float(within)})


def signalled(history: History, *, within: float) -> Verdict:
    """Promise that of every message that failed for good an alarm sink heard, at most `within` seconds later."""
    return Verdict(history, "signalled", {"within": float(within)})


def _counted(check: str, attempts: int) -> int:
    if attempts < 1:
        message = f"{check}(attempts={attempts}): a message is tried at least once, as in attempts=3"
        raise UsageError(message)
    return attempts


def survived(history: History) -> Verdict:
    """Promise that no service ends by itself, whether somebody starts it again or not; a kill is no such end."""
    return Verdict(history, "survived")


__all__ = [
    "Verdict", "accounted", "bundled", "classified", "conforms", "context_kept", "effected_once", "headroom",
    "in_doubt_resolved", "in_order", "neighbours_served", "nothing_dead_lettered", "paced", "parked", "recovered", "require",
    "signalled", "survived",
]  # fmt: skip
