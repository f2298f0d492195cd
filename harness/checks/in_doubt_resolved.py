"""What may have been done is asked about before it is done again, and is not forgotten either.

In doubt is a request that was complete at the resource and whose answer the service never got. A repetition that the resource
takes for what it is, and changes nothing by, is no blind one: an idempotency key is as good as a question.
"""

from harness.checks.ends import End, Ends, delivery_events, last_of
from harness.checks.findings import Findings
from harness.history.ledger import Ledger
from harness.history.obligations import Delivery, Obligation, Request

LABELS = ("blind_retry", "vanished")


def judge(ledger: Ledger) -> Findings:
    """Look at every message of which a request went without its answer."""
    findings = Findings()
    ends = Ends(ledger)
    for obligation in ledger.rest():
        if not (obligation.doubted or obligation.unanswered):
            continue
        findings.premises += 1
        findings.tainted = findings.tainted or ledger.tainted(obligation)
        findings.ground("vanished", *(["blind_retry"] if obligation.doubted else []))
        _repeated(ledger, obligation, findings)
        _forgotten(ledger, ends.of(obligation), findings)
    return findings


def _repeated(ledger: Ledger, obligation: Obligation, findings: Findings) -> None:
    """Find the first repetition that changed something; else one that never came there, so nobody knows what it would have."""
    blinds = obligation.blinds or []
    done = next((one for one in blinds if one.effected), None)
    tried = next((one for one in blinds if not (one.complete or one.answered)), None)
    request = done or tried
    if request is None:
        return
    what = "and did it again" if done is not None else "and it did not get there"
    said = f"repeated a request whose answer was lost, without asking first, {what}"
    events = (obligation.sent_n, request.n, *(delivery_events(_delivery(request))))
    sure = done is not None and not ledger.tainted(obligation)
    findings.add("blind_retry", obligation, sure=sure, n=request.n, t=request.t, events=events, said=said)


def _delivery(request: Request) -> Delivery | None:
    return request.deliveries[-1] if request.deliveries else None


def _forgotten(ledger: Ledger, end: End, findings: Findings) -> None:
    """Find what has no effect and is nowhere any more."""
    obligation = end.obligation
    if obligation.ends != "effected" or all(end.sets) or end.kept_somewhere or end.handed_on:
        return
    settled = obligation.acked or obligation.rejected
    if not (settled or end.scanned or end.on_the_way):
        return
    n, t = settled or obligation.last_delivery or (obligation.sent_n, obligation.sent_t)
    sure = ledger.drained and not end.on_the_way and (end.scanned or (obligation.acked is not None and obligation.queue.sqs))
    said = "a request of it got no answer, it was not done, and the message is gone"
    events = (obligation.sent_n, n, *delivery_events(last_of(obligation)))
    findings.add("vanished", obligation, sure=sure and not ledger.tainted(obligation), n=n, t=t, events=events, said=said)
