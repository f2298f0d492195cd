"""A message that cannot be done is put aside after so many attempts: into a dead-letter or parking queue, not earlier lost.

An attempt is a delivery that reached its consumer; each redrive, and each further copy of the producer's, gives as many again.
Messages that had their effect in the end were no such case, unless they were put aside as well.
"""

from harness.checks.ends import End, Ends, delivery_events, last_of, times, tried
from harness.checks.findings import Findings
from harness.history.ledger import Ledger
from harness.history.obligations import Obligation

LABELS = ("redelivered_for_ever", "not_parked", "parked_late")


def judge(ledger: Ledger, *, attempts: int) -> Findings:
    """Look at every message without its effect, and at every one that was put aside."""
    findings = Findings()
    ends = Ends(ledger)
    for obligation in ledger.rest():
        end = ends.of(obligation)
        aside = end.dead or bool(obligation.parked)
        if obligation.ends == "refused" or not (aside or (obligation.far and not end.effected)):
            continue
        findings.premises += 1
        findings.tainted = findings.tainted or ledger.tainted(obligation)
        findings.ground("not_parked")
        if tried(obligation) > 1:
            findings.ground("redelivered_for_ever", "parked_late")
        _apply(ledger, end, attempts * _copies(obligation), findings)
    return findings


def _copies(obligation: Obligation) -> int:
    """Return how many messages with this key its consumer got: for each it has all its attempts."""
    return max(1, obligation.firsts) + (obligation.further or {}).get("redriven", 0)


def _apply(ledger: Ledger, end: End, allowed: int, findings: Findings) -> None:
    obligation = end.obligation
    many = tried(obligation)
    if end.dead or obligation.parked:
        if many > allowed:
            _add("parked_late", ledger, end, findings, sure=True, said=f"put aside after {many} attempts (promised: {allowed})")
        return
    if many > allowed:
        gone = end.scanned and not end.kept_somewhere and not end.handed_on
        label, what = ("not_parked", "is in no queue") if gone else ("redelivered_for_ever", "was not put aside")
        said = f"delivered {times(many)} without effect, and {what} (promised: after {allowed})"
        _add(label, ledger, end, findings, sure=not gone or ledger.drained, said=said)
        return
    why = _let_go(end) or _left(end, many, allowed)
    if why:
        sure = ledger.drained and not end.on_the_way and (end.scanned or not obligation.rejected)
        _add("not_parked", ledger, end, findings, sure=sure, said=f"delivered {times(many)} without effect, {why}")
    elif ledger.drained_how == "steady" and many < allowed and not end.bound_for_dead_letters:
        said = f"delivered {times(many)} without effect, and it went on: whether it stops after {allowed} was not waited for"
        _add("redelivered_for_ever", ledger, end, findings, sure=False, said=said)


def _let_go(end: End) -> str:
    """Say how it left its queue without being put aside; empty where it has not."""
    obligation = end.obligation
    if end.kept_somewhere or end.handed_on:
        return ""
    if obligation.acked:
        return "then acknowledged instead of put aside"
    if obligation.rejected:
        return "then rejected, and it is in no dead-letter queue"
    return "and it is in no queue" if end.scanned else ""


def _left(end: End, many: int, allowed: int) -> str:
    """Say that it lies in its queue after its last attempt; empty where it does not, or its consumer may still do it."""
    if not end.obligation.residue or many < allowed or end.handed_on or end.may_come or end.visible_at_most < 0:
        return ""
    return "and it still lies in its queue"


def _add(label: str, ledger: Ledger, end: End, findings: Findings, *, sure: bool, said: str) -> None:
    obligation = end.obligation
    n, t = obligation.acked or obligation.rejected or obligation.last_delivery or (obligation.sent_n, obligation.sent_t)
    events = (obligation.sent_n, n, *delivery_events(last_of(obligation)))
    findings.add(label, obligation, sure=sure and not ledger.tainted(obligation), n=n, t=t, events=events, said=said)
