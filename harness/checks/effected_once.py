"""Every message has its effect once: in each place that its queue names, not never and not twice.

A second effect is put down to why there was a second delivery; or to the service itself where both came from one delivery, or
where it repeated a request whose answer it had lost, and had not asked: whichever way the message came back to it.
"""

from itertools import pairwise

from harness.checks.ends import End, Ends, delivery_events, last_of, stuck_since, times
from harness.checks.findings import Findings
from harness.history.ledger import Ledger
from harness.history.obligations import Effect, Obligation

DUPLICATED = {
    "expiry_held": "expiry",
    "expiry_slow": "expiry",
    "expiry_crashed": "expiry",
    "ack_lost": "ack_loss",
    "ack_in_doubt": "ack_loss",
    "receive_lost": "ack_loss",
    "connection_lost": "connection_loss",
    "channel_closed": "connection_loss",
    "consumer_timeout": "connection_loss",
    "service_exit": "connection_loss",
    "requeue": "requeue",
    "released": "requeue",
    "dead_letter_cycle": "requeue",
    "republished": "requeue",
    "redriven": "replay",
    "producer": "producer",
    "injected": "broker",
    "broker": "broker",
    "unexplained": "broker",
}
WHY = {
    "expiry_held": "expiry held: its visibility timeout was over before any attempt had begun",
    "expiry_slow": "expiry slow: its visibility timeout was over while it was being worked on",
    "expiry_crashed": "expiry crashed: its consumer had ended, and its visibility timeout was waited for",
}
GIVEN_BACK = frozenset({"requeue", "released", "dead_letter_cycle", "republished", "expiry_held", "expiry_slow"})
"""Causes by which a service that lives takes a message up again itself, with what it knows of the first attempt."""
LABELS = ("not_effected", *dict.fromkeys(f"duplicated_by_{word}" for word in [*DUPLICATED.values(), "network", "blind_retry"]))


def judge(ledger: Ledger) -> Findings:
    """Count the effects of every message."""
    findings = Findings()
    ends = Ends(ledger)
    findings.premises = ledger.finished(with_effect=True)
    findings.ground("not_effected", cases=findings.premises)
    for obligation in ledger.rest():
        if not obligation.queue.sets:
            continue
        findings.premises += 1
        findings.tainted = findings.tainted or ledger.tainted(obligation)
        _grounds(obligation, findings)
        sets = ledger.effects(obligation)
        for effects in sets:
            for earlier, later in pairwise(effects):
                _doubled(ledger, obligation, earlier, later, findings)
        if obligation.ends == "effected" and not all(sets):
            _missing(ledger, ends.of(obligation), findings)
    return findings


def _grounds(obligation: Obligation, findings: Findings) -> None:
    if obligation.acks or obligation.far:
        findings.ground("not_effected")
    for cause in obligation.further or ():
        findings.ground(f"duplicated_by_{DUPLICATED[cause]}")
    if obligation.copied:
        findings.ground("duplicated_by_network")
    if obligation.doubted or (obligation.attempt_ts is not None and not obligation.further):
        findings.ground("duplicated_by_blind_retry")


def _doubled(ledger: Ledger, obligation: Obligation, earlier: Effect, later: Effect, findings: Findings) -> None:
    delivery = later.delivery
    alone = earlier.sure and later.sure and delivery is earlier.delivery
    again = any(one.request is not None and one.request.copied for one in (earlier, later))
    cause = "" if alone and not again else _cause(obligation, later)
    blindly = cause in GIVEN_BACK and _blindly(earlier, later, cause)
    word = "network" if again else DUPLICATED[cause] if cause and not blindly else "blind_retry"
    sure = cause != "unexplained" and not ledger.tainted(obligation)
    why = (
        f"after a further delivery ({WHY.get(cause, cause.replace('_', ' '))})"
        if cause
        else "by the service itself, within one delivery"
    )
    why = "because the same request came twice" if again else why
    asked = ": it had lost the answer to the first, and did not ask" if blindly else ""
    said = f"effected again {later.t - earlier.t:.2f} s later, {why}{asked}"
    events = (earlier.n, later.n, *delivery_events(delivery))
    findings.add(f"duplicated_by_{word}", obligation, sure=sure, n=later.n, t=later.t, events=events, said=said)


def _blindly(earlier: Effect, later: Effect, cause: str) -> bool:
    """Tell whether the service repeated what it was in doubt of, and not what it was still doing when its deadline came."""
    first, again, delivery = earlier.request, later.request, earlier.delivery
    if first is None or again is None or not (first.doubted and again.blind):
        return False
    return not cause.startswith("expiry") or delivery is None or first.over < delivery.lo


def _cause(obligation: Obligation, effect: Effect) -> str:
    """Return why there was the delivery that the effect belongs to; where that is not sure, the last that was not the first."""
    delivery = effect.delivery
    if delivery is not None and delivery.cause:
        return delivery.cause
    return next((one.cause for one in reversed(obligation.deliveries) if one.cause and one.far_n < effect.n), "")


def _missing(ledger: Ledger, end: End, findings: Findings) -> None:
    obligation = end.obligation
    if not (obligation.acks or obligation.far or obligation.dead or obligation.parked):
        return
    last = last_of(obligation)
    settled = obligation.acked or obligation.rejected
    n, t = settled or obligation.last_delivery or (obligation.sent_n, obligation.sent_t)
    events = (obligation.sent_n, n, *delivery_events(last))
    n = n if settled else ledger.last_n  # what did not happen did not happen up to the end
    said = f"delivered {times(obligation.far)}, never effected" + (", dead-lettered" if end.dead else "")
    said += ", and on its way when the history was closed" if end.on_the_way else ""
    said += ", and about to be delivered again when the history was closed" if end.may_come else ""
    coming = end.held_up or (end.may_come and stuck_since(end) is None)
    sure = ledger.drained and not coming and not ledger.tainted(obligation)
    findings.add("not_effected", obligation, sure=sure, n=n, t=t, events=events, said=said)
