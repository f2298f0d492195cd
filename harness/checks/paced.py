"""Attempts on one message keep their distance: measured between requests for its effect, or deliveries where none was seen.

A service that sleeps before it gives a message back is polite; what counts is the pause between attempts, not who made it. On a
compressed clock what the machine takes looks like a pause, too: gaps that may be no more than that prove nothing.
"""

from collections.abc import Sequence
from itertools import pairwise

from harness.checks.findings import Findings
from harness.history.ledger import Ledger
from harness.history.obligations import Obligation

LABELS = ("hot_loop", "off_schedule")
PAUSE = 1.0
IN_A_ROW = 5
EARLY = 0.9
LATE = 1.5
LATE_BY = 1.0


def judge(ledger: Ledger, *, per_second: float | None = None, schedule: Sequence[float] | None = None) -> Findings:
    """Measure the gaps between the attempts on every message."""
    findings = Findings()
    pause = PAUSE if per_second is None else 1.0 / per_second
    for obligation in ledger.rest():
        if obligation.attempt_ts is None or obligation.attempt_ns is None:
            continue
        findings.premises += 1
        findings.tainted = findings.tainted or ledger.tainted(obligation)
        if schedule:
            _on_schedule(ledger, obligation, schedule, findings)
        else:
            _not_hot(ledger, obligation, pause, findings)
    return findings


def _not_hot(ledger: Ledger, obligation: Obligation, pause: float, findings: Findings) -> None:
    findings.ground("hot_loop")
    assert obligation.attempt_ts is not None  # noqa: S101 (told by the caller)
    assert obligation.attempt_ns is not None  # noqa: S101
    ts, ns = obligation.attempt_ts, obligation.attempt_ns
    longest, end = _row(ts, pause)
    if longest < IN_A_ROW:
        room = ledger.margin.room(pause)
        if _row(ts, room)[0] >= IN_A_ROW:
            findings.unknown = (
                f"clock margin: at speed {ledger.header.speed:g} gaps of less than {room:.2g} s may be the machine's own, and"
                f" {obligation.key} was tried {IN_A_ROW + 1} times in a row without longer ones; take a lower --harness-speed"
            )
        return
    broken = end - longest + IN_A_ROW
    rate = longest / max(ts[end] - ts[end - longest], 1e-3)
    said = f"tried {longest + 1} times in a row at {rate:.1f} a second, with less than {pause:g} s between"
    events = tuple(ns[end - longest : broken + 1])
    sure = not ledger.tainted(obligation)
    findings.add("hot_loop", obligation, sure=sure, n=ns[broken], t=ts[broken], events=events, said=said)


def _row(ts: Sequence[float], pause: float) -> tuple[int, int]:
    """Return how many gaps in a row are shorter than this at most, and the attempt that the last of them leads to."""
    row = longest = end = 0
    for number, (before, after) in enumerate(pairwise(ts), start=1):
        row = row + 1 if after - before < pause else 0
        if row > longest:
            longest, end = row, number
    return longest, end


def _on_schedule(ledger: Ledger, obligation: Obligation, schedule: Sequence[float], findings: Findings) -> None:
    findings.ground("off_schedule")
    assert obligation.attempt_ts is not None  # noqa: S101 (told by the caller)
    assert obligation.attempt_ns is not None  # noqa: S101
    for number, (before, after) in enumerate(pairwise(obligation.attempt_ts)):
        wanted = schedule[min(number, len(schedule) - 1)]
        if EARLY * wanted <= after - before <= LATE * wanted + LATE_BY:
            continue
        n = obligation.attempt_ns[number + 1]
        said = f"attempt {number + 2} came {after - before:.2f} s after the one before; the schedule says {wanted:g} s"
        sure = not ledger.tainted(obligation)
        findings.add("off_schedule", obligation, sure=sure, n=n, t=after, events=(obligation.attempt_ns[number], n), said=said)
        return
