"""After a fault is over, every message it stood in the way of has its effect within a time.

Counted from the end of the last fault (its beginning, where it never ends), or from the send where that is later.
"""

from collections.abc import Iterator

from harness.checks.ends import Ends, delivery_events, last_of
from harness.checks.findings import Findings
from harness.history.ledger import Ledger
from harness.history.obligations import Obligation

LABELS = ("late", "never")


def judge(ledger: Ledger, *, within: float) -> Findings:
    """Measure how long each message took from the end of the faults to its effect."""
    findings = Findings()
    begun = [one for one in ledger.world.faults.values() if one.began is not None]
    if not begun:
        return findings
    over = max(one.over for one in begun)
    first_n = min(one.began_n for one in begun)
    for obligation in [*_finished_late(ledger, over, within), *ledger.rest()]:
        if obligation.ends != "effected" or not (obligation.acks or obligation.far) or not obligation.queue.sets:
            continue
        when = _effected_at(ledger, obligation)
        if _held_up(obligation, when, over, within, first_n):
            findings.premises += 1
            findings.ground("late", "never")
            findings.tainted = findings.tainted or ledger.tainted(obligation)
            _measure(ledger, obligation, when, since=max(over, obligation.sent_t), within=within, findings=findings)
    return findings


def _finished_late(ledger: Ledger, over: float, within: float) -> Iterator[Obligation]:
    """Yield the finished messages that waited for the faults to be over."""
    for queue in ledger.world.judged():
        for key in queue.finished.held_up(over, within):
            yield queue.finished.look(key, queue)


def _held_up(obligation: Obligation, when: tuple[int, float] | None, over: float, within: float, first_n: int) -> bool:
    if when is None:
        return True
    if when[1] >= over and (obligation.sent_t < over or when[1] - obligation.sent_t > within):
        return True
    return obligation.bitten and when[0] > first_n


def _effected_at(ledger: Ledger, obligation: Obligation) -> tuple[int, float] | None:
    """Return when the last of the required places was changed for the first time; None where one never was."""
    sets = ledger.effects(obligation)
    if not sets or not all(sets):
        return None
    first = max((effects[0] for effects in sets), key=lambda effect: effect.t)
    return first.n, first.t


def _measure(
    ledger: Ledger, obligation: Obligation, when: tuple[int, float] | None, *, since: float, within: float, findings: Findings
) -> None:
    last = last_of(obligation)
    events = (obligation.sent_n, *delivery_events(last))
    trusted = not ledger.tainted(obligation)
    if when is not None:
        if when[1] - since > within:
            said = f"effected {when[1] - since:.1f} s after the fault was over (promised: {within:g} s)"
            findings.add("late", obligation, sure=trusted, n=when[0], t=when[1], events=(*events, when[0]), said=said)
        return
    _, t = obligation.acked or obligation.rejected or obligation.last_delivery or (obligation.sent_n, obligation.sent_t)
    end = Ends(ledger).of(obligation)
    if ledger.drained and not (end.may_come and ledger.t - since > within):
        dead = " (dead-lettered)" if end.dead else ""
        said = f"not effected at the end, {ledger.t - since:.1f} s after the fault was over{dead}"
        sure = trusted and not end.may_come and not end.held_up
        findings.add("never", obligation, sure=sure, n=ledger.last_n, t=t, events=events, said=said)
    elif ledger.t - since > within:
        said = f"still not effected {ledger.t - since:.1f} s after the fault was over (promised: {within:g} s)"
        findings.add("late", obligation, sure=trusted, n=ledger.last_n, t=ledger.t, events=events, said=said)
