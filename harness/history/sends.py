"""The part of the fold that takes sends: attempted, acknowledged, refused, returned. A send into a queue can be an effect too."""

import msgspec

from harness.history.attempts import Attempts
from harness.history.bites import Bites
from harness.history.emulator import Emulator
from harness.history.journal import Seen
from harness.history.obligations import Obligation, Request
from harness.history.routes import Goal
from harness.history.world import Part, Queue, Road, Send, World


class Sends:
    """Counts sends per obligation; recognises a consumer that hands its own message on."""

    def __init__(self, world: World, attempts: Attempts, bites: Bites, emulator: Emulator) -> None:
        self._world = world
        self._emulator = emulator
        self._attempts = attempts
        self._bites = bites

    def attempted(self, event: Seen) -> None:
        """Take a send that was begun."""
        queue = self._world.queues.get(event.queue)
        if not event.key:
            return
        if event.at == "harness":
            if queue is not None:
                self._by_harness(queue, event)
        elif queue is not None:
            self._by_service([queue], event)
        elif not event.queue:
            self._through_exchange(event)
        elif event.at == "far":
            self._astray(event)

    def _through_exchange(self, event: Seen) -> None:
        """Take a send to an exchange: it goes to the queues that are bound for it; who sends it astray is told by its key."""
        goal = self._goal(event)
        queues = [self._world.queues[name] for name in goal.queues if name in self._world.queues]
        if queues:
            self._by_service(queues, event)
        elif goal.sure and not goal.queues and event.at == "far":
            self._astray(event)

    def _goal(self, event: Seen) -> Goal:
        data = event.data or {}
        headers = msgspec.json.decode(event.headers) or {}
        return self._world.routes.goal(str(data.get("exchange", "")), str(data.get("routing_key", "")), headers)

    def _by_service(self, queues: list[Queue], event: Seen) -> None:
        road = self._world.roads[event.link]
        ident = _ident(event)
        send = road.sends.get(ident)
        if send is None:
            send = self._begin(road, queues, event)
            road.await_confirm(ident, send)
            if event.at == "near" and event.conn in road.gone:
                self.cut(road, event.conn)
            if event.at == "far":
                self._bites.renamed(queues, event)
        if event.at != "near":
            self._reached(send, event)

    def _reached(self, send: Send, event: Seen) -> None:
        """Take a send that came to the broker: whether it was taken is another matter."""
        send.far = True
        if send.request is not None:
            send.request.complete = True
        for part in send.parts:
            if part.queue.mids is not None:
                self._emulator.attempted(part.queue, event)
            if send.copied:
                if not part.queue.sqs:  # SQS says whether it took it as new
                    _copied(part)
            elif part.carrier is not None:
                _handed_on(part.carrier, part.queue)
            elif part.obligation is not None:
                self._tried(part.obligation, event)
                part.obligation.sender = self._world.roads[event.link].call(event.conn)
                _grouped(part.obligation, event, anew=False)

    def _begin(self, road: Road, queues: list[Queue], event: Seen) -> Send:
        send = Send(copied=bool(event.fault))
        for queue in queues:
            carrier = self._carrier(queue, event.key, road)
            obligation = queue.home.obligations[event.key] if carrier is None and queue.home is not None else None
            send.parts.append(Part(queue, carrier, obligation))
            if obligation is not None and obligation.bitten and not send.copied:
                obligation.retried = True
        if (event.at == "near" or send.copied) and any(queue.name in self._world.places for queue in queues):
            send.request = self._again(road, event) if send.copied else self._attempts.begin(road, event, asks=False)
        return send

    @staticmethod
    def _again(road: Road, event: Seen) -> Request | None:
        """Return the request that a fault made by sending once more what a service had sent."""
        for (conn, _, key), send in reversed(road.sends.items()):
            if (conn, key) == (event.conn, event.key) and send.request is not None:
                return send.request.again(event.n, event.t)
        return None

    def _by_harness(self, queue: Queue, event: Seen) -> None:
        if queue.home is None:
            return
        obligation = queue.home.obligations[event.key]
        if event.data:
            if event.data.get("redriven"):
                obligation.hand_on("redriven")
                return
            obligation.ends = str(event.data.get("ends") or "effected")
            _grouped(obligation, event, anew=True)
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
        """Return the obligation whose consumer sends it on: an equal key, while the service holds a delivery of it.

        Into a retry queue it may be sent on after it was acknowledged, too: who acknowledges early does it so. A retry queue that
        gives nothing back, because who fills it takes from it as well, is from then on a queue of what is sent on.
        """
        for source in road.instance.queues:
            home = source.home
            if home is None or not _goes_on(home, queue):
                continue
            obligation = home.find(key)
            if obligation is not None and obligation.far and (queue.role == "retry" or obligation.opened()):
                queue.home = home if queue.role == "retry" else queue.home
                return obligation
        return None

    def acknowledged(self, event: Seen) -> None:
        """Take the broker's confirmation of a send."""
        if not event.key:
            return
        if event.at == "near":
            self._heard(event, 200)
            return
        queue = self._world.queues.get(event.queue)
        if event.at == "far":
            send = self._world.roads[event.link].sends.get(_ident(event))
            if send is not None:
                self._taken(send, event)
                return
        if queue is not None:
            fresh = queue.mids is None or _fresh(queue, event)
            if queue.home is not None:
                self._accepted(queue.home.obligations[event.key], queue, event, fresh=fresh)
            if fresh and queue.name in self._world.places:
                self._attempts.effect(queue.name, event, None)

    def _taken(self, send: Send, event: Seen) -> None:
        """Take the confirmation of a send that was seen."""
        for part in send.parts:
            queue, fresh = part.queue, _fresh(part.queue, event)
            if queue.mids is not None:
                self._emulator.acknowledged(event)
            if send.copied:
                if queue.sqs and fresh:
                    _copied(part)
            elif queue.home is not None and part.carrier is None:
                self._accepted(queue.home.obligations[event.key], queue, event, fresh=fresh)
            if fresh and queue.name in self._world.places:
                if send.request is not None:
                    send.request.complete = send.request.effected = True
                self._attempts.effect(queue.name, event, send.request)

    @staticmethod
    def _accepted(obligation: Obligation, queue: Queue, event: Seen, *, fresh: bool) -> None:
        obligation.acks += 1
        obligation.accepted_n = obligation.accepted_n or event.n
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
        if not event.key:
            return
        if event.at == "near":
            self._heard(event, event.status)
            return
        queue = self._world.queues.get(event.queue)
        queues = [queue] if queue is not None else []
        if event.at == "far" and not event.queue:
            send = self._world.roads[event.link].sends.get((event.conn, event.x, event.key))
            queues = [part.queue for part in send.parts] if send is not None else []
        for one in queues:
            if one.home is not None:
                one.home.obligations[event.key].refused += 1

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
            # a publisher without confirms awaits nothing that could be cut, and nobody awaits a copy
            if road.faults and not send.copied and (road.confirms or not send.far):
                self._bites.cut(road, send.about)

    def returned(self, event: Seen) -> None:
        """Take a message that the broker had no queue for: it belongs where its sender was told to send it."""
        queue = self._world.queues.get(event.queue)
        if queue is not None and queue.home is not None and event.key:
            queue.home.obligations[event.key].returned += 1
            return
        self._astray(event)

    def _astray(self, event: Seen) -> None:
        """Take note that a message went nowhere that should have gone where its sender was told."""
        for other in self._world.queues.values():
            obligation = other.find(event.key)
            if obligation is not None and obligation.told and not obligation.tries:
                obligation.returned += 1
                obligation.sent_n, obligation.sent_t = event.n, event.t
                return


