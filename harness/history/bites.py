"""What faults did to messages and requests, counted: a fault that changed nothing proves nothing.

By kind: outage: requests and deliveries that were cut, and deliveries whose attempt found no listener; latency: answers or
deliveries later by at least 0.8 of it; altered: messages changed, then delivered; answer_lost: answers swallowed; kill: an exit
while a delivery or request was open. A kept-alive connection that was cut while idle is no bite. Byte-level faults: `weather`.
"""

from harness.history.causes import exited_within
from harness.history.intervals import Interval
from harness.history.journal import Seen
from harness.history.obligations import Delivery, Obligation, Request
from harness.history.weather import WEATHER, Weather
from harness.history.world import Road, World

CUTTING = frozenset({"outage", "latency", "reset", "cut_short", "kill"})
"""Faults that end connections, or make a service end them; of kills those of brokers."""

REFUSING = frozenset({"outage", "reset"})
"""Faults under which a service tries and finds nobody."""

LATE = 0.8
HELD_FOR = 1.0
"""Seconds of an outage that a delivery waited through, at a service that settled nothing meanwhile: it must have tried."""

A_MOMENT = 0.1
"""Seconds of an outage that a delivery handed out within it met: a service begins to work when it is given a message."""

SHARE = 0.5
"""Of a delivery's time, as an outage begins while it waits: so much, or HELD_FOR, has to lie in the outage."""

AFTERMATH = 0.5
"""Seconds after an outage in which a service still settles what it tried within it."""


