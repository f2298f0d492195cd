"""Messages beside one in trouble are served in time: those of its queue that nothing is wrong with.

In trouble is a message that a fault bit, that its sender said will fail, or that was tried in vain. Its neighbours wait from
when both are there until their effect. Who waits in vain is starved where others were delivered beyond that time, else wedged.
"""

from harness.checks.ends import Ends, consumers_cut_off, delivery_events, last_of
from harness.checks.findings import Findings
from harness.history.ledger import Ledger
from harness.history.obligations import NEVER, Obligation
from harness.history.world import Queue

LABELS = ("late", "wedged", "starved")


def judge(ledger: Ledger, *, within: float) -> Findings:
    """Measure how long the neighbours of messages in trouble waited, queue by queue."""
    findings = Findings()
    ends = Ends(ledger)
    for queue in ledger.world.judged():
        if not queue.sets:
            continue
        sent = [one for one in queue.obligations.values() if one.sent]
        troubled = [one for one in sent if _in_trouble(ledger, ends, one)]
        since = min((_there(one) for one in troubled), default=NEVER)
        if since < NEVER:
            keys = {one.key for one in troubled}
            _finished(queue, since, within, findings)
            for one in sent:
                if one.key not in keys:
                    _measure(ledger, one, since, within, findings)
    return findings


def _in_trouble(ledger: Ledger, ends: Ends, obligation: Obligation) -> bool:
    if obligation.ends != "effected" or obligation.bitten:
        return True
    end = ends.of(obligation)
    return not all(end.sets) and (obligation.far > 1 or end.dead or bool(obligation.acked or obligation.rejected))


def _there(obligation: Obligation) -> float:
    return obligation.first_delivery[1] if obligation.first_delivery is not None else NEVER


def _finished(queue: Queue, since: float, within: float, findings: Findings) -> None:
    """Measure those that took the plain way."""
    for one in queue.finished.plain():
        waited = one.effect_t - max(since, one.sent_t)
        if waited < 0:
            continue
        findings.premises += 1
        findings.ground(*LABELS)
        if waited > within:
            obligation = queue.finished.look(one.key, queue)
            _late(findings, obligation, (int(one.effect_n), one.effect_t), waited, within, sure=True)


def _late(
    findings: Findings, obligation: Obligation, effect: tuple[int, float], waited: float, within: float, *, sure: bool
) -> None:
    n, t = effect
    said = f"effected after {waited:.1f} s beside a message in trouble (promised: {within:g} s)"
    findings.add("late", obligation, sure=sure, n=n, t=t, events=(obligation.sent_n, n), said=said)


def _measure(ledger: Ledger, obligation: Obligation, since: float, within: float, findings: Findings) -> None:
    since = max(since, obligation.sent_t)
    effects = [(one.n, one.t) for group in ledger.effects(obligation) for one in group]
    n, t = max(effects) if all(ledger.effects(obligation)) else (0, ledger.t)
    if t < since:
        return
    findings.premises += 1
    findings.ground(*LABELS)
    tainted = ledger.tainted(obligation)
    findings.tainted = findings.tainted or tainted
    if not n:
        _unserved(ledger, obligation, since, within, findings)
    elif t - since > within:
        _late(findings, obligation, (n, t), t - since, within, sure=not tainted)


def _unserved(ledger: Ledger, obligation: Obligation, since: float, within: float, findings: Findings) -> None:
    waited = ledger.t - since
    n, t = obligation.last_delivery or (obligation.sent_n, obligation.sent_t)
    events = (obligation.sent_n, n, *delivery_events(last_of(obligation)))
    last = _last_delivery(obligation.queue)
    starved = last > since + within
    label = "starved" if starved else "wedged"
    beside = (
        f"others were delivered until {last - since:.1f} s after both were there" if starved else "nothing more was delivered"
    )
    said = f"not served in {waited:.1f} s beside a message in trouble (promised: {within:g} s), and {beside}"
    sure = waited > within and not ledger.tainted(obligation) and not consumers_cut_off(ledger, obligation.queue)
    sure = sure and (starved or ledger.drained)
    findings.add(label, obligation, sure=sure, n=ledger.last_n, t=t, events=events, said=said)


def _last_delivery(queue: Queue) -> float:
    own = [one.last_delivery[1] for one in queue.obligations.values() if one.last_delivery is not None]
    return max([*own, *(one.delivered_t for one in queue.finished.plain())], default=0.0)