def _ident(event: Seen) -> tuple[int, int, str]:
    """Return what names a send on its link; the far tap gives copies that a fault made the number of what they are copies of."""
    return event.conn, -event.x if event.fault and event.at == "far" else event.x, event.key


def _grouped(obligation: Obligation, event: Seen, *, anew: bool) -> None:
    """Take note of a message's group; who declared how it is found in the body knows it better than the wire."""
    data, queue = event.data or {}, obligation.queue
    group, belongs = data.get("group"), data.get("belongs")
    if isinstance(group, str):
        queue.groups[obligation.key] = group if anew else queue.groups.get(obligation.key, group)
    if isinstance(belongs, str):
        queue.belongs[obligation.key] = belongs


def _goes_on(home: Queue, queue: Queue) -> bool:
    """Tell whether what is sent to this queue may be a message of the other one, its home, that its consumer sends on."""
    if queue.role == "retry" and queue.home is queue:
        return home is not queue
    return queue.home is home or queue.role in {"dead-letter", "parking"}


def _handed_on(carrier: Obligation, queue: Queue) -> None:
    """Take note that its consumer sent a message on: to be delivered again, or aside."""
    if queue.home is None:
        carrier.aside = queue.name
    else:
        carrier.hand_on("dead_letter_cycle" if queue.role == "retry" and queue.declaration.dead_letter else "republished")


def _copied(part: Part) -> None:
    """Take note that the queue has one message more, by a fault."""
    owner = part.carrier or part.obligation
    if owner is not None:
        owner.hand_on("injected")
        owner.retried = True  # that there are two is the case the fault makes


def _fresh(queue: Queue, event: Seen) -> bool:
    """Tell whether the queue took this message as a new one; a FIFO queue answers a duplicate with the earlier MessageId."""
    if queue.mids is None or not event.mid:
        return True
    if event.mid in queue.mids:
        return False
    queue.mids[event.mid] = event.key
    return True
