"""The actor of all faults that are rules of the taps: arming is beginning, disarming is the end."""

from collections.abc import Sequence
from typing import Any, get_args

import msgspec

from harness.faults.arguments import link_of
from harness.faults.hands import Hands
from harness.faults.profiles import sent_like
from harness.model import Fault
from harness.wire.rules import Name, Rule

RULES: frozenset[str] = frozenset(get_args(Name))
_OF_ONE_MESSAGE = ("on", "key", "times")


class RuleActor:
    """Arms and disarms one rule under the fault's id, so that the taps' `bit` events name the fault."""

    def begin(self, ident: str, fault: Fault, hands: Hands, on: Sequence[Fault]) -> None:
        """Arm the rule."""
        hands.arm(rule_of(ident, fault))

    def end(self, ident: str, fault: Fault, hands: Hands, on: Sequence[Fault]) -> None:
        """Disarm the rule."""
        hands.disarm(ident)


def is_rule(fault: Fault) -> bool:
    """Tell whether taps carry this fault out; a latency of everything is the link's."""
    if fault.name == "latency":
        return any(fault.get(name) is not None for name in _OF_ONE_MESSAGE)
    return fault.name in RULES


def rule_of(ident: str, fault: Fault) -> Rule:
    """Return the rule that does in a tap what this fault says; its settings have the names of the rule's fields.

    `like=` and `type=` become the attributes and the `drop` of that library; those that were given as well hold.
    """
    values: dict[str, Any] = {name: value for name, value in fault.settings if value is not None}
    if "like" in values:
        values = _as_of_library(values)
    order = int("".join(filter(str.isdigit, ident)) or 0)  # ids are f1, f2 ... in the order of injection
    return msgspec.convert({"id": ident, "name": fault.name, "link": str(link_of(fault)), "order": order, **values}, Rule)


def _as_of_library(values: dict[str, Any]) -> dict[str, Any]:
    given, dropped = values.get("attributes") or {}, values.get("drop") or ()
    kept = {name: value for name, value in values.items() if name not in ("like", "type")}
    attributes, absent = sent_like("altered(link", values["like"], values.get("type"))
    gone = {*dropped, *(name for name in absent if name not in given)}
    set_ = {name: value for name, value in {**attributes, **given}.items() if name not in dropped}
    return {**kept, "attributes": set_, "drop": tuple(sorted(gone))}
