"""The actor of all faults that are rules of the taps: arming is beginning, disarming is the end."""

from collections.abc import Sequence

import msgspec

from harness.faults.arguments import link_of
from harness.faults.hands import Hands
from harness.model import Fault
from harness.wire.rules import Rule


class RuleActor:
    """Arms and disarms one rule under the fault's id, so that the taps' `bit` events name the fault."""

    def begin(self, ident: str, fault: Fault, hands: Hands, on: Sequence[Fault]) -> None:
        """Arm the rule."""
        hands.arm(rule_of(ident, fault))

    def end(self, ident: str, fault: Fault, hands: Hands, on: Sequence[Fault]) -> None:
        """Disarm the rule."""
        hands.disarm(ident)


def rule_of(ident: str, fault: Fault) -> Rule:
    """Return the rule that does in a tap what this fault says; its settings have the names of the rule's fields."""
    values = {name: value for name, value in fault.settings if value is not None}
    order = int("".join(filter(str.isdigit, ident)) or 0)  # ids are f1, f2 ... in the order of injection
    return msgspec.convert({"id": ident, "name": fault.name, "link": str(link_of(fault)), "order": order, **values}, Rule)
