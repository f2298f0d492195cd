"""Where an obligation ended: the facts that `accounted`, `recovered` and `signalled` share."""

from dataclasses import dataclass

from harness.history.causes import SETTLES
from harness.history.deadlines import TICK
from harness.history.intervals import Interval
from harness.history.ledger import Ledger
from harness.history.obligations import NEVER, Delivery, Effect, Obligation
from harness.history.world import Instance, Queue

STUCK_AFTER = 3
STUCK_PERIODS = 2
CUTTING_OFF = frozenset(
    {"outage", "half_open", "timeout", "cut_short", "reset", "held", "request_lost", "answer_lost", "status", "kill"}
)
"""Faults under which a consumer may get nothing from its broker."""

LONG_ENOUGH = 1.0
"""Seconds in which a consumer that lives takes a message of SQS that is visible; in less it may just not have asked again."""


@dataclass(frozen=True, slots=True)
class End:
    """The state of one obligation when its history was closed."""

    obligation: Obligation
    sets: list[list[Effect]]
    scanned: bool
    alive: bool
    closed_t: float
    starved: bool = False

    @property
    def effected(self) -> bool:
        """Whether every required place was changed; without required places, whether it was acknowledged."""
        return all(self.sets) if self.sets else self.obligation.acked is not None

    @property
    def partly(self) -> bool:
        """Whether some required places were changed and others not."""
        return any(self.sets) and not all(self.sets)

    @property
    def dead(self) -> bool:
        """Whether it lies in a dead-letter queue, or was rejected into one that nobody has scanned."""
        target = self.obligation.queue.ends_in
        rejected = self.obligation.rejected is not None and target is not None and not target.scanned
        return bool(self.obligation.dead) or rejected

    @property
    def kept_somewhere(self) -> bool:
        """Whether it can still be found: parked, dead-lettered, or in its own queue."""
        return self.dead or bool(self.obligation.parked or self.obligation.residue)

    @property
    def handed_on(self) -> bool:
        """Whether the consumer has another copy of it under way, or let go of it with a pause: a retry is due."""
        last = self.obligation.last
        return bool(self.obligation.pending) or (last is not None and last.let_go_with_pause)

    @property
    def visible(self) -> float:
        """How long it lay visible in an SQS queue after its last delivery, for sure; below 0: it may not have been visible."""
        return self.closed_t - self._visible_from()[1]

    @property
    def visible_at_most(self) -> float:
        """The longest that this can have been; below 0: it was still invisible when the history was closed, a retry was due."""
        return self.closed_t - self._visible_from()[0]

    def _visible_from(self) -> tuple[float, float]:
        """Return from when on at the earliest, and for sure; for ever where no timer runs: AMQP hands out at once what it can."""
        last = self.obligation.last
        if last is None or not last.queue.sqs:
            return (-NEVER, -NEVER)
        return (last.end_t, last.end_t) if last.end == "requeue" else (last.hi - TICK, last.hi)

    @property
    def on_the_way(self) -> bool:
        """Whether RabbitMQ handed it out and waits for its settlement: a fault took the delivery away, or what was said to it."""
        return on_the_way(self.obligation)

    @property
    def held_up(self) -> bool:
        """Whether it is on the way, or its consumer may be given nothing because another is."""
        return self.on_the_way or self.starved

    @property
    def may_come(self) -> bool:
        """Whether it lies in its queue and its consumer may just not have taken it yet, so nothing is known of its end."""
        return bool(self.obligation.residue) and self.alive and self.visible < LONG_ENOUGH

    @property
    def bound_for_dead_letters(self) -> bool:
        """Whether SQS itself will dead-letter it when it was received often enough."""
        declared = self.obligation.queue.declaration
        return bool(declared.max_receive_count and declared.dead_letter and self.obligation.far <= declared.max_receive_count)


