"""What is kept of one message in one queue: its sends, deliveries, attempts, effects and where it was found in the end.

Plain records with slots: a journal of a million events has a hundred thousand of them. What the events mean is decided in
`sends`, `deliveries` and `attempts`; a finished obligation keeps counts and its first witnesses only.
"""

from array import array
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from harness.history.world import Connection, Queue

KEPT_DELIVERIES = 32
KEPT_ATTEMPTS = 5_000


class Effect(NamedTuple):
    """One change of a resource, or one accepted send into a queue that is an effect."""

    n: int
    t: float
    delivery: "Delivery | None"
    sure: bool


class Request:
    """One attempt (or question) of a service at a place: begun near, complete at the place, answered near."""

    __slots__ = ("answered", "asks", "complete", "conn", "deliveries", "effected", "left", "link", "n", "obligation", "status", "t")

    def __init__(self, obligation: "Obligation | None", deliveries: "list[Delivery]", link: str, conn: int, n: int, t: float) -> None:
        self.obligation = obligation
        self.deliveries = deliveries
        self.link = link
        self.conn = conn
        self.n = n
        self.t = t
        self.asks = False
        self.complete = False
        self.effected = False
        self.answered = False
        self.left = 0.0
        self.status: int | None = None


class Delivery:
    """One hand-out of a message: far by the broker, near to the service; how it was settled, and why it was there at all."""

    __slots__ = (
        "cause", "confirmed", "connection", "counted", "delay", "end", "end_n", "end_t", "far_n", "far_t", "hi", "lo", "mid", "near_n",
        "near_t", "number", "obligation", "queue", "request", "requests", "service", "stale", "tag", "used", "word", "word_far",
        "word_n", "word_t",
    )  # fmt: skip

    def __init__(self, obligation: "Obligation", queue: "Queue", connection: "Connection", service: str, tag: str, mid: str) -> None:
        self.obligation = obligation
        self.queue = queue
        self.connection = connection
        self.service = service
        self.tag = tag
        self.mid = mid
        self.number = 0
        self.cause = ""
        self.far_n = self.near_n = self.word_n = self.end_n = 0
        self.far_t = self.near_t = self.word_t = self.end_t = 0.0
        self.lo = self.hi = float("inf")
        self.word = self.word_far = self.end = ""
        self.delay = 0.0
        self.confirmed: bool | None = None
        self.stale = self.counted = False
        self.request: Request | None = None
        self.requests = 0
        self.used: tuple[str, ...] = ()

    @property
    def let_go_with_pause(self) -> bool:
        """Whether its last word was a new visibility timeout above 0, after which the service did nothing more: a retry that is due."""
        return bool(self.word == "visibility" and self.delay > 0 and self.confirmed and (self.request is None or self.request.t < self.word_t))


class Obligation:
    """One message (key) that one queue owes: the unit in which everything is counted."""

    __slots__ = (
        "ack_connection", "acked", "acks", "attempt_ns", "attempt_ts", "bit_n", "bitten", "copies", "dead", "deduplicated", "deliveries",
        "effects", "ends", "far", "first_attempt", "first_delivery", "firsts", "further", "in_doubt", "injected", "key",
        "last", "last_delivery", "near", "parked", "pending", "queue", "refused", "rejected", "residue", "retried",
        "returned", "sent_n", "sent_t", "told", "tries", "tries_near",
    )  # fmt: skip

    def __init__(self, key: str, queue: "Queue") -> None:
        self.key = key
        self.queue = queue
        self.ends = "effected"
        # sends
        self.told = self.tries = self.tries_near = self.acks = self.refused = self.returned = self.deduplicated = 0
        self.sent_n, self.sent_t = 0, 0.0
        # deliveries
        self.far = self.near = self.injected = self.copies = self.firsts = 0
        self.deliveries: list[Delivery] = []
        self.last: Delivery | None = None
        self.first_delivery: tuple[int, float] | None = None
        self.last_delivery: tuple[int, float] | None = None
        self.further: dict[str, int] | None = None
        self.pending: list[str] | None = None
        # how it ended
        self.acked: tuple[int, float] | None = None
        self.ack_connection: Connection | None = None
        self.rejected: tuple[int, float] | None = None
        self.dead = self.parked = self.residue = 0
        # attempts and effects
        self.first_attempt: tuple[int, float] | None = None
        self.attempt_ts: array[float] | None = None
        self.attempt_ns: array[int] | None = None
        self.effects: list[Effect] | dict[int, list[Effect]] | None = None
        self.in_doubt = False
        # faults
        self.bitten = False
        self.bit_n = 0
        self.retried = False

    def attempted(self, n: int, t: float) -> None:
        """Take note of one more attempt on this message: what pacing is measured between."""
        if self.first_attempt is None:
            self.first_attempt = (n, t)
            return
        if self.attempt_ts is None or self.attempt_ns is None:
            self.attempt_ns, self.attempt_ts = array("q", [self.first_attempt[0]]), array("d", [self.first_attempt[1]])
        if len(self.attempt_ts) < KEPT_ATTEMPTS:
            self.attempt_ns.append(n)
            self.attempt_ts.append(t)

    def effected(self, group: int, effect: Effect) -> None:
        """Take note of an effect in the given set of the queue's `effects`."""
        if self.effects is None:
            self.effects = [effect] if group == 0 else {group: [effect]}
            return
        if isinstance(self.effects, list):
            if group == 0:
                self.effects.append(effect)
                return
            self.effects = {0: self.effects}
        self.effects.setdefault(group, []).append(effect)

    def effects_in(self, group: int) -> list[Effect]:
        """Return the effects in one set, in order."""
        if self.effects is None:
            return []
        if isinstance(self.effects, list):
            return self.effects if group == 0 else []
        return self.effects.get(group, [])

    @property
    def places(self) -> int:
        """In how many of the required sets it has an effect."""
        return 0 if self.effects is None else 1 if isinstance(self.effects, list) else len(self.effects)

    def opened(self) -> list[Delivery]:
        """Return the deliveries that nothing has ended yet."""
        return [one for one in self.deliveries if not one.end]

    def explain(self, cause: str) -> None:
        """Count the cause of one further delivery."""
        if self.further is None:
            self.further = {}
        self.further[cause] = self.further.get(cause, 0) + 1

    def hand_on(self, cause: str) -> None:
        """Take note that another copy of it is under way, and why: its delivery is no news of the sender's."""
        if self.pending is None:
            self.pending = []
        self.pending.append(cause)

    @property
    def clean(self) -> bool:
        """Whether nothing happened to it but what should: its detail was dropped, and it needs no second look."""
        if self.last is not None or self.acked is None or self.far != 1 or self.bitten or self.ends != "effected":
            return False
        if self.injected or self.residue or self.dead or self.parked or self.returned or self.deduplicated:
            return False
        if self.attempt_ts is not None or self.copies > 1 or self.in_doubt or not self.acks:
            return False
        needed = len(self.queue.sets)
        if needed <= 1:
            return needed == 0 or (isinstance(self.effects, list) and len(self.effects) == 1)
        return isinstance(self.effects, dict) and len(self.effects) == needed and all(len(one) == 1 for one in self.effects.values())

    @property
    def sent(self) -> bool:
        """Whether the broker must have had it: it said so, handed it out, or still had it at the end."""
        return bool(self.acks or self.far or self.residue or self.dead or self.parked or self.returned)

    @property
    def in_doubt_sends(self) -> int:
        """How many sends were neither confirmed nor refused."""
        return max(0, self.tries - self.acks - self.refused)
