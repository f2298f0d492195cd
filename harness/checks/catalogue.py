"""The checks by name, what they look at and how they can be broken: one entry a promise."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.checks.accounted import LABELS as ACCOUNTED
from harness.checks.accounted import judge as accounted
from harness.checks.bundled import LABELS as BUNDLED
from harness.checks.bundled import judge as bundled
from harness.checks.classified import LABELS as CLASSIFIED
from harness.checks.classified import judge as classified
from harness.checks.conforms import LABELS as CONFORMS
from harness.checks.conforms import judge as conforms
from harness.checks.context_kept import LABELS as CONTEXT_KEPT
from harness.checks.context_kept import judge as context_kept
from harness.checks.effected_once import LABELS as EFFECTED_ONCE
from harness.checks.effected_once import judge as effected_once
from harness.checks.findings import Findings
from harness.checks.headroom import LABELS as HEADROOM
from harness.checks.headroom import judge as headroom
from harness.checks.in_doubt_resolved import LABELS as IN_DOUBT_RESOLVED
from harness.checks.in_doubt_resolved import judge as in_doubt_resolved
from harness.checks.in_order import LABELS as IN_ORDER
from harness.checks.in_order import judge as in_order
from harness.checks.neighbours_served import LABELS as NEIGHBOURS_SERVED
from harness.checks.neighbours_served import judge as neighbours_served
from harness.checks.nothing_dead_lettered import LABELS as NOTHING_DEAD_LETTERED
from harness.checks.nothing_dead_lettered import judge as nothing_dead_lettered
from harness.checks.paced import LABELS as PACED
from harness.checks.paced import judge as paced
from harness.checks.parked import LABELS as PARKED
from harness.checks.parked import judge as parked
from harness.checks.recovered import LABELS as RECOVERED
from harness.checks.recovered import judge as recovered
from harness.checks.signalled import LABELS as SIGNALLED
from harness.checks.signalled import judge as signalled
from harness.checks.survived import LABELS as SURVIVED
from harness.checks.survived import judge as survived
from harness.history.ledger import Ledger


@dataclass(frozen=True)
class Check:
    """One promise: `judge(ledger, **arguments)` finds what breaks it; `noun` is what its premises count."""

    name: str
    judge: Callable[..., Findings]
    labels: tuple[str, ...]
    noun: str = "messages"
    vacuous: str = "no message was sent"
    on_retries: bool = True
    """Whether with faults about it was only put to the test where a message was tried again."""

    def findings(self, ledger: Ledger, arguments: Mapping[str, Any]) -> Findings:
        """Judge this ledger."""
        return self.judge(ledger, **arguments)


CHECKS: Mapping[str, Check] = {
    "accounted": Check("accounted", accounted, ACCOUNTED),
    "bundled": Check("bundled", bundled, BUNDLED, "notices", "no notice came", on_retries=False),
    "classified": Check(
        "classified", classified, CLASSIFIED, "messages of which an attempt failed", "no attempt failed", on_retries=False
    ),
    "conforms": Check("conforms", conforms, CONFORMS, vacuous="no message was sent to a queue with contract=", on_retries=False),
    "context_kept": Check(
        "context_kept", context_kept, CONTEXT_KEPT, "messages put aside", "no message was found put aside", on_retries=False
    ),
    "effected_once": Check("effected_once", effected_once, EFFECTED_ONCE, vacuous="no message with an effect was sent"),
    "headroom": Check("headroom", headroom, HEADROOM, "deliveries", "no delivery with a visibility timeout was worked on"),
    "in_doubt_resolved": Check(
        "in_doubt_resolved",
        in_doubt_resolved,
        IN_DOUBT_RESOLVED,
        "messages with a request that was not answered",
        "no request was left without its answer",
        on_retries=False,
    ),
    "in_order": Check("in_order", in_order, IN_ORDER, "messages", "no two messages of one group were sent one after the other"),
    "neighbours_served": Check(
        "neighbours_served",
        neighbours_served,
        NEIGHBOURS_SERVED,
        "messages beside one in trouble",
        "no message waited beside one in trouble",
        on_retries=False,
    ),
    "nothing_dead_lettered": Check("nothing_dead_lettered", nothing_dead_lettered, NOTHING_DEAD_LETTERED),
    "paced": Check("paced", paced, PACED, "messages tried more than once", "no message was tried more than once"),
    "parked": Check(
        "parked",
        parked,
        PARKED,
        "messages that failed",
        "every message had its effect, so none had to be put aside",
        on_retries=False,
    ),
    "recovered": Check("recovered", recovered, RECOVERED, "messages held up by a fault", "no fault held up any message"),
    "signalled": Check("signalled", signalled, SIGNALLED, "failures", "no message failed for good", on_retries=False),
    "survived": Check("survived", survived, SURVIVED, "services", "no service was started", on_retries=False),
}
