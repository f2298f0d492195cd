"""Somebody is told of every message that failed for good: a notice in an alarm sink, within a time of the failure.

Failures are dead letters, parked messages, and whatever `accounted` calls broken. One notice may stand for many failures.
"""

from collections.abc import Iterator

from harness.checks.accounted import broken_as
from harness.checks.ends import Ends, delivery_events, last_of
from harness.checks.findings import Findings
from harness.history.ledger import Ledger
from harness.history.obligations import Obligation

LABELS = ("silent", "late")


def judge(ledger: Ledger, *, within: float) -> Findings:
    """Look for a notice of each failure, from the first delivery of the message on."""
    findings = Findings()
    if not ledger.world.alarms:
        findings.unknown = "no alarm sink was declared, so nobody could have been told: sandbox.alarms(name)"
    for obligation, n, t, what in failures(ledger):
        findings.premises += 1
        findings.ground("silent", "late")
        findings.tainted = findings.tainted or ledger.tainted(obligation)
        began = obligation.first_delivery[1] if obligation.first_delivery is not None else obligation.sent_t
        notices = [one for one in ledger.noticed if one[1] >= began]
        events = (obligation.sent_n, *delivery_events(last_of(obligation)))
        trusted = not ledger.tainted(obligation) and not findings.unknown
        if not notices:
            said = f"{what}, and no notice came"
            findings.add("silent", obligation, sure=trusted and ledger.drained, n=n, t=t, events=events, said=said)
        elif notices[0][1] - t > within:
            said = f"{what}, and the first notice came {notices[0][1] - t:.1f} s later (promised: {within:g} s)"
            findings.add("late", obligation, sure=trusted, n=n, t=notices[0][1], events=(*events, notices[0][0]), said=said)
    return findings


def failures(ledger: Ledger) -> Iterator[tuple[Obligation, int, float, str]]:
    """Yield each message that failed for good, since when, and how."""
    ends = Ends(ledger)
    for obligation in ledger.rest():
        if obligation.ends == "refused":
            continue
        end = ends.of(obligation)
        n, t = obligation.rejected or obligation.last_delivery or (obligation.sent_n, obligation.sent_t)
        label = broken_as(ledger, end)
        what = "dead-lettered" if end.dead else "parked" if obligation.parked else label.replace("_", " ")
        if what:
            yield obligation, n, t, what
