"""What is kept of one message in one queue: its sends, deliveries, attempts, effects and where it was found in the end.

Plain records (structs, made in C: a journal of a million events needs a hundred thousand of them). What events mean is decided
in `sends`, `deliveries` and `attempts`; what is left of a message with which nothing happened but what should, in `finished`.
"""

from array import array
from typing import TYPE_CHECKING, Optional

import msgspec

if TYPE_CHECKING:
    from harness.history.world import Connection, Queue

KEPT_DELIVERIES = 32
KEPT_ATTEMPTS = 5_000
NEVER = float("inf")
DONE = frozenset({"ack", "delete", "no_ack"})
"""Words by which a consumer takes a message for good."""


class Effect(msgspec.Struct, frozen=True, eq=False):
    """One change of a resource, or one accepted send into a queue that is an effect."""

    n: int
    t: float
    delivery: "Delivery | None"
    sure: bool
    request: "Request | None" = None


class Request(msgspec.Struct, eq=False):
    """One attempt (or question) of a service at a place: begun near, complete at the place, answered near.

    It is `doubted` where the service cannot know whether it was done; `blind` where it repeats such a one, and nobody asked;
    `copied` where a fault sent it again; `shared` where it may be work on the message of another queue as well.
    """

    obligation: Optional["Obligation"]
    deliveries: list["Delivery"]
    link: str
    conn: int
    n: int
    t: float
    asks: bool = False
    complete: bool = False
    effected: bool = False
    answered: bool = False
    left: float = 0.0
    status: int | None = None
    severed: bool = False
    doubted: bool = False
    blind: bool = False
    over: float = NEVER
    copied: bool = False
    shared: bool = False

    def again(self, n: int, t: float) -> "Request":
        """Return the request that a fault makes by sending this one once more."""
        copy = Request(self.obligation, self.deliveries, self.link, self.conn, n, t, self.asks, copied=True)
        copy.shared = self.shared
        if self.obligation is not None:
            self.obligation.copied = self.obligation.retried = True  # that it comes twice is the case the fault makes
        return copy

    def doubt(self) -> None:
        """Take note that the service cannot know whether this was done."""
        if self.obligation is not None:
            self.doubted = self.obligation.in_doubt = self.obligation.doubted = True


class Delivery(msgspec.Struct, eq=False):
    """One hand-out of a message: far by the broker, near to the service; how it was settled, and why it was there at all.

    `word` is the service's settlement as the near tap saw it, `word_far` as the far tap did. `lo` and `hi` bound its deadline,
    which is `timeout` after it was handed out; `batch` is a number that all messages of one receive have.
    """

    obligation: "Obligation"
    queue: "Queue"
    connection: "Connection"
    service: str
    tag: str
    mid: str
    far_n: int = 0
    far_t: float = 0.0
    cause: str = ""
    near_n: int = 0
    near_t: float = 0.0
    lo: float = NEVER
    hi: float = NEVER
    word: str = ""
    word_n: int = 0
    word_t: float = 0.0
    word_far: str = ""
    delay: float = 0.0
    timeout: float = 0.0
    batch: int = 0
    confirmed: bool | None = None
    stale: bool = False
    end: str = ""
    end_n: int = 0
    end_t: float = 0.0
    counted: bool = False
    request: Request | None = None
    requests: int = 0
    used: tuple[str, ...] = ()

    @property
    def owed(self) -> bool:
        """Whether its service was given it for good and has not shown yet what it did with it."""
        return not self.requests if self.word in DONE else self.end == "expiry" and not self.word

    @property
    def let_go_t(self) -> float:
        """When its consumer was done with it: its word for that, which the broker hears a little later; 0 while it has it."""
        return self.word_t if self.end == "ack" and self.word_t else self.end_t

    @property
    def let_go_with_pause(self) -> bool:
        """Whether its last word was a visibility timeout above 0, after which the service did nothing: a retry is due."""
        if self.word != "visibility" or not self.delay > 0 or not self.confirmed or self.stale:
            return False
        return self.request is None or self.request.t < self.word_t


class Obligation(msgspec.Struct, eq=False):
    """One message (key) that one queue owes: the unit in which everything is counted."""

    key: str
    queue: "Queue"
    ends: str = "effected"
    # sends: `copies` are those that the broker took as new
    told: int = 0
    tries: int = 0
    acks: int = 0
    copies: int = 0
    refused: int = 0
    returned: int = 0
    deduplicated: int = 0
    sent_n: int = 0
    sent_t: float = 0.0
    accepted_n: int = 0
    sender: int = 0
    # deliveries
    far: int = 0
    near: int = 0
    firsts: int = 0
    injected: int = 0
    deliveries: list[Delivery] = []
    last: Delivery | None = None
    first_delivery: tuple[int, float] | None = None
    last_delivery: tuple[int, float] | None = None
    further: dict[str, int] | None = None
    pending: list[str] | None = None
    # how it ended
    acked: tuple[int, float] | None = None
    ack_connection: Optional["Connection"] = None
    rejected: tuple[int, float] | None = None
    aside: str = ""
    dead: int = 0
    parked: int = 0
    residue: int = 0
    # attempts and effects
    first_attempt: tuple[int, float] | None = None
    attempt_ts: Optional["array[float]"] = None
    attempt_ns: Optional["array[int]"] = None
    effects: list[Effect] | dict[int, list[Effect]] | None = None
    in_doubt: bool = False
    doubted: bool = False
    unanswered: bool = False
    blinds: list[Request] | None = None
    # faults
    bitten: bool = False
    bit_n: int = 0
    retried: bool = False
    copied: bool = False

    def handed_out(self, delivery: Delivery) -> None:
        """Take note of one more delivery by the broker."""
        self.deliveries.append(delivery)
        self.last = delivery
        self.last_delivery = (delivery.far_n, delivery.far_t)
        if self.first_delivery is None:
            self.first_delivery = self.last_delivery

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
        elif isinstance(self.effects, list):
            if group == 0:
                self.effects.append(effect)
                return
            self.effects = {0: self.effects, group: [effect]}
        else:
            self.effects.setdefault(group, []).append(effect)

    def effects_in(self, group: int) -> list[Effect]:
        """Return the effects in one set, in order."""
        if self.effects is None:
            return []
        if isinstance(self.effects, list):
            return self.effects if group == 0 else []
        return self.effects.get(group, [])

    def requested(self, request: Request) -> None:
        """Take note of a request for its effect: blind, if it repeats what the service is in doubt of and has not asked about."""
        self.attempted(request.n, request.t)
        if not self.in_doubt:
            return
        request.blind = True
        if self.blinds is None:
            self.blinds = []
        if len(self.blinds) < KEPT_DELIVERIES:
            self.blinds.append(request)

    def opened(self) -> list[Delivery]:
        """Return the deliveries that nothing has ended yet."""
        return [one for one in self.deliveries if not one.end]

    def worked_on(self, service: str) -> list[Delivery]:
        """Return those that this service may be working on: the open ones, and those that ended and are still owed something.

        That is a word, where one expired; or the work itself, where it was acknowledged before that, as Celery does.
        """
        mine = [one for one in self.deliveries if one.service == service]
        return [one for one in mine if not one.end or (one.near_n and one.owed)]

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
    def sent(self) -> bool:
        """Whether the broker must have had it: it said so, handed it out, or still had it at the end."""
        return bool(self.acks or self.far or self.residue or self.dead or self.parked or self.returned)

    @property
    def in_doubt_sends(self) -> int:
        """How many sends were neither confirmed nor refused."""
        return max(0, self.tries - self.acks - self.refused)
