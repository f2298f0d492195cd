"""The conservation law: each message ended once, where its sender said, or can still be found and is waiting.

Ends are an effect, a queue of role dead-letter or parking, a refusal, or waiting: never delivered while nobody consumed, or a
retry that was not due yet when the history was closed. Labels say how a message got out of this account; but for those that
show something that did happen, they need a drained run and the final scan.
"""

from collections.abc import Callable

from harness.checks.ends import End, Ends, consumers_cut_off, delivery_events, last_of, stuck_since, times
from harness.checks.findings import Findings
from harness.history.ledger import Ledger

LABELS = (
    "lost", "unrouted", "dropped", "expired", "acked_without_effect", "partly_effected", "effected_and_dead_lettered",
    "deduplicated", "stuck", "wedged", "unconsumed",
)  # fmt: skip


LEFT_OUT = frozenset({"lost", "wedged", "unconsumed"})
"""Labels of what did not happen up to the end: the last event before it may be older than the fault that is to blame."""


def judge(ledger: Ledger) -> Findings:
    """Account for every message."""
    findings = Findings()
    ends = Ends(ledger)
    _finished(ledger, ends, findings)
    for obligation in ledger.rest():
        end = ends.of(obligation)
        findings.premises += 1
        findings.tainted = findings.tainted or ledger.tainted(obligation)
        _grounds(end, findings)
        _apply(ledger, end, findings)
    return findings


def broken_as(ledger: Ledger, end: End) -> str:
    """Return the label under which this one message is broken for sure; empty where it is accounted for."""
    findings = Findings()
    _apply(ledger, end, findings)
    return findings.main()


def _apply(ledger: Ledger, end: End, findings: Findings) -> None:
    """Apply the rules in order: the first that has something to say of a message has the last word."""
    for rule in RULES:
        if rule(ledger, end, findings):
            return


def _finished(ledger: Ledger, ends: Ends, findings: Findings) -> None:
    """Count what took the plain way: kept, and ground for the labels that could have shown on it."""
    findings.premises += ledger.finished()
    findings.ground("lost", "unrouted", "expired", "acked_without_effect", cases=ledger.finished())
    findings.ground("effected_and_dead_lettered", cases=ledger.finished(with_effect=True))
    for queue in ledger.world.judged():
        findings.ground("deduplicated", cases=len(queue.finished) if queue.mids is not None else 0)
        findings.ground("unconsumed", cases=len(queue.finished) if ends.of_queue(queue)[1] else 0)


def _grounds(end: End, findings: Findings) -> None:
    """Count what each label could have shown on."""
    for labels, could in GROUNDS:
        if could(end):
            findings.ground(*labels)


GROUNDS: tuple[tuple[tuple[str, ...], Callable[[End], object]], ...] = (
    (("lost", "expired"), lambda end: end.obligation.acks or end.obligation.far),
    (("unrouted",), lambda end: end.obligation.acks or end.obligation.returned),
    (("acked_without_effect",), lambda end: end.obligation.acked),
    (("dropped",), lambda end: end.obligation.rejected or end.obligation.far > 1 or end.obligation.ends == "dead-lettered"),
    (("partly_effected",), lambda end: len(end.sets) > 1),
    (("effected_and_dead_lettered",), lambda end: any(end.sets) and end.obligation.far),
    (("deduplicated",), lambda end: end.obligation.queue.mids is not None),
    (("stuck",), lambda end: end.obligation.far > 1),
    (("wedged",), lambda end: end.obligation.far and end.obligation.acked is None),
    (("unconsumed",), lambda end: end.alive),
)
"""What has to be so of a message before a label can show on it: without that, its absence says nothing."""


def _add(
    label: str, ledger: Ledger, end: End, findings: Findings, *, sure: bool, at: tuple[int, float] | None, said: str
) -> bool:
    """Add a case, never for sure on an obligation that a gap of a tap may have touched."""
    obligation = end.obligation
    n, t = at if at is not None else (ledger.last_n, ledger.t)
    events = (obligation.sent_n, *delivery_events(last_of(obligation)), n if at is not None else 0)
    if label in LEFT_OUT:
        n = ledger.last_n
    findings.add(label, obligation, sure=sure and not ledger.tainted(obligation), n=n, t=t, events=events, said=said)
    return True


