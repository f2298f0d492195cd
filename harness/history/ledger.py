"""The one fold over a journal: obligations, faults and how the run ended. Checks read what is here; nothing here judges.

`step` takes events in the order of `n`; memory grows with the number of messages, not of events. After `closing` nothing
counts any more but what the final scan found, and whatever a service still changed: that is late, and makes every *kept* unknown.
"""

import gc
from collections.abc import Callable, Iterable, Iterator

from harness.history.attempts import Attempts
from harness.history.bites import Bites
from harness.history.deliveries import Deliveries
from harness.history.emulator import Emulator
from harness.history.events import KINDS, Event, Header
from harness.history.journal import Seen
from harness.history.margin import Margin
from harness.history.obligations import Effect, Obligation
from harness.history.phases import Looks
from harness.history.receives import Receives
from harness.history.sends import Sends
from harness.history.world import Queue, World

CONTEXT = frozenset(
    {"declared", "started", "ready", "exited", "fault", "drained", "closing", "scanned", "gap", "bypassed", "noticed"}
)
BOTH_TAPS = 2
"""Each delivery is counted where it was handed out and where it arrived."""


class Ledger:
    """What a journal amounts to. `context` are the events that belong to no message; `whole` reads all again, with bodies."""

    def __init__(self, header: Header) -> None:
        self.header = header
        self.world = World(header.speed)
        self.bites = Bites(self.world)
        self.events = self.last_n = 0
        self.t = 0.0
        self.drained_how = self.drained_reason = ""
        self.closed_at: float | None = None
        self.late: list[int] = []
        self.bypassed: list[str] = []
        self.noticed: list[tuple[int, float]] = []
        self.context: list[Seen] = []
        self.emulator = Emulator(header, self.world)
        receives = Receives(self.emulator)
        self._attempts = Attempts(self.world, self.bites, receives)
        self._sends = Sends(self.world, self._attempts, self.bites, self.emulator)
        self._deliveries = Deliveries(self.world, self.bites, receives)
        self.margin = Margin(header, self.world)
        self.whole: Callable[[], Iterator[Event]] = lambda: iter(())
        self.looks = Looks(self.world, self._left)
        self._steps = self.margin.over(self._open_steps(receives))

    def _open_steps(self, receives: Receives) -> dict[str, Callable[[Seen], None]]:
        steps: dict[str, Callable[[Seen], None]] = dict.fromkeys(KINDS, _ignore)
        steps |= {
            "declared": self.world.declare,
            "started": self._started,
            "ready": self._ready,
            "exited": self._exited,
            "opened": receives.opened,
            "closed": self._closed,
            "subscribed": self._subscribed,
            "bound": self.world.routes.bound,
            "unbound": self.world.routes.unbound,
            "attempted": self._sends.attempted,
            "acknowledged": self._sends.acknowledged,
            "refused": self._sends.refused,
            "returned": self._sends.returned,
            "delivered": self._deliveries.delivered,
            "settled": self._deliveries.settled,
            "confirmed": self._deliveries.confirmed,
            "requested": self._attempts.requested,
            "effected": self._attempts.effected,
            "answered": self._attempts.answered,
            "noticed": self._noticed,
            "fault": self.bites.fault,
            "bit": self.bites.bit,
            **self._end_steps(),
        }
        return steps | {kind: self._kept(steps[kind]) for kind in CONTEXT}

    def _end_steps(self) -> dict[str, Callable[[Seen], None]]:
        return {
            "drained": self._drained,
            "closing": self._closing,
            "residue": self._residue,
            "scanned": self._scanned,
            "gap": self._gap,
            "bypassed": self._bypassed,
            "repeated": self._repeated,
        }

    def take(self, batches: Iterable[list[Seen]], *, until: int | None = None) -> None:
        """Take every event, or those up to number `until`. The collector rests: a fold leaves no garbage in cycles."""
        collecting = gc.isenabled()
        gc.disable()
        try:
            for batch in batches:
                self._take(batch if until is None else [event for event in batch if event.n <= until])
        finally:
            if collecting:
                gc.enable()

    def _take(self, batch: list[Seen]) -> None:
        steps, faults, rest = self._steps, self.world.faults, iter(batch)
        for event in rest:
            steps[event.kind](event)
            if faults:
                break
        for event in rest:  # with a fault about, bites have to know when they were
            self.bites.n = event.n
            steps[event.kind](event)
        self.events += len(batch)
        if batch:
            self.last_n = batch[-1].n
            if self.closed_at is None:
                self.t = max(self.t, batch[-1].t)

    def _kept(self, step: Callable[[Seen], None]) -> Callable[[Seen], None]:
        def take(event: Seen) -> None:
            self.context.append(event)
            step(event)

        return take

    # ------------------------------------------------------------------ services and connections

    def _started(self, event: Seen) -> None:
        if event.at == "broker":  # of what a broker's restart does, messages and connections tell
            return
        self.world.service(event.service).started.append(event.t)

    def _ready(self, event: Seen) -> None:
        instance = self.world.service(event.service)
        instance.ready = event.t if instance.ready is None else instance.ready

    def _exited(self, event: Seen) -> None:
        if event.at == "broker":
            return
        self.world.service(event.service).exits.append((event.n, event.t, event.how, event.status))
        self.bites.exited(event.service)

    def _closed(self, event: Seen) -> None:
        if not event.link or event.how == "refused":
            return
        road = self.world.roads[event.link]
        if event.at != "near":
            self._deliveries.closed(road, event)
        if event.at == "near" and (event.data or {}).get("channel") is None:
            self._attempts.cut(road, event.conn, event.t)
            self._sends.cut(road, event.conn)
            self._deliveries.cut(road, event.conn)
            if road.faults:
                road.gone.add(event.conn)

    def _subscribed(self, event: Seen) -> None:
        queue = self.world.queues.get(event.queue)
        if queue is not None:
            self.world.roads[event.link].consumes(queue)

    def _noticed(self, event: Seen) -> None:
        self.noticed.append((event.n, event.t))

    # ------------------------------------------------------------------ the end

    def _drained(self, event: Seen) -> None:
        self.looks.clear()
        self.drained_how = event.how
        self.drained_reason = str((event.data or {}).get("reason", ""))

    def _closing(self, event: Seen) -> None:
        self.t = self.closed_at = event.t
        if self.world.faults:
            self._deliveries.closing(event.t)
        ending = self._end_steps()
        self._steps.update(dict.fromkeys(KINDS, _ignore))
        self._steps.update(ending | {kind: self._kept(ending[kind]) for kind in CONTEXT & ending.keys()})
        self._steps |= {"effected": self._was_late, "settled": self._settled_late, "acknowledged": self._sent_late}

    def _was_late(self, event: Seen) -> None:
        self.late.append(event.n)

    def _settled_late(self, event: Seen) -> None:
        if event.at == "far":
            self.late.append(event.n)

    def _sent_late(self, event: Seen) -> None:
        if event.at == "far" and event.queue in self.world.places:
            self.late.append(event.n)

    def _scanned(self, event: Seen) -> None:
        queue = self.world.queues.get(event.queue)
        if not self.looks.take(event) and queue is not None:
            queue.scanned = True

    def _residue(self, event: Seen) -> None:
        if not self.looks.take(event):
            self._left(event)

    def _left(self, event: Seen) -> None:
        queue = self.world.queues.get(event.queue)
        if queue is None or not event.key:
            return
        if queue.home is not None:
            queue.home.obligations[event.key].residue += 1
            if queue.sqs and event.count and not queue.links:
                reason = f"a message of {queue.name} was received {event.count} time(s), and no link saw any of it"
                self.bypassed.append(reason)
            return
        for obligation in self._fallen_into(queue, event.key):
            if queue.role == "parking":
                obligation.parked += 1
            else:
                obligation.dead += 1

    def _fallen_into(self, queue: Queue, key: str) -> Iterator[Obligation]:
        """Yield the obligations that a dead letter or parked message is: of queues that end there, else any with this key."""
        found = [feeder.find(key) for feeder in queue.feeders]
        found = found if any(found) else [other.find(key) for other in self.world.judged()]
        yield from dict.fromkeys(one for one in found if one is not None)

    def _gap(self, event: Seen) -> None:
        reason = (event.data or {}).get("reason", "a tap could not follow a connection")
        self.world.roads[event.link].gaps[event.conn] = str(reason)

    def _bypassed(self, event: Seen) -> None:
        self.bypassed.append(str((event.data or {}).get("reason", "traffic went around a link")))

    def _repeated(self, event: Seen) -> None:
        queue = self.world.queues.get(event.queue)
        if queue is not None and queue.home is not None and event.key:
            obligation = queue.home.obligations[event.key]
            counted = (event.data or {}).get("delivered")
            obligation.far += counted // BOTH_TAPS if isinstance(counted, int) else 0

    # ------------------------------------------------------------------ what checks ask

    @property
    def drained(self) -> bool:
        """Whether the run ended because nothing could happen any more, or only the same again."""
        return self.drained_how in {"quiet", "steady"}

    def around(self) -> str:
        """Say what shows that traffic went around a link: it was seen, or a message had its effect that no link delivered."""
        if self.bypassed:
            return self.bypassed[0]
        for one in self.rest():
            if one.effects and one.acks and not (one.far or one.residue or one.dead or one.parked) and one.queue.scanned:
                return f"message {one.key} of {one.queue.name} had its effect and is gone, and no link saw it delivered"
        return ""

    def rest(self) -> Iterator[Obligation]:
        """Yield the judged obligations that are not finished: of judged queues, and sent, delivered or found at all."""
        for queue in self.world.judged():
            for obligation in list(queue.obligations.values()):
                if obligation.sent or obligation.deduplicated:
                    yield obligation

    def finished(self, *, with_effect: bool = False) -> int:
        """Count the messages that took the plain way to their end."""
        return sum(len(queue.finished) for queue in self.world.judged() if queue.sets or not with_effect)

    def effects(self, obligation: Obligation) -> list[list[Effect]]:
        """Return the effects of each required set, in the order of the queue's declaration."""
        return [
            obligation.effects_in(group) or self._seen_in(alternatives, obligation.key)
            for group, alternatives in enumerate(obligation.queue.sets)
        ]

    def _seen_in(self, alternatives: tuple[str, ...], key: str) -> list[Effect]:
        """Count what an unconfirmed publisher put into an effect queue: it was there if it was handed out or found there."""
        found = []
        for name in alternatives:
            place = self.world.queues.get(name)
            there = place.find(key) if place is not None else None
            if there is not None and not there.acks and there.tries and (there.far or there.residue):
                found += [Effect(there.sent_n, there.sent_t, None, sure=False)] * there.tries
        return found

    def tainted(self, obligation: Obligation) -> str:
        """Say which gap of a tap this obligation may have been touched by; empty where none."""
        for road in self.world.roads.values():
            for number, reason in road.gaps.items():
                if self._touched(obligation, road.name, number):
                    return f"{road.name}, connection {number}: {reason}"
        return ""

    def _touched(self, obligation: Obligation, link: str, number: int) -> bool:
        connection = self.world.roads[link].connections.get(number)
        for delivery in obligation.deliveries:
            request = delivery.request
            if delivery.connection is connection or (request is not None and (request.link, request.conn) == (link, number)):
                return True
        return obligation.acked is None and not obligation.deliveries and link in obligation.queue.links


def _ignore(event: Seen) -> None:
    """Take no notice."""
