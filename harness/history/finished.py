"""What is left of a message that took the plain way: some numbers, made an obligation again if something more happens to it.

A journal of a million events has a hundred thousand of them.
"""

from collections.abc import Iterator
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from harness.history.obligations import NEVER, Delivery, Effect, Obligation

if TYPE_CHECKING:
    from harness.history.world import Connection, Queue

NOTHING = (0, 0.0)
NO_EFFECT = Effect(0, 0.0, None, sure=False)


class Plain(NamedTuple):
    """One of them; `lo` and `hi` bound the deadline of its delivery, which came `timeout` after it was handed out.

    Its consumer let go of it at `let_go_t`; that the broker had heard of it was known at `acked_t`.
    """

    key: str
    sent_n: float
    sent_t: float
    delivered_n: float
    delivered_t: float
    attempt_n: float
    attempt_t: float
    effect_n: float
    effect_t: float
    acked_n: float
    acked_t: float
    lo: float
    hi: float
    timeout: float
    batch: float
    accepted_n: float
    sender: float
    let_go_t: float


class Finished:
    """The messages of one queue that took the plain way: one send, delivery, acknowledgement, and effect where one is due."""

    NUMBERS = Struct("17d")
    WIDTH = 17
    PAIRS = 10
    SENT_T, EFFECT_T = 1, 7

    def __init__(self) -> None:
        self.places: dict[str, int] = {}
        self._packed = bytearray()
        self._connections: list[Connection | None] = []

    def __len__(self) -> int:
        return len(self.places)

    def take(self, obligation: Obligation) -> bool:
        """Put it away if it is plain; tell whether it was."""
        if not _plain(obligation):
            return False
        last = obligation.last
        self.places[obligation.key] = len(self._connections)
        self._connections.append(obligation.ack_connection)
        effect = obligation.effects[0] if isinstance(obligation.effects, list) else NO_EFFECT
        delivered, attempt, acked = obligation.first_delivery or NOTHING, obligation.first_attempt or NOTHING, obligation.acked
        self._packed += self.NUMBERS.pack(
            obligation.sent_n, obligation.sent_t, *delivered, *attempt, effect.n, effect.t, *acked or NOTHING,
            *_timed(last), obligation.accepted_n, obligation.sender,
            (acked or NOTHING)[1] if last is None else last.let_go_t,
        )  # fmt: skip
        if last is not None:  # while the collector rests, cycles are undone by hand
            last.request = obligation.last = None
        obligation.deliveries.clear()
        obligation.effects = None
        return True

    def revive(self, key: str, queue: "Queue") -> Obligation:
        """Take it out again, as an obligation with the counts it had."""
        obligation = self.look(key, queue)
        del self.places[key]
        return obligation

    def look(self, key: str, queue: "Queue") -> Obligation:
        """Return a copy of it, as an obligation with the counts it had."""
        place = self.places[key]
        numbers = self.NUMBERS.unpack_from(self._packed, place * self.NUMBERS.size)
        sent, delivered, attempt, effect, acked = ((int(numbers[i]), numbers[i + 1]) for i in range(0, self.PAIRS, 2))
        obligation = Obligation(key, queue, tries=1, acks=1, copies=1, far=1, near=1, firsts=1, acked=acked)
        obligation.sent_n, obligation.sent_t = sent
        obligation.accepted_n, obligation.sender = int(numbers[14]), int(numbers[15])
        obligation.first_delivery = obligation.last_delivery = delivered
        obligation.first_attempt = attempt if attempt[0] else None
        obligation.effects = [Effect(*effect, None, sure=True)] if effect[0] else None
        obligation.ack_connection = self._connections[place]
        return obligation

    def plain(self) -> Iterator[Plain]:
        """Yield what is known of each."""
        for key, place in self.places.items():
            yield Plain(key, *self.NUMBERS.unpack_from(self._packed, place * self.NUMBERS.size))

    def held_up(self, over: float, within: float) -> Iterator[str]:
        """Yield the keys that waited for `over`: sent before it and effected after it, or more than `within` after both."""
        numbers = memoryview(self._packed).cast("d")
        sent, effected = numbers[self.SENT_T :: self.WIDTH], numbers[self.EFFECT_T :: self.WIDTH]
        for key, place in self.places.items():
            if effected[place] >= over and (sent[place] < over or effected[place] - sent[place] > within):
                yield key


def _timed(last: Delivery | None) -> tuple[float, float, float, int]:
    return (NEVER, NEVER, 0.0, 0) if last is None else (last.lo, last.hi, last.timeout, last.batch)


def _plain(one: Obligation) -> bool:
    """Tell whether nothing happened to it but what should."""
    if one.acked is None or not one.tries == one.acks == one.copies == one.far == one.near == 1:
        return False
    if one.bitten or one.retried or one.doubted or one.told or one.attempt_ts is not None or one.ends != "effected":
        return False
    if one.injected or one.returned or one.refused or one.deduplicated or one.rejected is not None or one.pending:
        return False
    due = len(one.queue.sets)
    return due == 0 or (due == 1 and isinstance(one.effects, list) and len(one.effects) == 1)