class Bites:
    """Counts bites at their fault, and marks the obligations bitten."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.n = 0
        self.weather = Weather(world)
        self.outages: list[Interval] = []
        """Those that are on, or over for so short a time that what is settled now may have been tried in them."""
        self.altered: dict[tuple[str, str], list[Interval]] = {}

    def fault(self, event: Seen) -> None:
        """Put a fault that begins or ends where its traffic passes."""
        interval = self._world.fault(event)
        if interval.link:
            road = self._world.roads[interval.link]
            if interval not in road.faults:
                road.faults.append(interval)
        for road in self._world.roads.values():
            if road.thing == interval.victim and interval not in road.faults:  # a broker: what was under way on its links is cut
                road.faults.append(interval)
        if interval.name == "pause":
            self.weather.fault(interval, event)
        if event.how == "began" and interval.name == "kill":
            interval.held = self._under_way(interval.victim)
        if event.how == "began" and interval.name in REFUSING and not interval.once:
            self.outages.append(interval)

    def _bite(self, interval: Interval, obligation: Obligation | None) -> None:
        interval.bites += 1
        if obligation is not None:
            obligation.bitten = True
            obligation.bit_n = self.n

    def cut(self, road: Road, obligation: Obligation | None) -> None:
        """Count a request, a send or a delivery that was cut on this link."""
        for interval in road.faults:
            if interval.on and interval.name in CUTTING:
                self._bite(interval, obligation)

    def late(self, road: Road, ident: tuple[int, int], t: float, request: Request | None) -> None:
        """Look whether the answer that reached the service was held."""
        left = request.left if request is not None and request.left else road.pending.pop(ident, None)
        if left is not None:
            self.held(road, left, t, request.obligation if request is not None else None)

    def held(self, road: Road, left: float, t: float, obligation: Obligation | None) -> None:
        """Count what left the far side at `left` and came to the service, late, at `t`."""
        for interval in road.faults:
            if (
                interval.name == "latency"
                and interval.began is not None
                and interval.seconds
                and t - left >= LATE * interval.seconds
            ):
                self._bite(interval, obligation)
                if obligation is not None:
                    obligation.retried = True  # a slow answer that was waited for is the case the fault makes

    def bit(self, event: Seen) -> None:
        """Count a message or an answer that a rule changed in a tap."""
        interval = self._world.fault(event)
        if interval.name in WEATHER:
            self.weather.bit(interval, event)
            return
        queue = self._world.queues.get(event.queue)
        home = queue.home if queue is not None else None
        if interval.name == "altered":
            self.altered.setdefault((home.name if home is not None else event.queue, event.key), []).append(interval)
            return
        self._bite(interval, home.find(event.key) if home is not None else self._asked(event))

    def _asked(self, event: Seen) -> Obligation | None:
        request = self._world.roads[event.link].requests.get((event.conn, event.x))
        return request.obligation if request is not None else None

    def delivered(self, obligation: Obligation) -> None:
        """Look whether the message that came to its service was changed on the way."""
        for interval in self.altered.pop((obligation.queue.name, obligation.key), ()):
            self._bite(interval, obligation)
            obligation.retried = True  # the changed message was given to the service: the case the fault makes

    def settled(self, delivery: Delivery, t: float) -> None:
        """Look whether the service lets go of a delivery because it tried and found nobody."""
        for interval in list(self.outages):
            road = self._world.roads[interval.link]
            if interval.ended is not None and t > interval.ended + AFTERMATH:
                self.outages.remove(interval)
            elif road.service == delivery.service and not road.queues:
                interval.settled += interval.on
                if road.name not in delivery.used and _within(interval, delivery.near_t, t) and not _done(delivery):
                    self._bite(interval, delivery.obligation)

    def expired(self, delivery: Delivery, t: float) -> None:
        """Look whether a delivery ran out at `t`, without a word or request of its service, because an outage refused it.

        Many consumers of SQS say nothing when they fail: the visibility timeout is their retry. A refused connection is not seen,
        so this is inferred from what did not happen, and only where the service lived, and the message has no effect. What waited
        behind others and was worked on later has a request, even if it came after the deadline, and is not counted.
        """
        service = self._world.service(delivery.service)
        if not delivery.near_n or delivery.word not in {"", "visibility"} or _done(delivery):
            return
        known = delivery.obligation.bit_n > delivery.near_n
        if known or exited_within(service, delivery.near_t, t):
            return
        for road in service.roads:
            for interval in road.faults if not road.queues and road.name not in delivery.used else ():
                if interval.name in REFUSING and _refused(interval, delivery.near_t, t):
                    self._bite(interval, delivery.obligation)
                    interval.settled += 1

    def came_through(self, road: Road, request: Request) -> None:
        """Count a request that came after an outage that its delivery was held through: it was refused meanwhile."""
        for interval in road.faults:
            if interval.name not in REFUSING or interval.began is None or interval.ended is None or interval.settled:
                continue
            for delivery in request.deliveries:
                waited = interval.ended - max(interval.began, delivery.near_t)
                if waited >= HELD_FOR and road.name not in delivery.used and not delivery.end:
                    self._bite(interval, delivery.obligation)
                    interval.settled += 1
                    delivery.obligation.retried = True

    def exited(self, service: str) -> None:
        """Look whether anything was under way at the service that is gone."""
        for interval in self._world.faults.values():
            if interval.name == "kill" and interval.victim == service and interval.on:
                interval.bites += max(interval.held, self._under_way(service))
                interval.held = 0

    def _under_way(self, service: str) -> int:
        """Count the messages that the service holds or asks something for, and mark them bitten."""
        found: list[Obligation | None] = []
        for road in self._world.service(service).roads:
            found += [request.obligation for request in road.requests.values()]
            found += [
                one.obligation for each in road.connections.values() for one in each.tags.values() if one.near_n and not one.end
            ]
        messages = dict.fromkeys(one for one in found if one is not None)
        for obligation in messages:
            obligation.bitten, obligation.bit_n = True, self.n
        return len(messages) + found.count(None)

    def without(self) -> str:
        """Say which `inject` call bit nothing, what was looked for, and what would mend it; empty where each did."""
        for faults in self._world.calls().values():
            if not any(one.bites for one in faults):
                return f"{faults[0].ident} {faults[0]} did not bite: {_why_not(faults[0], self._world)}"
        return ""


def _why_not(one: Interval, world: World) -> str:
    if one.failed or one.began is None:
        return one.failed or "it never began: its moment did not come"
    of_broker = (one.name in CUTTING and bool(one.link) and world.roads[one.link].queues) or one.victim in _things(world)
    kind = f"{one.name} of a broker" if of_broker else one.name
    looked, mend = TOOTHLESS.get(kind, TOOTHLESS["outage"])
    if one.name == "kill" or one.once:
        return f"it came at {one.began:.1f} s, and {looked}; {mend}"
    until = f"to {one.ended:.1f} s" if one.ended is not None else "on"
    return f"it was on from {one.began:.1f} s {until}, and {looked}; {mend}"


TOOTHLESS = {
    "outage": (
        "no request was cut and no delivery ended without its request meanwhile",
        "begin it earlier, make it last longer or send more messages",
    ),
    **dict.fromkeys(
        ("outage of a broker", "cut_short of a broker", "kill of a broker"),
        (
            "no delivery, settlement or send was cut",
            "begin it earlier, where a message is under way, or send more messages",
        ),
    ),
    **dict.fromkeys(
        ("reset", "reset of a broker"),
        (
            "nothing was under way on a connection that it reset",
            "begin it where something is, as at resource.requested(n), or let it last",
        ),
    ),
    "timeout": (
        "nothing that left in its direction was still on its way",
        "begin it earlier, where an answer is due, or see whether its `side` is meant",
    ),
    "bandwidth": (
        "nothing came late by it",
        "allow fewer bytes a second, begin it earlier or send larger messages",
    ),
    "sliced": (
        "nothing that left in one piece came in several",
        "cut smaller pieces, begin it earlier, or give seconds= between them",
    ),
    "slow_close": (
        "no connection ended meanwhile",
        "begin it before one ends, as with a kill or where the service hangs up",
    ),
    "half_open": (
        "no byte came to a connection that it left dead",
        "begin it while a connection is open, or see whether one carries its `on`",
    ),
    "pause": (
        "its victim held no message and asked for nothing meanwhile",
        "begin it while a message is worked on, as at resource.requested(n), or make it longer",
    ),
    "latency": (
        "no answer and no delivery came late by it",
        "begin it earlier, make it longer or send more messages",
    ),
    "altered": (
        "no message that it changed was delivered",
        "begin it earlier, or see whether its `on` and `key` fit any message",
    ),
    "answer_lost": (
        "no answer was swallowed",
        "begin it earlier, or see whether its `on` and `key` fit any request",
    ),
    "kill": (
        "its victim held no message and asked for nothing",
        "begin it while a message is worked on, as at resource.requested(n)",
    ),
}
"""By kind of fault: what was looked for and not found, and what its writer can do."""


def _things(world: World) -> set[str]:
    return {road.thing for road in world.roads.values()}


def _within(interval: Interval, since: float, until: float) -> bool:
    """Tell whether work ended while the outage was on, or so shortly after it that what it ended with was decided in it."""
    if interval.began is None or until < interval.began:
        return False
    return interval.ended is None or (since <= interval.ended and until <= interval.ended + AFTERMATH)


def _refused(interval: Interval, since: float, until: float) -> bool:
    """Tell whether so much of a delivery's time lay in the outage that it must have been tried in it."""
    if interval.began is None:
        return False
    met = min(until, until if interval.ended is None else interval.ended) - max(since, interval.began)
    return met >= (A_MOMENT if since >= interval.began else min(HELD_FOR, SHARE * (until - since)))


def _done(delivery: Delivery) -> bool:
    return delivery.obligation.effects is not None
