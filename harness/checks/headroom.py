"""Work on a message is over before its visibility timeout is, and with some of it left: what comes before a duplicate.

Measured from the deadline back to the last thing that the consumer did with this delivery: a request, its answer, a settlement.
Deadlines and ends are known within bounds; only what is past both is sure. On RabbitMQ no such timer runs.
"""

from collections.abc import Iterator
from typing import NamedTuple

from harness.checks.ends import delivery_events
from harness.checks.findings import Findings
from harness.history.finished import Plain
from harness.history.ledger import Ledger
from harness.history.obligations import NEVER, Delivery, Obligation, Request
from harness.history.world import Queue

LABELS = ("overrun", "thin")


class Work(NamedTuple):
    """Work on one delivery: when it ended, between which bounds its deadline was, and whether the end is this delivery's own."""

    queue: Queue
    key: str
    obligation: Obligation | None
    n: float
    ended: float
    lo: float
    hi: float
    timeout: float
    own: bool
    events: tuple[int, ...]


def judge(ledger: Ledger, *, at_least: float | None = None) -> Findings:
    """Measure how much of its visibility timeout was left to every delivery on SQS."""
    findings = Findings()
    least = NEVER
    for work in _all(ledger):
        findings.premises += 1
        tainted = ledger.tainted(work.obligation) if work.obligation is not None else ""
        findings.tainted = findings.tainted or tainted
        findings.ground("overrun", *(["thin"] if at_least else []))
        least = min(least, (work.lo - work.ended) / work.timeout)
        label, sure = _label(work, at_least or 0.0)
        if label:
            said = _said(label, work, at_least or 0.0)
            obligation = work.obligation or work.queue.finished.look(work.key, work.queue)
            n = int(work.n)
            findings.add(label, obligation, sure=sure and not tainted, n=n, t=work.ended, events=work.events, said=said)
    if findings.premises:
        findings.measured = f"at least {least:.0%} of the visibility timeout left"
    return findings


def _label(work: Work, at_least: float) -> tuple[str, bool]:
    """Return the label that may show on this delivery, and whether it does for sure."""
    if work.ended > work.hi:
        return "overrun", work.own
    if work.hi - work.ended < at_least * work.timeout and work.ended < work.lo:
        return "thin", work.own
    if work.ended >= work.lo:
        return "overrun", False
    return ("thin", False) if work.lo - work.ended < at_least * work.timeout else ("", False)


def _said(label: str, work: Work, at_least: float) -> str:
    if label == "overrun":
        return f"worked on until {work.ended - work.lo:.1f} s after its visibility timeout of {work.timeout:g} s was over"
    left = work.lo - work.ended
    return f"done {left:.1f} s before its visibility timeout of {work.timeout:g} s was over (promised: {at_least:.0%} of it)"


def _all(ledger: Ledger) -> Iterator[Work]:
    for queue in ledger.world.judged():
        if not queue.sqs:
            continue
        for one in queue.finished.plain():
            if one.timeout:
                yield _finished(queue, one)
        for obligation in list(queue.obligations.values()):
            for delivery in obligation.deliveries:
                end = _end(delivery)
                if end is not None and delivery.timeout:
                    n, ended, own = end
                    events = (obligation.sent_n, n, *delivery_events(delivery))
                    bounds = (delivery.lo, delivery.hi, delivery.timeout)
                    yield Work(delivery.queue, obligation.key, obligation, n, ended, *bounds, own, events)


def _finished(queue: Queue, one: Plain) -> Work:
    n, ended = max((one.acked_t, one.acked_n), (one.effect_t, one.effect_n))[::-1]
    events = tuple(int(each) for each in (one.sent_n, one.delivered_n, one.effect_n, one.acked_n))
    return Work(queue, one.key, None, n, ended, one.lo, one.hi, one.timeout, own=True, events=events)


def _end(delivery: Delivery) -> tuple[int, float, bool] | None:
    """Return the last event of work on a delivery, when it was, and whether it can be of no other; None where none was seen."""
    request = delivery.request
    ends = [] if request is None else [(*_last(request), len(request.deliveries) == 1)]
    if delivery.word and delivery.cause != "injected":
        ends.append((delivery.word_n, delivery.word_t, True))
    return max(ends, key=lambda end: end[1], default=None)


def _last(request: Request) -> tuple[int, float]:
    return request.n, request.t if request.over == NEVER else request.over
