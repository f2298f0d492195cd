"""The part of the fold that takes sends: attempted, acknowledged, refused, returned. A send into a queue can be an effect too."""

from harness.history.attempts import Attempts
from harness.history.bites import Bites
from harness.history.journal import Seen
from harness.history.obligations import Obligation
from harness.history.world import Queue, Road, Send, World


class Sends:
    """Counts sends per obligation; recognises a consumer that hands its own message on."""

    def __init__(self, world: World, attempts: Attempts, bites: Bites) -> None:
        self._world = world
        self._attempts = attempts
        self._bites = bites

    def attempted(self, event: Seen) -> None:
        """Take a send that was begun."""
        queue = self._world.queues.get(event.queue)
        if queue is None or not event.key:
            return
        if event.at == "harness":
            self._by_harness(queue, event)
            return
        road = self._world.roads[event.link]
        ident = (event.conn, event.x, event.key)
        send = road.sends.get(ident)
        if send is None:
            send = self._begin(road, queue, event)
            road.await_confirm(ident, send)
            if event.at == "near" and event.conn in road.gone:
                self.cut(road, event.conn)
        if event.at != "near":
            self._reached(send, queue, event)

    def _reached(self, send: Send, queue: Queue, event: Seen) -> None:
        """Take a send that came to the broker: whether it was taken is another matter."""
        send.far = True
        if send.request is not None:
            send.request.complete = True
        if send.carrier is not None and queue.home is not None:
            send.carrier.hand_on("dead_letter_cycle" if queue.role == "retry" else "republished")
        elif send.obligation is not None:
            self._tried(send.obligation, event)

    def _begin(self, road: Road, queue: Queue, event: Seen) -> Send:
        send = Send()
        send.carrier = self._carrier(queue, event.key, road)
        if send.carrier is None and queue.home is not None:
            send.obligation = queue.home.obligations[event.key]
        if queue.name in self._world.places and event.at == "near":
            send.request = self._attempts.begin(road, event, asks=False)
        return send

    def _by_harness(self, queue: Queue, event: Seen) -> None:
        if queue.home is None:
            return
        obligation = queue.home.obligations[event.key]
        if event.data:
            if event.data.get("redriven"):
                obligation.hand_on("redriven")
                return
            obligation.ends = str(event.data.get("ends") or "effected")
        if event.wire == "told":
            obligation.told += 1
            obligation.sent_t = obligation.sent_t or event.t
        else:
            obligation.tries += 1
            obligation.sent_n, obligation.sent_t = event.n, event.t

    @staticmethod
    def _tried(obligation: Obligation, event: Seen) -> None:
        obligation.tries += 1
        obligation.sent_n, obligation.sent_t = event.n, event.t

    def _carrier(self, queue: Queue, key: str, road: Road) -> Obligation | None:
        """Return the obligation whose consumer sends it on: an equal key, while the service holds a delivery of it."""
        for source in road.instance.queues:
            home = source.home
            if home is None or (queue.home is not home and queue.role not in {"dead-letter", "parking"}):
                continue
            obligation = home.find(key)
            if obligation is not None and obligation.last is not None and obligation.opened():
                return obligation
        return None

    def acknowledged(self, event: Seen) -> None:
        """Take the broker's confirmation of a send."""
        queue = self._world.queues.get(event.queue)
        if queue is None or not event.key:
            return
        if event.at == "near":
            self._heard(event, 200)
            return
        send = None
        if event.at == "far":
            send = self._world.roads[event.link].sends.get((event.conn, event.x, event.key))
        fresh = queue.mids is None or _fresh(queue, event)
        if queue.home is not None and (send is None or send.carrier is None):
            self._accepted(queue.home.obligations[event.key], queue, event, fresh=fresh)
        if fresh and queue.name in self._world.places:
            request = send.request if send is not None else None
            if request is not None:
                request.complete = request.effected = True
            self._attempts.effect(queue.name, event, request)

    @staticmethod
    def _accepted(obligation: Obligation, queue: Queue, event: Seen, *, fresh: bool) -> None:
        obligation.acks += 1
        if obligation.tries < obligation.acks:  # without a key of its own a message is known by the id in the answer only
            obligation.tries = obligation.acks
            obligation.sent_n = event.n
        obligation.sent_t = event.t
        if fresh:
            obligation.copies += 1
            if obligation.acked is not None:
                obligation.queue.retire(obligation)
        elif queue.mids is not None and queue.mids[event.mid] != event.key:
            obligation.deduplicated = event.n

    def refused(self, event: Seen) -> None:
        """Take the definite failure of a send."""
        queue = self._world.queues.get(event.queue)
        if queue is None or not event.key:
            return
        if event.at == "near":
            self._heard(event, event.status)
        elif queue.home is not None:
            queue.home.obligations[event.key].refused += 1

    def _heard(self, event: Seen, status: int | None) -> None:
        """Close a send of which the service has heard."""
        road = self._world.roads[event.link]
        road.confirms = True
        send = road.sends.pop((event.conn, event.x, event.key), None)
        if send is not None and send.request is not None:
            self._attempts.end(send.request, status)

    def cut(self, road: Road, connection: int) -> None:
        """Leave in doubt for good what was not confirmed on a connection that is gone."""
        for ident in [one for one in road.sends if one[0] == connection]:
            send = road.sends.pop(ident)
            if send.request is not None and send.request.complete:
                send.request.doubt()
            if road.faults and (road.confirms or not send.far):  # a publisher without confirms awaits nothing that could be cut
                request = send.request.obligation if send.request is not None else None
                self._bites.cut(road, request or send.carrier or send.obligation)

    def returned(self, event: Seen) -> None:
        """Take a message that the broker had no queue for: it belongs where its sender was told to send it."""
        queue = self._world.queues.get(event.queue)
        if queue is not None and queue.home is not None and event.key:
            queue.home.obligations[event.key].returned += 1
            return
        for other in self._world.queues.values():
            obligation = other.find(event.key)
            if obligation is not None and obligation.told and not obligation.tries:
                obligation.returned += 1
                obligation.sent_n, obligation.sent_t = event.n, event.t
                return


def _fresh(queue: Queue, event: Seen) -> bool:
    """Tell whether the queue took this message as a new one; a FIFO queue answers a duplicate with the earlier MessageId."""
    if queue.mids is None or not event.mid:
        return True
    if event.mid in queue.mids:
        return False
    queue.mids[event.mid] = event.key
    return True
