"""No message ends in a dead-letter queue, but those whose sender said so. Labels tell for what kind of failure it went there."""

from harness.checks.ends import Ends, delivery_events, last_of
from harness.checks.findings import Findings
from harness.history.causes import failure_class
from harness.history.intervals import Interval
from harness.history.ledger import Ledger
from harness.history.obligations import Obligation

LABELS = ("transient_dead_lettered", "in_doubt_dead_lettered", "dead_lettered", "dead_lettered_unseen")
BY_CLASS = {"transient": "transient_dead_lettered", "in_doubt": "in_doubt_dead_lettered"}
REASONS = {
    "transient_dead_lettered": "no attempt of it was complete at the resource",
    "in_doubt_dead_lettered": "an attempt of it was complete at the resource and its answer was lost: it may have been done",
    "dead_lettered": "no failure that passes was seen",
    "dead_lettered_unseen": "its consumer never saw it",
}


def judge(ledger: Ledger) -> Findings:
    """Find every dead letter, and why it is one."""
    findings = Findings()
    ends = Ends(ledger)
    findings.premises = ledger.finished()
    findings.ground("dead_lettered", cases=findings.premises)
    for obligation in ledger.rest():
        findings.premises += 1
        findings.tainted = findings.tainted or ledger.tainted(obligation)
        outages = outages_of(ledger, obligation)
        label = _label(obligation, outages)
        _grounds(obligation, label, findings)
        if obligation.ends != "effected" or not ends.of(obligation).dead:
            continue
        _found(ledger, obligation, label, findings)
    return findings


def _grounds(obligation: Obligation, label: str, findings: Findings) -> None:
    """Count the ground for each label: a class of failure shows only on messages that met one, whatever became of them."""
    grounds = {"dead_lettered"}
    if obligation.effects is None or obligation.far > 1 or obligation.rejected is not None:
        grounds.add(label)
        if label == "dead_lettered" and obligation.bitten:
            grounds |= {"transient_dead_lettered", "in_doubt_dead_lettered"}
    findings.ground(*grounds)


def _label(obligation: Obligation, outages: list[Interval]) -> str:
    if not obligation.near:
        return "dead_lettered_unseen"
    return BY_CLASS.get(failure_class(last_of(obligation), outages), "dead_lettered")


def outages_of(ledger: Ledger, obligation: Obligation) -> list[Interval]:
    """Return the outages between the consumers of this message and what they act on."""
    last = last_of(obligation)
    if last is None or not ledger.world.faults:
        return []
    roads = [road for road in ledger.world.service(last.service).roads if not road.queues]
    return [fault for road in roads for fault in road.faults if fault.name == "outage"]


def _found(ledger: Ledger, obligation: Obligation, label: str, findings: Findings) -> None:
    last = last_of(obligation)
    n, t = obligation.rejected or obligation.last_delivery or (obligation.sent_n, obligation.sent_t)
    target = obligation.queue.ends_in
    where = target.name if target is not None else "a dead-letter queue"
    how = "rejected" if obligation.rejected is not None else "given up by the broker"
    said = f"{how} after {_deliveries(obligation)}, now in {where}; {REASONS[label]}"
    sure = _certain(obligation) and not ledger.tainted(obligation)
    findings.add(label, obligation, sure=sure, n=n, t=t, events=(obligation.sent_n, *delivery_events(last)), said=said)


def _deliveries(obligation: Obligation) -> str:
    return f"{obligation.far} deliver{'y' if obligation.far == 1 else 'ies'}"


def _certain(obligation: Obligation) -> bool:
    """Tell whether it must be a dead letter: found by the scan, or rejected on a connection that held."""
    connection = obligation.ack_connection
    return bool(obligation.dead) or connection is None or not connection.closed_n
