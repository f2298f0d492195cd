"""What faults did to messages and requests, counted: a fault that changed nothing proves nothing.

By kind: outage and whatever else ends connections: requests, sends, deliveries and settlements that were cut, and with an outage
deliveries whose attempt found no listener; latency: answers or deliveries later by at least 0.8 of it; altered: messages changed,
then delivered; the other rules of the taps: what they acted on; kill: an exit while a delivery or request was open. A kept-alive
connection that was cut while idle is no bite. Byte-level faults: `weather`.
"""

from harness.history.causes import exited_within
from harness.history.intervals import Interval
from harness.history.journal import Seen
from harness.history.obligations import Delivery, Obligation, Request
from harness.history.toothless import CUTTING, why_not
from harness.history.weather import WEATHER, Weather
from harness.history.world import Queue, Road, World

THE_CASE = frozenset({"duplicate", "held", "latency", "reordered"})
"""Rules that need no second attempt to make the case they are for: the message comes twice, late, or out of its order."""

REFUSING = frozenset({"outage", "reset"})
"""Faults under which a service tries and finds nobody."""

LATE = 0.8
HELD_FOR = 1.0
"""Real seconds of an outage that a delivery waited through, at a service that settled nothing meanwhile: it must have tried."""

A_MOMENT = 0.1
"""Real seconds of an outage that a delivery handed out within it met: a service begins to work when it is given a message."""

SHARE = 0.5
"""Of a delivery's time, as an outage begins while it waits: so much, or HELD_FOR, has to lie in the outage."""

AFTERMATH = 0.5
"""Real seconds after an outage in which a service still settles what it tried within it."""


