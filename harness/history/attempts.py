"""The part of the fold that takes attempts and effects: requests begun, complete, effected, answered, and of which delivery.

An effect belongs to a delivery for sure only if one delivery of that message is open at that service; else each may be it.
"""

from harness.history.bites import Bites
from harness.history.journal import Seen
from harness.history.obligations import Delivery, Effect, Obligation, Request
from harness.history.receives import Receives
from harness.history.world import Road, World

ASKING = frozenset({"GET", "HEAD", "OPTIONS", "SELECT", "ROLLBACK", "SHOW"})
NOT_FOUND = 404
ERRORS = 400
SERVER_ERRORS = 500


class Attempts:
    """Ties requests and effects to obligations by equal keys."""

    def __init__(self, world: World, bites: Bites, receives: Receives) -> None:
        self._world = world
        self._receives = receives
        self._roads = world.roads
        self._bites = bites
        self._unread: dict[tuple[str, str], list[Request]] = {}
        """By place and key, transactions whose rows are read later, straight from the database, and not seen on its link."""

    def requested(self, event: Seen) -> None:
        """Take a request that was forwarded near, or read at the resource: whole, or (ok = false) not."""
        road = self._roads[event.link]
        if event.at == "near" and event.fault:
            self._again(road, event)
            return
        if event.at == "near":
            road.requests[event.conn, event.x] = self.begin(road, event, asks=event.wire in ASKING)
            if road.gone and event.conn in road.gone:
                self.cut(road, event.conn, event.t)
            return
        ident = (event.conn, event.x)
        request = road.requests.get(ident) or road.severed.get(ident)
        if request is not None and event.ok is not False:
            request.complete = True
            if request.severed:
                _came_late(request)
            if event.at == "far" and event.key and not request.asks:
                self._unread.setdefault((road.thing, event.key), []).append(request)

    @staticmethod
    def _again(road: Road, event: Seen) -> None:
        """Take a copy of a request, which a fault made; its service knows nothing of it and gets no answer to it."""
        for (conn, _), request in reversed(road.requests.items()):
            if conn == event.conn and not request.copied:
                road.requests[conn, event.x] = request.again(event.n, event.t)
                return

    def begin(self, road: Road, event: Seen, *, asks: bool) -> Request:
        """Return the request that begins here, tied to the open deliveries of its message at its service."""
        obligation: Obligation | None = None
        deliveries: list[Delivery] = []
        key = event.key
        for queue in road.instance.queues if key else ():
            home = queue.home
            found = None if home is None else home.obligations.get(key) or home.find(key)
            if found is not None and found.far:
                if obligation is not None and found is not obligation:
                    return self._one_of(road, event, asks=asks)
                last, obligation = found.last, found
                alone = found.far == 1 and not found.injected
                deliveries = [] if last is None else [last] if alone else found.worked_on(road.service) or [last]
        request = Request(obligation, deliveries, road.name, event.conn, event.n, event.t, asks)
        if obligation is not None:
            self._count(road, request, obligation)
        return request

    def _one_of(self, road: Road, event: Seen, *, asks: bool) -> Request:
        """Return the request of a service that was given equal keys from several queues: of the message that it still has."""
        homes = dict.fromkeys(queue.home for queue in road.instance.queues if queue.home is not None)
        found = [one for one in (home.find(event.key) for home in homes) if one is not None and one.far]
        working = [one for one in found if one.opened()] or found
        obligation = working[-1]
        request = Request(obligation, obligation.worked_on(road.service), road.name, event.conn, event.n, event.t, asks)
        request.shared = len(working) > 1
        self._count(road, request, obligation)
        return request

    def _count(self, road: Road, request: Request, obligation: Obligation) -> None:
        if obligation.bitten and not obligation.retried and request.n > obligation.bit_n:
            obligation.retried = True
        if road.faults:
            self._bites.came_through(road, request)
        asks = request.asks
        if not asks:
            obligation.requested(request)
        for delivery in request.deliveries:
            if not asks:
                delivery.requests += 1
                delivery.request = request
            if not delivery.used:
                delivery.used = road.only
            elif road.name not in delivery.used:
                delivery.used = (*delivery.used, road.name)

    def effected(self, event: Seen) -> None:
        """Take a change of a resource."""
        if not event.link:
            place = str((event.data or {}).get("resource", ""))
            unread = self._unread.get((place, event.key))
            done = unread.pop(0) if unread else None
            if done is not None:
                done.effected = True
            self.effect(place, event, done)
            return
        road = self._roads[event.link]
        ident = (event.conn, event.x)
        request = road.requests.get(ident) or road.severed.get(ident)
        if request is not None:
            request.effected = request.complete = True
            if request.severed:
                _came_late(request)
        self.effect(str((event.data or {}).get("resource", road.thing)), event, request)

    def effect(self, place: str, event: Seen, request: Request | None) -> None:
        """Give the effect to every queue that needs one at this place, or to that whose message is known to have made it."""
        owner = request.obligation if request is not None and not request.shared else None
        places = self._world.places.get(place, ())
        if owner is not None and len(places) > 1 and any(queue is owner.queue for queue, _ in places):
            places = [(queue, group) for queue, group in places if queue is owner.queue]
        for queue, group in places:
            obligation = queue.obligations[event.key]
            mine = request.deliveries if request is not None and request.obligation is obligation else ()
            delivery = mine[-1] if mine else obligation.last
            effect = Effect(event.n, event.t, delivery, len(mine) == 1 and not mine[0].end, request)
            if group == 0 and obligation.effects is None:
                obligation.effects = [effect]
            else:
                obligation.effected(group, effect)

    def answered(self, event: Seen) -> None:
        """Take an answer: written at the resource, or its last byte left for the service; also of SQS calls, far and near."""
        road = self._roads[event.link]
        ident = (event.conn, event.x)
        if event.at == "near":
            request = road.requests.pop(ident, None)
            if road.faults:
                self._bites.late(road, ident, event.t, request)
            if request is not None:
                self.end(request, event.status)
                request.over = event.t
            return
        request = road.requests.get(ident)
        if event.at == "far":
            self._receives.answered(event)
        if event.ok is False and event.key and request in (unread := self._unread.get((road.thing, event.key), [])):
            unread.remove(request)
        if request is not None:
            request.complete = True
            request.left = event.t
        elif road.faults and ident not in road.severed:
            road.pending[ident] = event.t

    def end(self, request: Request, status: int | None) -> None:
        """Close an attempt: the service has its answer."""
        request.answered = True
        request.status = status
        obligation = request.obligation
        if obligation is None:
            return
        if request.asks:
            if status is not None and (status < ERRORS or status == NOT_FOUND):
                obligation.in_doubt = False
        elif status is not None and status >= SERVER_ERRORS and request.effected:
            request.doubt()

    def cut(self, road: Road, connection: int, t: float) -> None:
        """Close what was not answered on a connection that is gone."""
        for ident in [one for one in road.requests if one[0] == connection]:
            request = road.requests.pop(ident)
            request.over = t
            if request.obligation is not None and not request.asks:
                request.severed = not request.copied
                request.obligation.unanswered |= request.severed
                road.sever(ident, request)
                if request.complete and not request.copied:
                    request.doubt()
            if road.faults and not request.copied:
                self._bites.cut(road, request.obligation)


def _came_late(request: Request) -> None:
    """Take note that the resource has all of a request after the service had lost the connection."""
    if not request.doubted:
        request.doubt()
