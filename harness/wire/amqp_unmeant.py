"""Which bytes no armed rule can mean, so that they go on before they are read: most of what passes while a rule waits for a key.

Looked at are chunks of whole messages and methods alone; whatever else there is may be meant.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from harness.wire import amqp_methods as m
from harness.wire.amqp_books import Books
from harness.wire.amqp_frames import Whole, method_at, whole_at
from harness.wire.amqp_names import NAMES
from harness.wire.amqp_rules import About, fits
from harness.wire.amqp_values import U32
from harness.wire.celery import TASK_BEGINS
from harness.wire.rules import Rule
from harness.wire.streams import Side

_WITH_CONTENT = (m.PUBLISH, m.DELIVER, m.GET_OK, m.RETURN)
_CONFIRMS = (m.ACK, m.NACK)
_PLAIN: Final = re.compile(r"[A-Za-z0-9_.-]+")
_VALUES: Final = ("true", "false", "null", "none")


class Unmeant:
    """What none of these rules can mean."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = rules
        keys = [rule.key or "" for rule in rules]
        self._keys = tuple(map(str.encode, keys)) if all(map(_is_plain, keys)) else ()
        self._known: dict[tuple[Side, int], list[Rule]] = {}

    def passes(self, books: Books, by: Side, data: bytes) -> bool:
        """Tell whether no rule can mean anything in these bytes, which begin with a frame; all before is in the books."""
        for method, whole in _parts(data):
            if method < 0:
                return False
            meaning = self._meaning(by, method)
            if not meaning:
                continue
            content = None if whole is None else books.foreseen(by, whole)
            if content is None or any(rule.key in (None, content.key) for rule in meaning):
                return False
        return True

    def passes_unread(self, by: Side, data: bytes) -> bool:
        """Tell the same where books are behind, by the bytes alone: each rule waits for a key that is nowhere in them.

        Of what may hide a key (see `_hides`) and of what says nothing of keys (an ack), it is not told.
        """
        if not self._keys or any(key in data for key in self._keys):
            return False
        for method, whole in _parts(data):
            if method < 0 or (self._meaning(by, method) and (whole is None or _hides(whole[3]))):
                return False
        return True

    def _meaning(self, by: Side, method: int) -> list[Rule]:
        """Return the rules that may mean a method with some key; a broker's confirm is the answer to a publish."""
        known = self._known.get((by, method))
        if known is None:
            known = self._known[by, method] = _meaning(self.rules, by, method)
        return known


def _is_plain(key: str) -> bool:
    """Tell whether a message with this key has it in its bytes: no number or other value of JSON or AMQP, and no digest."""
    if not (_PLAIN.fullmatch(key) and any(map(str.isalpha, key))) or key.lower() in _VALUES:
        return False
    try:
        float(key)
    except ValueError:
        return True
    return False


def _hides(body: bytes) -> bool:
    """Tell whether a key may stand in a body under other bytes: escaped, in UTF-16, or in a task of Celery."""
    return b"\\" in body or b"\0" in body or body.startswith(TASK_BEGINS)


def _meaning(rules: Sequence[Rule], by: Side, method: int) -> list[Rule]:
    if by == "target" and method in _CONFIRMS:
        return [rule for rule in rules if rule.name == "answer_lost"]
    name = NAMES.get(method, "")
    return [rule for rule in rules if fits(rule, About(name, rule.key or ""))]


def _parts(data: bytes) -> Iterator[tuple[int, Whole | None]]:
    """Yield each method, with its message where it has one; -1 for what is no method, or one without its message."""
    at, size = 0, len(data)
    while at < size:
        whole = whole_at(data, at, size)
        if whole is None:
            payload, at = method_at(data, at, size)
            method = U32.unpack_from(payload)[0] if len(payload) >= U32.size else -1
            yield (-1 if method in _WITH_CONTENT else method), None
        else:
            at = whole[4]
            yield U32.unpack_from(whole[1])[0], whole