class Bites:
    """Counts bites at their fault, and marks the obligations bitten."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.n = 0
        self.weather = Weather(world)
        self.outages: list[Interval] = []
        """Those that are on, or over for so short a time that what is settled now may have been tried in them."""
        self.altered: dict[tuple[str, str], list[Interval]] = {}
        self._renaming: dict[tuple[str, int, int], tuple[str, str]] = {}
        """Sends that were altered before the broker had them, under the key they had before."""
        self.calls: set[str] = set()
        """Links on which calls about no message were bitten; whatever comes over them afterwards came of another try."""
        self._shortened: dict[tuple[str, int, int], Interval] = {}

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
            if interval.on and interval.name in CUTTING and not interval.ruled:
                self._bite(interval, obligation)

    def late(self, road: Road, ident: tuple[int, int], t: float, request: Request | None) -> None:
        """Look whether the answer that reached the service was held."""
        left = request.left if request is not None and request.left else road.pending.pop(ident, None)
        if left is not None:
            self.held(road, left, t, request.obligation if request is not None else None)

    def held(self, road: Road, left: float, t: float, obligation: Obligation | None) -> None:
        """Count what left the far side at `left` and came to the service, late, at `t`."""
        for interval in road.faults:
            if _slowed(interval, left, t):
                about = obligation or self._only_one(road.service)
                self._bite(interval, about)
                if about is not None:
                    about.retried = True  # a slow answer that was waited for is the case the fault makes

    def bit(self, event: Seen) -> None:
        """Count a message or an answer that a rule changed in a tap."""
        interval = self._world.fault(event)
        if interval.name in WEATHER:
            self.weather.bit(interval, event)
            return
        interval.ruled = True
        queue = self._world.queues.get(event.queue)
        home = queue.home if queue is not None else None
        if interval.name == "altered":
            place = (home.name if home is not None else event.queue, event.key)
            self.altered.setdefault(place, []).append(interval)
            self._renaming[event.link, event.conn, event.x] = place
            return
        if interval.name == "shortened":
            self._shortened[event.link, event.conn, event.x] = interval
        obligation = self._about(event) or (home.find(event.key) if home is not None else None)
        self._bite(interval, obligation)
        if obligation is None and interval.name != "shortened":
            self.calls.add(event.link)
        elif obligation is not None and interval.name in THE_CASE:
            obligation.retried = True

    def _about(self, event: Seen) -> Obligation | None:
        """Return the message that a request, or a send, is work on."""
        road = self._world.roads[event.link]
        request = road.requests.get((event.conn, event.x))
        send = road.sends.get((event.conn, event.x, event.key))
        return request.obligation if request is not None else send.about if send is not None else None

    def renamed(self, queues: list[Queue], event: Seen) -> None:
        """Look whether this is a message whose key a fault changed on its way to the broker: its bite is the new message's."""
        place = self._renaming.pop((event.link, event.conn, event.x), None) if self._renaming else None
        if place is not None and place[1] != event.key:
            found = self.altered.pop(place, [])
            for queue in queues:
                home = queue.home or queue
                self.altered.setdefault((home.name, event.key), []).extend(found)

    def received(self, obligation: Obligation, event: Seen) -> None:
        """Look whether this message was handed out for a shorter time than its receiver asked for."""
        if self._shortened and (event.link, event.conn, event.x) in self._shortened:
            obligation.bitten, obligation.bit_n = True, self.n

    def delivered(self, obligation: Obligation) -> None:
        """Look whether the message that came to its service was changed on the way."""
        for interval in self.altered.pop((obligation.queue.name, obligation.key), ()):
            self._bite(interval, obligation)
            obligation.retried = True  # the changed message was given to the service: the case the fault makes

    def settled(self, delivery: Delivery, t: float) -> None:
        """Look whether the service lets go of a delivery because it tried and found nobody."""
        for interval in list(self.outages):
            road = self._world.roads[interval.link]
            if interval.ended is not None and t > interval.ended + AFTERMATH * self._world.speed:
                self.outages.remove(interval)
            elif road.service == delivery.service and not road.queues:
                interval.settled += interval.on
                if (
                    road.name not in delivery.used
                    and _within(interval, delivery.near_t, t, self._world.speed)
                    and not _done(delivery)
                ):
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
                if interval.name in REFUSING and _refused(interval, delivery.near_t, t, self._world.speed):
                    self._bite(interval, delivery.obligation)
                    interval.settled += 1

    def came_through(self, road: Road, request: Request) -> None:
        """Count a request that came after an outage that its delivery was held through: it was refused meanwhile."""
        for interval in road.faults:
            if interval.name not in REFUSING or interval.began is None or interval.ended is None or interval.settled:
                continue
            for delivery in request.deliveries:
                waited = interval.ended - max(interval.began, delivery.near_t)
                if waited >= HELD_FOR * self._world.speed and road.name not in delivery.used and not delivery.end:
                    self._bite(interval, delivery.obligation)
                    interval.settled += 1
                    delivery.obligation.retried = True

    def exited(self, service: str) -> None:
        """Look whether anything was under way at the service that is gone."""
        for interval in self._world.faults.values():
            if interval.name == "kill" and interval.victim == service and interval.on:
                interval.bites += max(interval.held, self._under_way(service))
                interval.held = 0

    def _only_one(self, service: str) -> Obligation | None:
        """Return the message that the service works on, where it has but one: then what it asks without a key is about that."""
        roads = self._world.service(service).roads
        tags = (each.tags for road in roads for each in road.connections.values())
        found = list(dict.fromkeys(one.obligation for each in tags for one in each.values() if one.near_n and not one.end))
        return found[0] if len(found) == 1 else None

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
                return f"{faults[0].ident} {faults[0]} did not bite: {why_not(faults[0], self._world)}"
        return ""


def _slowed(interval: Interval, left: float, t: float) -> bool:
    """Tell whether what left at `left` and came at `t` was slowed by a latency of the whole link."""
    if interval.name != "latency" or interval.began is None or interval.ruled:
        return False
    return bool(interval.seconds) and t - left >= LATE * interval.seconds


def _within(interval: Interval, since: float, until: float, speed: float) -> bool:
    """Tell whether work ended while the outage was on, or so shortly after it that what it ended with was decided in it."""
    if interval.began is None or until < interval.began:
        return False
    return interval.ended is None or (since <= interval.ended and until <= interval.ended + AFTERMATH * speed)


def _refused(interval: Interval, since: float, until: float, speed: float) -> bool:
    """Tell whether so much of a delivery's time lay in the outage that it must have been tried in it."""
    if interval.began is None:
        return False
    met = min(until, until if interval.ended is None else interval.ended) - max(since, interval.began)
    return met >= (A_MOMENT * speed if since >= interval.began else min(HELD_FOR * speed, SHARE * (until - since)))


def _done(delivery: Delivery) -> bool:
    return delivery.obligation.effects is not None
