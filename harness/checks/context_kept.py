"""What was put aside is still the message that was sent, with all its attributes, and says why it is there.

The messages themselves are read again, those that lie in a dead-letter or parking queue only. A reason is an attribute or header
that the message was not sent with and that no broker adds by itself: x-death says that it was rejected, not why.
"""

from collections.abc import Iterator, Mapping

from harness.checks.findings import Findings
from harness.history.events import Event
from harness.history.ledger import Ledger
from harness.history.obligations import Obligation

LABELS = ("body_changed", "attribute_lost", "reason_missing")
BROKERS_OWN = (
    "x-death",
    "x-first-death-",
    "x-last-death-",
    "x-delivery-count",
    "x-acquired-count",
    "DeadLetterQueueSourceArn",
)


def judge(ledger: Ledger) -> Findings:
    """Compare what lies aside with what was sent."""
    findings = Findings()
    aside = {one.key: one for one in ledger.rest() if one.dead or one.parked}
    sent: dict[str, list[Event]] = {}
    for event in ledger.whole() if aside else ():
        obligation = aside.get(event.key)
        if obligation is None:
            continue
        if _is_send(event, obligation):
            sent.setdefault(event.key, []).append(event)
        elif event.kind == "residue" and _is_aside(ledger, event):
            findings.premises += 1
            findings.tainted = findings.tainted or ledger.tainted(obligation)
            _compare(ledger, obligation, sent.get(event.key, []), event, findings)
    return findings


def _is_send(event: Event, obligation: Obligation) -> bool:
    """Tell whether this is the message as its sender made it; what a fault made of it is none."""
    if event.kind != "attempted" or event.at == "near" or not event.size or event.fault:
        return False
    return event.queue in {"", obligation.queue.name} and not (event.data or {}).get("redriven")


def _is_aside(ledger: Ledger, event: Event) -> bool:
    """Tell whether this message lies aside at the end of this history; a look of an earlier phase says nothing of it."""
    queue = ledger.world.queues.get(event.queue)
    if queue is None or queue.home is not None:
        return False
    if "drain" not in (event.data or {}):
        return True
    return ledger.closed_at is None and event.n > max(one.n for one in ledger.context if one.kind == "drained")


def _compare(ledger: Ledger, obligation: Obligation, sent: list[Event], letter: Event, findings: Findings) -> None:
    n, t = obligation.rejected or obligation.last_delivery or (obligation.sent_n, obligation.sent_t)
    trusted = not ledger.tainted(obligation)
    findings.ground("reason_missing", *(["body_changed"] if sent else []))
    before = [_named(one) for one in sent]
    if any(before):
        findings.ground("attribute_lost")
    for label, said in _differences(sent, before, letter):
        where = f"in {letter.queue} {said}"
        findings.add(label, obligation, sure=trusted, n=n, t=t, events=(obligation.sent_n, n, letter.n), said=where)


def _differences(sent: list[Event], before: list[Mapping[str, str]], letter: Event) -> Iterator[tuple[str, str]]:
    after = _named(letter)
    if sent and not any(_same_body(one, letter) for one in sent):
        yield "body_changed", f"with another body than it was sent with ({letter.size} bytes)"
    lost = [[name for name, value in names.items() if after.get(name) != value] for names in before]
    if lost and all(lost):
        fewest: list[str] = min(lost, key=len)
        yield "attribute_lost", f"without what it was sent with: {', '.join(fewest)}"
    names = {name for one in before for name in one}
    if not any(name not in names and not name.startswith(BROKERS_OWN) for name in after):
        yield "reason_missing", "without a word on why it is there"


def _same_body(one: Event, letter: Event) -> bool:
    if one.digest and letter.digest:
        return one.digest == letter.digest
    return one.size == letter.size and one.body == letter.body


def _named(event: Event) -> Mapping[str, str]:
    """Return attributes, or headers, by name; the types that brokers write around them are left out."""
    if event.attributes:
        return {name: value for name, (_, value) in event.attributes.items()}
    return {name: str(value) for name, value in (event.headers or {}).items()}
