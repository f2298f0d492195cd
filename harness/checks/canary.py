"""A canary for every check used: a message that breaks the promise, put into a copy of the run. Who does not see it is blind.

The copy is made of the events that belong to no message, kept while the journal was read, so it costs no second pass; the
canary's own events go through the same encoding, reading, fold and check. A check passes if *its* witness appears.
"""

from collections.abc import Sequence

import msgspec

from harness.checks.catalogue import CHECKS
from harness.checks.scripts import KEY, SCRIPTS, world
from harness.checks.verdict import Verdict
from harness.history.events import Event
from harness.history.journal import Seen
from harness.history.ledger import Ledger


def blind(verdict: Verdict) -> str:
    """Say which check did not notice its canary; empty where it did."""
    ledger = verdict.history.ledger()
    copy = Ledger(ledger.header)
    canary = planted(verdict, ledger.t)
    copy.whole = lambda: iter(canary)
    for batch in _spliced(ledger, canary):
        copy.take([batch])
    findings = CHECKS[verdict.check].findings(copy, verdict.arguments)
    if any(one.message == KEY for found in findings.labels.values() for one in found.witnesses):
        return ""
    return (
        f"{verdict.check} is blind: a message that breaks it was put into a copy of {verdict.history.path}, and it was not found;"
        " none of its verdicts on this run counts"
    )


def _spliced(ledger: Ledger, canary: Sequence[Event]) -> list[list[Seen]]:
    """Return the context of the run with the canary before its end."""
    ends = [number for number, event in enumerate(ledger.context) if event.kind in {"drained", "closing"}]
    cut = ends[0] if ends else len(ledger.context)
    lines = b"\n".join(msgspec.json.encode(event) for event in canary)
    planted_events = msgspec.json.Decoder(Seen).decode_lines(lines)
    return [ledger.context[:cut], planted_events, ledger.context[cut:]]


def planted(verdict: Verdict, after: float) -> list[Event]:
    """Return the events of a message that breaks this promise, from a second after the run's last event on."""
    script = SCRIPTS[verdict.check]
    events = [*world(), *script(verdict.arguments)]
    last = verdict.history.ledger().last_n
    for number, event in enumerate(events, start=1):
        event.t += after + 1.0
        event.n = last + number
    return events
