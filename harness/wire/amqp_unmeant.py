"""Which bytes no armed rule can mean, so that they go on before they are read: most of what passes while a rule waits for a key.

Looked at are chunks of whole messages and methods alone; whatever else there is may be meant.
"""

from collections.abc import Iterator, Sequence

from harness.wire import amqp_methods as m
from harness.wire.amqp_books import Books
from harness.wire.amqp_frames import Whole, method_at, whole_at
from harness.wire.amqp_names import NAMES
from harness.wire.amqp_rules import About, fits
from harness.wire.amqp_values import U32
from harness.wire.rules import Rule
from harness.wire.streams import Side

_WITH_CONTENT = (m.PUBLISH, m.DELIVER, m.GET_OK, m.RETURN)
_CONFIRMS = (m.ACK, m.NACK)


def is_unmeant(rules: Sequence[Rule], books: Books, by: Side, data: bytes) -> bool:
    """Tell whether none of the rules can mean anything in these bytes, which begin with a frame."""
    for method, whole in _parts(data):
        if method < 0:
            return False
        meaning = _meaning(rules, by, method)
        if not meaning:
            continue
        content = None if whole is None else books.foreseen(by, whole)
        if content is None or any(rule.key in (None, content.key) for rule in meaning):
            return False
    return True


def _meaning(rules: Sequence[Rule], by: Side, method: int) -> list[Rule]:
    """Return the rules that may mean a method with some key; a broker's confirm is the answer to a publish."""
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
