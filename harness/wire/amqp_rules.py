"""Which rule means which message or method of AMQP, and which rules AMQP cannot carry out. Nothing is changed here."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from harness.errors import UsageError
from harness.history.events import Event
from harness.wire.amqp_names import ANSWERS, REQUESTS, WORDS
from harness.wire.amqp_notes import Notes
from harness.wire.rules import Name, Rule, refuse_others
from harness.wire.streams import Tap

PUBLISH: Final = "Basic.Publish"
DELIVER: Final = "Basic.Deliver"
GET_OK: Final = "Basic.GetOk"
CONTENTS: Final = (PUBLISH, DELIVER, GET_OK)

CAN: Final[Mapping[str, tuple[str, ...]]] = {
    "altered": CONTENTS,
    "answer_lost": (PUBLISH, DELIVER, GET_OK, *sorted(set(ANSWERS.values()))),
    "request_lost": (PUBLISH, *WORDS),
    "status": REQUESTS,
    "duplicate": (PUBLISH, DELIVER),
    "held": CONTENTS,
    "latency": CONTENTS,
    "reordered": (DELIVER,),
}
"""What each fault can be restricted to by `on`."""

MEANT: Final[Mapping[str, tuple[str, ...]]] = {
    **CAN,
    "answer_lost": (PUBLISH, GET_OK, "Tx.CommitOk"),
    "latency": (DELIVER, GET_OK),
}
"""What each fault means without `on`: of answers those about messages, and what comes late is what comes back."""

KEYED: Final = (*CONTENTS, *WORDS)

CHANNEL_CODES: Final = (311, 312, 313, 403, 404, 405, 406)
CONNECTION_CODES: Final = (320, 402, 501, 502, 503, 504, 505, 506, 530, 540, 541)


def supports(rule: Rule) -> None:
    """Raise UsageError with a sentence where AMQP has no such thing."""
    refuse_others(rule, CAN, "a link to RabbitMQ")
    known = CAN[rule.name]
    problem = ""
    if rule.on is not None and rule.on not in known and not (rule.name == "answer_lost" and rule.on in ANSWERS):
        problem = f"on={rule.on!r} is nothing it can act on; there are: {', '.join(known)}"
    elif rule.key is not None and rule.on is not None and not _has_key(rule.on):
        problem = f"{rule.on} is about no single message, so key= would never fit"
    elif rule.name == "answer_lost" and rule.status is not None:
        problem = f"AMQP has no status {rule.status}; without status= the answer is lost"
    elif rule.name == "status":
        problem = _wrong_code(rule)
    if problem:
        message = f"{rule.name} on {rule.link}: {problem}"
        raise UsageError(message)


def _has_key(on: str) -> bool:
    return on in KEYED or on == "Basic.Get"


def _wrong_code(rule: Rule) -> str:
    if rule.headers is not None:
        return "AMQP closes a channel with a code and a text (body=); it has no headers"
    if rule.code not in (*CHANNEL_CODES, *CONNECTION_CODES):
        channel, connection = ", ".join(map(str, CHANNEL_CODES)), ", ".join(map(str, CONNECTION_CODES))
        return f"{rule.code!r} is no reply code of AMQP; a channel is closed with {channel}, a connection with {connection}"
    return ""


class About(NamedTuple):
    """What a message or method is about: which it is, and of which message."""

    wire: str
    key: str = ""
    queue: str = ""
    x: int = 0


class Rulings:
    """The rules of one connection's tap, used up as they are applied."""

    def __init__(self, tap: Tap, notes: Notes) -> None:
        self._tap = tap
        self._notes = notes

    @property
    def armed(self) -> bool:
        """Tell whether there are any."""
        return bool(self._tap.rules.armed(self._tap.link))

    def fitting(self, about: About, *names: Name) -> list[Rule]:
        """Return the rules that mean this, the one injected first first."""
        return [rule for rule in self._tap.rules.armed(self._tap.link) if rule.name in names and fits(rule, about)]

    def latest(self, about: About, *names: Name) -> Rule | None:
        """Use the rule injected last of those that mean this, and record that it bit; None where none does.

        What is to be reordered is not bitten before others have come that it changes places with.
        """
        for rule in reversed(self.fitting(about, *names)):
            if self.take(rule):
                if rule.name != "reordered":
                    self.bit(rule, about)
                return rule
        return None

    def take(self, rule: Rule) -> bool:
        """Use a rule once; False where it is used up."""
        return self._tap.rules.take(rule)

    def still(self, rule: Rule) -> bool:
        """Tell whether a rule will act once more."""
        return rule in self._tap.rules.armed(self._tap.link)

    def bit(self, rule: Rule, about: About) -> None:
        """Record that a rule changes this."""
        event = Event(kind="bit", fault=rule.id, wire=about.wire, x=about.x, key=about.key, queue=about.queue)
        self._notes.record(event)


def fits(rule: Rule, about: About) -> bool:
    """Tell whether a rule means this."""
    names = (about.wire, ANSWERS.get(about.wire, about.wire))
    meant = about.wire in MEANT[rule.name] if rule.on is None else rule.on in names
    return meant and rule.key in (None, about.key)
