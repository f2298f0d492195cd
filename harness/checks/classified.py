"""Each failure is dealt with as its class wants: tried again where it may pass, put aside where it does not or did not.

Classes are those of `causes`: by status, and by whether a request was complete at the resource. How often a transient failure
has to be tried is `attempts`, else the queue's own maxReceiveCount or delivery limit; without either there is no end to it.
"""

from collections.abc import Iterator

from harness.checks.ends import End, Ends, delivery_events, last_of, times, tried
from harness.checks.findings import Findings
from harness.checks.nothing_dead_lettered import outages_of
from harness.history.causes import attempt_class
from harness.history.ledger import Ledger
from harness.history.obligations import Delivery, Obligation

LABELS = ("transient_dead_lettered", "permanent_requeued", "transient_acked", "retries_exhausted_not_parked")
AGAIN = frozenset({"requeue", "released", "dead_letter_cycle", "republished", "expiry_slow"})
"""Why a message comes back whose consumer had its answer: it was given back, or let run out."""
GIVEN_BACK = frozenset({"requeue", "released", "dead_letter_cycle"})


def judge(ledger: Ledger, *, attempts: int | None = None) -> Findings:
    """Look at the class of every failed delivery, and at what became of the message."""
    findings = Findings()
    ends = Ends(ledger)
    for obligation in ledger.rest():
        outages = outages_of(ledger, obligation)
        classes = [(one, attempt_class(one, outages)) for one in obligation.deliveries]
        failed = {name for _, name in classes if name}
        if not failed and not obligation.bitten:
            continue
        findings.premises += 1
        findings.tainted = findings.tainted or ledger.tainted(obligation)
        if "transient" in failed or obligation.bitten:
            findings.ground("transient_dead_lettered", "transient_acked", "retries_exhausted_not_parked")
        if "permanent" in failed:
            findings.ground("permanent_requeued")
        _requeued(ledger, classes, findings)
        end = ends.of(obligation)
        if classes and classes[-1][1] == "transient" and not end.effected and not obligation.in_doubt:
            _given_up(ledger, end, attempts or obligation.queue.declaration.max_receive_count, findings)
    return findings


def _requeued(ledger: Ledger, classes: list[tuple[Delivery, str]], findings: Findings) -> None:
    """Find the first delivery that failed for good, and whose message was given back all the same."""
    for delivery in _tried_again(classes):
        obligation, request = delivery.obligation, delivery.request
        status = request.status if request is not None else None
        n, t = delivery.end_n or delivery.word_n or delivery.near_n, delivery.end_t or delivery.word_t or delivery.near_t
        said = f"answered with {status}, which no second attempt can change, and tried again: delivered {times(obligation.far)}"
        sure = not ledger.tainted(obligation)
        findings.add("permanent_requeued", obligation, sure=sure, n=n, t=t, events=delivery_events(delivery), said=said)
        return


def _tried_again(classes: list[tuple[Delivery, str]]) -> Iterator[Delivery]:
    for number, (delivery, name) in enumerate(classes):
        after = classes[number + 1][0] if number + 1 < len(classes) else None
        came_back = after is not None and after.cause in AGAIN
        if name == "permanent" and (came_back or delivery.end in GIVEN_BACK or delivery.let_go_with_pause):
            yield delivery


def _given_up(ledger: Ledger, end: End, budget: int | None, findings: Findings) -> None:
    """Find what became of a message whose last attempt failed as what may pass, and that has no effect."""
    obligation = end.obligation
    many = tried(obligation)
    if obligation.ends != "effected" or obligation.parked or end.handed_on or end.on_the_way:
        return
    if end.dead:
        if budget is None or many < budget:
            allowed = f" of {budget}" if budget is not None else ""
            said = f"dead-lettered after {many}{allowed} attempt{'' if many == 1 else 's'}, though its failure may pass"
            _add("transient_dead_lettered", ledger, obligation, findings, sure=_certain(obligation), said=said)
    elif obligation.residue:
        return
    elif obligation.acked and (budget is None or many < budget):
        sure = ledger.drained and (end.scanned or obligation.queue.sqs)
        _add("transient_acked", ledger, obligation, findings, sure=sure, said="acknowledged, though its failure may pass")
    elif obligation.acked or obligation.rejected or end.scanned:
        said = f"given up after {times(many)} delivered, and it is in no queue"
        _add("retries_exhausted_not_parked", ledger, obligation, findings, sure=ledger.drained and end.scanned, said=said)


def _certain(obligation: Obligation) -> bool:
    """Tell whether it must be a dead letter: found there, or rejected on a connection that held."""
    connection = obligation.ack_connection
    return bool(obligation.dead) or connection is None or not connection.closed_n


def _add(label: str, ledger: Ledger, obligation: Obligation, findings: Findings, *, sure: bool, said: str) -> None:
    n, t = obligation.acked or obligation.rejected or obligation.last_delivery or (obligation.sent_n, obligation.sent_t)
    events = (obligation.sent_n, n, *delivery_events(last_of(obligation)))
    findings.add(label, obligation, sure=sure and not ledger.tainted(obligation), n=n, t=t, events=events, said=said)