def _twice(ledger: Ledger, end: End, findings: Findings) -> bool:
    obligation = end.obligation
    if obligation.ends != "effected" or not (obligation.dead and any(end.sets)):
        return False
    effect = next((one.n, one.t) for group in end.sets for one in group)
    at = max(effect, obligation.rejected or obligation.last_delivery or effect)
    said = f"effected, and also in {_ends_in(end)}"
    return _add("effected_and_dead_lettered", ledger, end, findings, sure=True, at=at, said=said)


def _deduplicated(ledger: Ledger, end: End, findings: Findings) -> bool:
    obligation = end.obligation
    if not obligation.deduplicated or obligation.copies:
        return False
    said = "its send was answered with the MessageId of a different, earlier message, so it was never queued"
    return _add("deduplicated", ledger, end, findings, sure=True, at=(obligation.deduplicated, obligation.sent_t), said=said)


def _unrouted(ledger: Ledger, end: End, findings: Findings) -> bool:
    obligation = end.obligation
    if not obligation.returned or obligation.far or end.kept_somewhere or any(end.sets):
        return False
    sure = obligation.returned >= max(1, obligation.tries)
    at = (obligation.sent_n, obligation.sent_t)
    return _add("unrouted", ledger, end, findings, sure=sure, at=at, said="the broker returned it: no queue is bound for it")


def _as_said(ledger: Ledger, end: End, findings: Findings) -> bool:
    """Stop at what ended as its sender said, or lies where a person will find it."""
    obligation = end.obligation
    if obligation.ends == "refused":
        return bool(obligation.acked or obligation.rejected or end.kept_somewhere)
    if obligation.ends == "dead-lettered":
        if end.dead or obligation.parked:
            return True
        if end.scanned and (obligation.acked or obligation.rejected) and not end.kept_somewhere:
            said = "it was to be dead-lettered and is in no dead-letter queue"
            return _add(
                "dropped", ledger, end, findings, sure=ledger.drained, at=obligation.acked or obligation.rejected, said=said
            )
        return obligation.acked is None and bool(obligation.residue)
    return end.effected or end.dead or bool(obligation.parked)


def _partly(ledger: Ledger, end: End, findings: Findings) -> bool:
    if not end.partly or end.handed_on or end.kept_somewhere or not (end.obligation.acked or end.obligation.rejected):
        return False
    missing = [" | ".join(names) for names, found in zip(end.obligation.queue.sets, end.sets, strict=True) if not found]
    said = f"effected in part: nothing reached {', '.join(missing)}"
    return _add(
        "partly_effected",
        ledger,
        end,
        findings,
        sure=ledger.drained,
        at=end.obligation.acked or end.obligation.rejected,
        said=said,
    )


def _acked(ledger: Ledger, end: End, findings: Findings) -> bool:
    obligation = end.obligation
    if obligation.acked is None or end.handed_on or end.kept_somewhere:
        return False
    sure = ledger.drained and (obligation.queue.sqs or _ack_was_processed(end))
    return _add(
        "acked_without_effect", ledger, end, findings, sure=sure, at=obligation.acked, said="acknowledged, and it has no effect"
    )


def _ack_was_processed(end: End) -> bool:
    """Tell whether the broker must have taken the ack: its connection stayed open, or the message is nowhere any more."""
    connection = end.obligation.ack_connection
    return end.scanned or connection is None or not connection.closed_n


