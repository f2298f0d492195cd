"""Which rule acts on which call to AWS, and what a message is after it. Nothing is recorded or sent here.

An operation in `on` also stands for its batch form: services batch their deletes without being asked (JS, Java).
"""

from collections.abc import Collection, Iterator
from typing import NamedTuple

from harness.errors import UsageError
from harness.wire.aws import Attribute, Call, Change, Entry, Received
from harness.wire.aws_calls import CALLS
from harness.wire.rules import Rule, refuse_others
from harness.wire.streams import Tap

SENDS = ("SendMessage", "SendMessageBatch", "Publish", "PublishBatch")
RECEIVE = "ReceiveMessage"
SETTLES = ("DeleteMessage", "DeleteMessageBatch", "ChangeMessageVisibility", "ChangeMessageVisibilityBatch")
ABOUT_MESSAGES = (*SENDS, RECEIVE, *SETTLES)
CARRIED = CALLS
TIMED = (RECEIVE, "ChangeMessageVisibility", "ChangeMessageVisibilityBatch")
ERRORS = range(400, 600)
FRAMING = ("connection", "content-length", "transfer-encoding")

MEANT = {
    "altered": (*SENDS, RECEIVE),
    "duplicate": ABOUT_MESSAGES,
    "reordered": (RECEIVE,),
    "shortened": TIMED,
    "answer_lost": CALLS,
    "held": CALLS,
    "latency": CALLS,
    "request_lost": CALLS,
    "status": CALLS,
}
"""The operations that each rule can mean."""

WITHOUT_BEING_NAMED = {"duplicate": (*SENDS, RECEIVE)}
"""What a rule means that names no operation, where that is not all it could."""

KNOWS_NO_MESSAGE = ("request_lost", "status", "shortened")


def supports(rule: Rule) -> None:
    """Raise UsageError with a sentence for a rule that could never act on a link to AWS."""
    refuse_others(rule, MEANT, "a link to AWS")
    problem = ""
    if rule.on is not None and rule.on not in MEANT[rule.name]:
        problem = f"on={rule.on!r} is no call of SQS or SNS that it can act on; there are: {', '.join(MEANT[rule.name])}"
    elif rule.on == RECEIVE and rule.key is not None and rule.name in KNOWS_NO_MESSAGE:
        problem = "a ReceiveMessage says of no message that it wants it; leave key= out, or name another call in on="
    elif rule.name == "status":
        problem = _wrong_answer(rule)
    if problem:
        message = f"{rule.name} on {rule.link}: {problem}"
        raise UsageError(message)


def _wrong_answer(rule: Rule) -> str:
    if isinstance(rule.code, int) and rule.code not in ERRORS:
        return f"AWS refuses nothing with {rule.code}; write a status from 400 to 599, or a code such as 'RequestThrottled'"
    framing = [name for name in rule.headers or {} if name.lower() in FRAMING]
    if framing:
        return f"headers={{{framing[0]!r}: ...}} would say where the answer ends, which the tap says itself; leave it out"
    return ""


class Alteration(NamedTuple):
    """A change that was used up, and the rule it belongs to."""

    rule: Rule
    change: Change


def alteration(tap: Tap, call: Call, key: str, message: Entry | Received) -> Alteration | None:
    """Use the latest rule that changes this message; None where none does.

    A message that already is as the rule wants it is not changed, so one that was altered when it was sent is not counted again
    when it is received. To a receive only names are added that it asked for, as AWS would.
    """
    for rule in fitting(tap, ("altered",), call, (key,)):
        change = _change(rule, call, message)
        if change is not None and tap.rules.take(rule):
            return Alteration(rule, change)
    return None


def _change(rule: Rule, call: Call, message: Entry | Received) -> Change | None:
    attributes = {name: one for name, one in message.attributes.items() if name not in rule.drop}
    for name, value in (rule.attributes or {}).items():
        if call.operation != RECEIVE or call.asks_for(name):
            attributes[name] = _attribute(message.attributes.get(name), value)
    body = rule.body if rule.body not in (None, message.body) else None
    return None if attributes == message.attributes and body is None else Change(attributes, body)


def _attribute(old: Attribute | None, value: str | tuple[str, str]) -> Attribute:
    """Return an attribute of the type that was given, else of the type it had, else a String."""
    if isinstance(value, str):
        return Attribute("String" if old is None or old.binary else old.type, value)
    return Attribute(*value)


class Shortening(NamedTuple):
    """The entries (by Id) whose timeout changes, and by which rule."""

    rules: dict[str, Rule]

    @property
    def seconds(self) -> dict[str, int]:
        """The timeouts they are given."""
        return {ident: round(rule.seconds) for ident, rule in self.rules.items()}


def shortening(tap: Tap, call: Call, keys: dict[str, str]) -> Shortening:
    """Use the rules that shorten the timeouts of a call; `keys` are those of its entries by Id."""
    found: dict[str, Rule] = {}
    timeouts = {entry.id: entry.visibility for entry in call.entries} or {"": call.visibility}
    for ident, timeout in timeouts.items() if call.operation in TIMED else ():
        for rule in fitting(tap, ("shortened",), call, (keys.get(ident, ""),)):
            if (timeout is None or timeout > rule.seconds) and ident not in found and tap.rules.take(rule):
                found[ident] = rule
    return Shortening(found)


def request_rule(tap: Tap, names: Collection[str], call: Call, keys: Collection[str]) -> Rule | None:
    """Use the latest of these rules that means a request before it goes on; None where none does.

    A counted rule that names no operation waits for a call about messages. What `held` and `duplicate` mean of a receive is its
    answer: which messages there are is known only then.
    """
    for rule in fitting(tap, names, call, keys):
        if call.operation == RECEIVE and (rule.name == "duplicate" or (rule.name == "held" and _waits_for_messages(rule))):
            continue
        is_idle = rule.times is not None and rule.on is None and call.operation not in ABOUT_MESSAGES
        if not is_idle and tap.rules.take(rule):
            return rule
    return None


def answer_rule(tap: Tap, names: Collection[str], call: Call, keys: Collection[str], *, of_messages: bool) -> Rule | None:
    """Use the latest of these rules that means the answer to a call; None where none does.

    A counted rule that names no operation waits for a call about messages, and never takes an empty receive: a poll that found
    nothing loses nothing by it.
    """
    for rule in fitting(tap, names, call, keys):
        if rule.name == "held" and not (call.operation == RECEIVE and _waits_for_messages(rule)):
            continue
        is_idle = not of_messages and rule.times is not None and (rule.on is None or call.operation == RECEIVE)
        if not is_idle and tap.rules.take(rule):
            return rule
    return None


def _waits_for_messages(rule: Rule) -> bool:
    return rule.key is not None or rule.times is not None


def fitting(tap: Tap, names: Collection[str], call: Call, keys: Collection[str]) -> Iterator[Rule]:
    """Yield the armed rules of these names that mean this call and one of these messages, the one injected last first."""
    for rule in reversed(tap.rules.armed(tap.link)):
        if rule.name in names and _means(rule, call, keys):
            yield rule


def _means(rule: Rule, call: Call, keys: Collection[str]) -> bool:
    if rule.on is None and call.operation not in WITHOUT_BEING_NAMED.get(rule.name, CALLS):
        return False
    return any(rule.fits(name, key) for name in (call.operation, call.act) for key in keys or ("",))
