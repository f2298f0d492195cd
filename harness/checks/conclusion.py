"""From findings to one word: kept, broken, unknown or vacuous, with its reason. The order of the rules is the order of trust.

A fault that did not bite makes everything vacuous. What must have happened breaks a promise, whatever else is not known. Then
comes what makes ignorance: a run not drained, a blind tap, traffic around a link, an effect after the close. Only then *kept*,
and only where the promise was really tested.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from harness.checks.catalogue import Check
from harness.checks.findings import Findings, Found
from harness.checks.hints import PROMISES
from harness.history.ledger import Ledger

PAUSES = frozenset({"paced", "recovered"})
"""The promises about how long a service itself waits."""
SLOW: Mapping[str, frozenset[str]] = {
    "accounted": frozenset({"wedged"}),
    "effected_once": frozenset({"duplicated_by_expiry"}),
    "headroom": frozenset({"overrun", "thin"}),
    "neighbours_served": frozenset({"late", "wedged", "starved"}),
    "signalled": frozenset({"late"}),
}
"""What a service may break only because it is slow: one that keeps the machine's clock in a compressed world is."""
Word = Literal["kept", "broken", "unknown", "vacuous"]


@dataclass(frozen=True)
class Waiver:
    """A label that may show, why, and on how many messages at most (None: any number)."""

    label: str
    because: str
    at_most: int | None = None

    def covers(self, label: str, found: Found) -> bool:
        """Tell whether this waives what was found."""
        return matches(self.label, label) and (self.at_most is None or found.definite <= self.at_most)


@dataclass(frozen=True)
class Conclusion:
    """The word and its reason; `labels` are those broken for sure and not waived, most cases first."""

    word: Word
    reason: str
    labels: tuple[str, ...] = ()
    waived: tuple[str, ...] = ()


def matches(wanted: str, label: str) -> bool:
    """Tell whether a label is the wanted one; "duplicated" stands for duplicated_by_ and any cause."""
    return label == wanted or label.startswith(f"{wanted}_by_")


def conclude(ledger: Ledger, check: Check, findings: Findings, waivers: tuple[Waiver, ...]) -> Conclusion:
    """Return the conclusion of a check on this ledger."""
    toothless = ledger.bites.without()
    if toothless:
        return Conclusion("vacuous", toothless)
    hurried = ledger.margin.reason() or _own_clock(ledger, counts=check.name in PAUSES)
    if hurried:
        return Conclusion("unknown", hurried)
    definite = {label: found for label, found in findings.labels.items() if found.definite}
    waived = tuple(label for label, found in definite.items() if any(one.covers(label, found) for one in waivers))
    left = {label: found for label, found in definite.items() if label not in waived}
    mistaken = _mistaken(ledger, check, left) or _own_clock(
        ledger, counts=bool(left) and left.keys() <= SLOW.get(check.name, set())
    )
    if left and not mistaken:
        labels = tuple(sorted(left, key=lambda label: (-left[label].definite, left[label].first_n)))
        return Conclusion("broken", _extent(check, findings, left), labels, waived)
    ignorance = mistaken or _ignorance(ledger, findings) or _possible(findings, waivers)
    if ignorance:
        return Conclusion("unknown", ignorance, waived=waived)
    untested = _untested(ledger, check, findings)
    if untested:
        return Conclusion("vacuous", untested, waived=waived)
    extent = f"{findings.premises} {check.noun}{findings.measured and ', ' + findings.measured}{_steady(ledger)}"
    return Conclusion("kept", f"{PROMISES[check.name]} ({extent})", waived=waived)


def _own_clock(ledger: Ledger, *, counts: bool) -> str:
    """Say which service paused by the machine's clock while its brokers ran faster, where that counts: it says nothing then."""
    own = [one.name for one in ledger.world.services.values() if one.keeps_real_time]
    if ledger.header.speed <= 1 or not counts or not own:
        return ""
    return (
        f"{own[0]} keeps the machine's clock, so at speed {ledger.header.speed:g} its own pauses cannot be judged; take speed 1"
    )


def _mistaken(ledger: Ledger, check: Check, left: Mapping[str, Found]) -> str:
    """Say what the emulator did that AWS does not, where that is what this would be about.

    What it only made slower cannot have kept a promise; and what broke one in another queue, it did not.
    """
    queues = {one.queue for found in left.values() for one in found.witnesses}
    for one in ledger.emulator.mistakes(ledger.t) if ledger.header.fidelity else ():
        if check.name in one.checks and (queues or not one.only_slower) and queues <= one.queues:
            return f"the emulator is not AWS here: {one.said}"
    return ""


def _extent(check: Check, findings: Findings, left: Mapping[str, Found]) -> str:
    """Say how many of how many: a message that had its effect ten times is one message, nine times."""
    cases = sum(found.definite for found in left.values())
    broken = len(set().union(*(found.broken for found in left.values()))) if check.noun.startswith("messages") else cases
    often = f" ({cases} times)" if len(left) == 1 and cases > broken else ""
    return f"{broken} of {max(broken, findings.premises)} {check.noun}: {', '.join(left)}{often}"


def _ignorance(ledger: Ledger, findings: Findings) -> str:
    if findings.unknown:
        return findings.unknown
    if not ledger.drained:
        return f"not drained: {ledger.drained_reason or 'the run ended before its drain'}"
    if findings.tainted:
        return f"a tap was blind: {findings.tainted}"
    around = ledger.around()
    if around:
        return f"traffic went around a link: {around}"
    if ledger.late:
        return f"late effect: event {ledger.late[0]} came after the history was closed"
    return ""


def _possible(findings: Findings, waivers: tuple[Waiver, ...]) -> str:
    for label, found in findings.labels.items():
        if found.possible > found.definite and not any(matches(one.label, label) for one in waivers):
            said = found.witnesses[0].said if found.witnesses else ""
            return f"{found.possible - found.definite} message(s) may be {label}, it cannot be told: {said}"
    return ""


def _untested(ledger: Ledger, check: Check, findings: Findings) -> str:
    if not findings.premises:
        return check.vacuous
    if (
        check.on_retries
        and ledger.world.faults
        and ledger.header.variant != "as it was"
        and not any(one.retried for one in ledger.rest())
    ):
        return "the faults bit, and no message was tried again after it, so the promise was not put to the test"
    return ""


def _steady(ledger: Ledger) -> str:
    return ", drained: steady" if ledger.drained_how == "steady" else ""