def _dropped(ledger: Ledger, end: End, findings: Findings) -> bool:
    obligation = end.obligation
    if end.handed_on or end.kept_somewhere or any(end.sets):
        return False
    if obligation.rejected is not None:
        connection = obligation.ack_connection
        nowhere = obligation.queue.declaration.dead_letter is None
        sure = ledger.drained and (end.scanned or (nowhere and (connection is None or not connection.closed_n)))
        where = "the queue has no dead-letter queue" if nowhere else f"it is not in {obligation.queue.declaration.dead_letter}"
        return _add("dropped", ledger, end, findings, sure=sure, at=obligation.rejected, said=f"rejected, and {where}")
    limit = obligation.queue.declaration.max_receive_count
    if obligation.queue.sqs or limit is None or obligation.queue.declaration.kind != "quorum" or obligation.far <= limit:
        return False
    said = f"delivered {times(obligation.far)} at a delivery limit of {limit}, and it is in no queue"
    return _add("dropped", ledger, end, findings, sure=ledger.drained and end.scanned, at=obligation.last_delivery, said=said)


def _stuck(ledger: Ledger, end: End, findings: Findings) -> bool:
    since = stuck_since(end)
    if since is None or (ledger.drained and end.scanned and not end.obligation.residue):
        return False
    first, last = end.obligation.first_delivery, end.obligation.last_delivery
    span = last[1] - first[1] if first is not None and last is not None else 0.0
    said = f"delivered {times(end.obligation.far)} in {span:.1f} s without effect, and nothing else is due"
    return _add("stuck", ledger, end, findings, sure=True, at=since, said=said)


def _gone(ledger: Ledger, end: End, findings: Findings) -> bool:
    """Nobody settled it for sure, and it is nowhere any more."""
    obligation = end.obligation
    if not end.scanned or end.kept_somewhere or end.handed_on or any(end.sets):
        return False
    declared = obligation.queue.declaration
    lifetime = declared.retention_period if obligation.queue.sqs else declared.ttl
    if lifetime is not None and ledger.t - obligation.sent_t >= lifetime:
        said = f"it was older than the queue keeps messages ({lifetime:g} s), and nobody had settled it"
        return _add("expired", ledger, end, findings, sure=ledger.drained, at=None, said=said)
    last = last_of(obligation)
    sure = ledger.drained and obligation.acks > 0 and (last is None or not last.word)
    how = f"delivered {times(obligation.far)} and never settled" if obligation.far else "never delivered"
    said = f"the broker had acknowledged it; {how}, and it is in no queue"
    if not obligation.acks and not obligation.far:
        return False
    return _add("lost", ledger, end, findings, sure=sure, at=(obligation.sent_n, obligation.sent_t), said=said)


def _left(ledger: Ledger, end: End, findings: Findings) -> bool:
    """Find what lies in its queue while its consumer lives."""
    obligation = end.obligation
    if not obligation.residue or not end.alive or obligation.pending or end.on_the_way or end.visible_at_most < 0:
        return False
    if consumers_cut_off(ledger, obligation.queue) or (end.bound_for_dead_letters and ledger.drained_how != "quiet"):
        return False
    if end.may_come:
        said = (
            f"delivered {times(obligation.far)}, and visible again for {end.visible_at_most:.1f} s at most when the history was "
            "closed: its consumer may not have had the time to take it"
        )
        return _add("wedged", ledger, end, findings, sure=False, at=obligation.last_delivery, said=said)
    if obligation.far:
        said = f"delivered {times(obligation.far)}, then never again, while its consumer lived"
        return _add("wedged", ledger, end, findings, sure=ledger.drained, at=obligation.last_delivery, said=said)
    said = "never delivered, while its consumer lived"
    sure = ledger.drained and not end.starved
    return _add("unconsumed", ledger, end, findings, sure=sure, at=(obligation.sent_n, obligation.sent_t), said=said)


def _ends_in(end: End) -> str:
    target = end.obligation.queue.ends_in
    return target.name if target is not None else "a dead-letter queue"


RULES: tuple[Callable[[Ledger, End, Findings], bool], ...] = (
    _twice, _deduplicated, _unrouted, _as_said, _partly, _acked, _dropped, _stuck, _gone, _left,
)  # fmt: skip
