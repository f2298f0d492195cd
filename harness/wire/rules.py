"""Rules: what a tap is to change in what passes, as plain data, and the book that counts how often each still may."""

import zlib
from collections.abc import Callable, Collection, Mapping
from typing import Literal

import msgspec

from harness.errors import UsageError

Name = Literal["altered", "answer_lost", "duplicate", "held", "latency", "reordered", "request_lost", "shortened", "status"]


class Rule(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One change a tap makes. `id` is the id of its fault; `on` an operation of the wire (SendMessage, Basic.Publish, POST).

    `times` messages or requests are changed, all when it is None; of two rules that fit, the one with the higher `order` acts.
    The other fields say how, under the names of the arguments of `harness.faults`: `attributes` (name to text, or to type and
    text), `drop`, `body` (altered; `body` also with status), `status` (answer_lost, HTTP only), `code` and `headers` (status: an
    HTTP status, an error code of AWS, or a reply code of AMQP), `copies` (duplicate), `window` (reordered), `seconds` (latency,
    shortened), `jitter` (latency).
    """

    id: str
    name: Name
    link: str
    order: int = 0
    on: str | None = None
    key: str | None = None
    times: int | None = None
    status: int | None = None
    code: int | str | None = None
    headers: dict[str, str] | None = None
    attributes: Mapping[str, str | tuple[str, str]] | None = None
    drop: tuple[str, ...] = ()
    body: str | None = None
    copies: int = 1
    window: int = 2
    seconds: float = 0.0
    jitter: float = 0.0

    def fits(self, wire: str, key: str) -> bool:
        """Tell whether this rule means a message or request with this operation and key."""
        return self.on in (None, wire) and self.key in (None, key)


def delay(rule: Rule, *place: object) -> float:
    """Return for how many seconds `latency` holds what passes at this place (a connection, a number): always as long there."""
    drawn = zlib.crc32(repr((rule.id, place)).encode()) / 0xFFFFFFFF  # spread evenly, and the same in every run
    return max(0.0, rule.seconds + rule.jitter * (2 * drawn - 1))


def refuse_others(rule: Rule, known: Collection[str], place: str) -> None:
    """Raise UsageError where a rule is none of those that can be carried out at `place`."""
    if rule.name not in known:
        message = f"{rule.name} on {rule.link}: {place} has no such fault; there are: {', '.join(sorted(known))}"
        raise UsageError(message)


class RuleBook:
    """The armed rules of one sandbox. All its methods run in the recorder's loop, so `times` is exact."""

    def __init__(self) -> None:
        self._by_link: dict[str, tuple[Rule, ...]] = {}
        self._left: dict[str, int] = {}
        self._ends: dict[str, list[Callable[[], None]]] = {}

    def armed(self, link: str) -> tuple[Rule, ...]:
        """Return the rules of this link, the first injected first; the empty tuple is the fast path of every tap."""
        return self._by_link.get(link, ())

    def arm(self, rule: Rule) -> None:
        """Make the rule hold from the next message on; a rule with the same id is replaced."""
        self.disarm(rule.id)
        self._ends[rule.id] = []
        self._by_link[rule.link] = tuple(sorted((*self.armed(rule.link), rule), key=lambda one: one.order))
        if rule.times is not None:
            self._left[rule.id] = rule.times

    def disarm(self, rule_id: str) -> None:
        """Make the rule hold no more, and let go what waits for that; harmless when it does not."""
        self._drop(rule_id)
        for then in self._ends.pop(rule_id, []):
            then()

    def when_disarmed(self, rule_id: str, then: Callable[[], None]) -> None:
        """Call `then` when this rule is disarmed, at once where it is not armed; a rule that was used up is still armed."""
        if rule_id in self._ends:
            self._ends[rule_id].append(then)
        else:
            then()

    def _drop(self, rule_id: str) -> None:
        self._left.pop(rule_id, None)
        for link, rules in list(self._by_link.items()):
            kept = tuple(rule for rule in rules if rule.id != rule_id)
            if kept != rules:
                self._by_link[link] = kept

    def take(self, rule: Rule) -> bool:
        """Use the rule once: True where it may still be used. After the last use no tap meets it any more."""
        if rule not in self.armed(rule.link):
            return False
        if rule.times is None:
            return True
        left = self._left.get(rule.id, 0)
        if left <= 1:
            self._drop(rule.id)
        else:
            self._left[rule.id] = left - 1
        return left > 0
