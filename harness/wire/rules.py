"""Rules: what a tap is to change in what passes, as plain data, and the book that counts how often each still may."""

from typing import Literal

import msgspec


class Rule(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One change a tap makes. `id` is the id of its fault; `on` an operation of the wire (SendMessage, Basic.Publish, POST).

    `times` messages or requests are changed, all when it is None. `attributes`, `drop` and `body` say how `altered` alters.
    """

    id: str
    name: Literal["answer_lost", "altered"]
    link: str
    on: str | None = None
    key: str | None = None
    times: int | None = None
    status: int | None = None
    attributes: dict[str, str] | None = None
    drop: tuple[str, ...] = ()
    body: str | None = None

    def fits(self, wire: str, key: str) -> bool:
        """Tell whether this rule means a message or request with this operation and key."""
        return self.on in (None, wire) and self.key in (None, key)


class RuleBook:
    """The armed rules of one sandbox. All its methods run in the recorder's loop, so `times` is exact."""

    def __init__(self) -> None:
        self._by_link: dict[str, tuple[Rule, ...]] = {}
        self._left: dict[str, int] = {}

    def armed(self, link: str) -> tuple[Rule, ...]:
        """Return the rules of this link, oldest first; the empty tuple is the fast path of every tap."""
        return self._by_link.get(link, ())

    def arm(self, rule: Rule) -> None:
        """Make the rule hold from the next message on; a rule with the same id is replaced."""
        self.disarm(rule.id)
        self._by_link[rule.link] = (*self.armed(rule.link), rule)
        if rule.times is not None:
            self._left[rule.id] = rule.times

    def disarm(self, rule_id: str) -> None:
        """Make the rule hold no more; harmless when it does not."""
        self._left.pop(rule_id, None)
        for link, rules in list(self._by_link.items()):
            kept = tuple(rule for rule in rules if rule.id != rule_id)
            if kept != rules:
                self._by_link[link] = kept

    def take(self, rule: Rule) -> bool:
        """Use the rule once: True where it may still be used. The last use disarms it."""
        if rule not in self.armed(rule.link):
            return False
        if rule.times is None:
            return True
        left = self._left.get(rule.id, 0)
        if left <= 1:
            self.disarm(rule.id)
        else:
            self._left[rule.id] = left - 1
        return left > 0