class Ends:
    """Where the obligations of a ledger ended; what is the same for all of a queue is found once."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._of_queue: dict[str, tuple[bool, bool]] = {}
        self._taken_up: dict[str, bool] = {}

    def _taken_up_in(self, queue: Queue) -> bool:
        """Tell whether RabbitMQ waits for a settlement that a fault took away: its consumer may be given nothing more."""
        found = self._taken_up.get(queue.name)
        if found is None:
            found = self._taken_up[queue.name] = any(on_the_way(one) for one in queue.obligations.values())
        return found

    def of(self, obligation: Obligation) -> End:
        """Return where this obligation ended."""
        scanned, alive = self.of_queue(obligation.queue)
        starved = not obligation.far and self._taken_up_in(obligation.queue)
        return End(obligation, self._ledger.effects(obligation), scanned, alive, self._ledger.t, starved)

    def of_queue(self, queue: Queue) -> tuple[bool, bool]:
        """Tell whether the final scan saw the queue and all that its messages can have gone to, and whether a consumer lived."""
        found = self._of_queue.get(queue.name)
        if found is None:
            found = self._of_queue[queue.name] = (_scanned(self._ledger, queue), bool(_living(self._ledger, queue)))
        return found


def on_the_way(obligation: Obligation) -> bool:
    """Tell whether the last delivery of this message, or the word on it, never arrived, and RabbitMQ waits for that."""
    last = obligation.last
    return last is not None and not last.queue.sqs and not last.end and (not last.near_n or last.word in SETTLES)


def _scanned(ledger: Ledger, queue: Queue) -> bool:
    others = [one for one in ledger.world.queues.values() if one.home is queue or queue in one.feeders or one.role == "parking"]
    return queue.scanned and all(one.scanned for one in others)


def _living(ledger: Ledger, queue: Queue) -> list[Instance]:
    services = [ledger.world.roads[link].service for link in queue.links]
    return [ledger.world.service(name) for name in services if ledger.world.service(name).alive]


def consumers_cut_off(ledger: Ledger, queue: Queue) -> bool:
    """Tell whether a fault stood between the queue and all its consumers to the end."""
    roads = [ledger.world.roads[link] for link in queue.links]
    return bool(roads) and all(any(_cuts_off(fault) for fault in road.faults) for road in roads)


def _cuts_off(fault: Interval) -> bool:
    """Tell whether nothing may have come through; what is about single messages, or so many of them, lets others pass."""
    return fault.on and fault.name in CUTTING_OFF and not any(word in fault.code for word in ("times=", "key="))


def stuck_since(end: End) -> tuple[int, float] | None:
    """Return the event since which it is stuck: the third delivery, two periods after the first, without effect and none due."""
    obligation = end.obligation
    if end.effected or end.dead or obligation.parked or obligation.acked or obligation.rejected:
        return None
    if obligation.far < STUCK_AFTER or end.handed_on or end.bound_for_dead_letters:
        return None
    first, last = obligation.first_delivery, obligation.last_delivery
    if first is None or last is None or last[1] - first[1] < STUCK_PERIODS * _period(obligation):
        return None
    return last


def _period(obligation: Obligation) -> float:
    if obligation.queue.sqs:
        return obligation.queue.declaration.visibility_timeout or 0.0
    return 0.0  # AMQP has no period of its own: three hand-outs are two


def last_of(obligation: Obligation) -> Delivery | None:
    """Return the last delivery whose detail was kept."""
    return obligation.deliveries[-1] if obligation.deliveries else None


def delivery_events(delivery: Delivery | None) -> tuple[int, ...]:
    """Return the events of a delivery, for a witness."""
    if delivery is None:
        return ()
    request = delivery.request.n if delivery.request is not None else 0
    return (delivery.far_n, delivery.near_n, request, delivery.word_n, delivery.end_n)


def tried(obligation: Obligation) -> int:
    """Return how often its consumer was given it: handed out, and not lost on the way."""
    last = obligation.last
    lost = (obligation.further or {}).get("receive_lost", 0) + (last is not None and not last.near_n)
    return obligation.far - lost


def times(count: int) -> str:
    """Return how often, in words."""
    return "once" if count == 1 else "twice" if count == 2 else f"{count} times"  # noqa: PLR2004 (the word for it)
