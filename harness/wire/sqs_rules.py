"""Which rule changes which SQS message or answer, and what a message is after it. Nothing is recorded or sent here.

An operation in `on` also stands for its batch form: services batch their deletes without being asked (JS, Java).
"""

from collections.abc import Collection, Iterator
from typing import NamedTuple

from harness.errors import UsageError
from harness.wire.aws import Attribute, Call, Change, Entry, Received
from harness.wire.rules import Rule, refuse_others
from harness.wire.streams import Tap

CARRIES_MESSAGES = ("SendMessage", "SendMessageBatch", "ReceiveMessage")
SETTLES = ("DeleteMessage", "DeleteMessageBatch", "ChangeMessageVisibility", "ChangeMessageVisibilityBatch")
CARRIED = CARRIES_MESSAGES + SETTLES


def supports(rule: Rule) -> None:
    """Raise UsageError with a sentence for a rule that names what no SQS call about messages is called."""
    refuse_others(rule, ("altered", "answer_lost"), "a link to AWS")
    known = CARRIES_MESSAGES if rule.name == "altered" else CARRIED
    if rule.on is not None and rule.on not in known:
        message = (
            f"{rule.name} on {rule.link}: on={rule.on!r} is no call of SQS that it can act on; there are: {', '.join(known)}"
        )
        raise UsageError(message)


class Alteration(NamedTuple):
    """A change that was used up, and the rule it belongs to."""

    rule: Rule
    change: Change


def alteration(tap: Tap, call: Call, key: str, message: Entry | Received) -> Alteration | None:
    """Use the latest rule that changes this message; None where none does.

    A message that already is as the rule wants it is not changed, so one that was altered when it was sent is not counted again
    when it is received. To a receive only names are added that it asked for, as AWS would.
    """
    for rule in _fitting(tap, "altered", call, (key,)):
        change = _change(rule, call, message)
        if change is not None and tap.rules.take(rule):
            return Alteration(rule, change)
    return None


def _change(rule: Rule, call: Call, message: Entry | Received) -> Change | None:
    attributes = {name: one for name, one in message.attributes.items() if name not in rule.drop}
    for name, value in (rule.attributes or {}).items():
        if call.operation != "ReceiveMessage" or call.asks_for(name):
            attributes[name] = _attribute(message.attributes.get(name), value)
    body = rule.body if rule.body not in (None, message.body) else None
    return None if attributes == message.attributes and body is None else Change(attributes, body)


def _attribute(old: Attribute | None, value: str | tuple[str, str]) -> Attribute:
    """Return an attribute of the type that was given, else of the type it had, else a String."""
    if isinstance(value, str):
        return Attribute("String" if old is None or old.binary else old.type, value)
    return Attribute(*value)


def loss(tap: Tap, call: Call, keys: Collection[str], *, of_messages: bool) -> Rule | None:
    """Use the latest rule that takes the answer to this call away; None where none does.

    A counted rule that names no operation waits for a call about messages, and never takes an empty receive: a poll that found
    nothing loses nothing by it.
    """
    for rule in _fitting(tap, "answer_lost", call, keys):
        idle = not of_messages and rule.times is not None and (rule.on is None or call.operation == "ReceiveMessage")
        if not idle and tap.rules.take(rule):
            return rule
    return None


def _fitting(tap: Tap, name: str, call: Call, keys: Collection[str]) -> Iterator[Rule]:
    for rule in reversed(tap.rules.armed(tap.link)):
        names = (call.operation, call.act)
        if rule.name == name and any(rule.fits(wire, key) for wire in names for key in keys or ("",)):
            yield rule
