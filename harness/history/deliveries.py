"""The part of the fold that takes deliveries and settlements: what was handed out, who let go of it how, and when it came back.

On SQS a receipt is good on any connection, and a delivery ends by delete, visibility or its deadline. On AMQP it ends with its
settlement, its channel or its connection. A settlement counts when it passed the far tap; on SQS when the broker's answer did.
"""

from harness.history.bites import Bites
from harness.history.causes import cause_of
from harness.history.deadlines import tick
from harness.history.journal import Seen
from harness.history.obligations import DONE, KEPT_DELIVERIES, Delivery, Obligation
from harness.history.receives import Receives
from harness.history.world import Connection, Queue, Road, World

NOT_FOUND = 404
PRECONDITION_FAILED = 406


class Deliveries:
    """Follows every delivery from hand-out to end."""

    def __init__(self, world: World, bites: Bites, receives: Receives) -> None:
        self._world = world
        self._receives = receives
        self._queues, self._roads = world.queues, world.roads
        self._bites = bites
        self._tick = tick(world.speed)

    def delivered(self, event: Seen) -> None:
        """Take a message that was handed out (far), or reached its service (near)."""
        queue = self._queues.get(event.queue)
        if queue is None or queue.home is None or not event.key:
            return
        road = self._roads[event.link]
        connection = road.connections[0 if queue.sqs else event.conn]
        if event.at == "far":
            if road.name not in queue.links:
                road.consumes(queue)
            self._handed_out(queue.home.obligations[event.key], queue, road, connection, event)
            return
        delivery = connection.tags.get(event.tag)
        if delivery is None or delivery.near_n:
            delivery = self._injected(queue.home.obligations[event.key], road, connection, event)
        self._came(delivery, road, event)

    def _handed_out(self, obligation: Obligation, queue: Queue, road: Road, connection: Connection, event: Seen) -> None:
        delivery = Delivery(obligation, queue, connection, road.service, event.tag, event.mid, event.n, event.t)
        if queue.sqs:
            self._deadline(delivery, event)
        if obligation.deliveries:
            self._expire(obligation, delivery)
        if obligation.far:  # a further delivery
            delivery.cause = cause_of(obligation, delivery, self._world.services, redelivered=event.redelivered)
            obligation.explain(delivery.cause)
            obligation.firsts += delivery.cause == "producer"
        else:
            obligation.firsts += 1
        obligation.far += 1
        if len(obligation.deliveries) >= KEPT_DELIVERIES:
            _forget(obligation.deliveries.pop(1))
        obligation.handed_out(delivery)
        if connection.closed_n and not queue.sqs:  # it was under way as its consumer hung up: RabbitMQ takes it back
            delivery.end, delivery.end_n, delivery.end_t = "connection_lost", event.n, event.t
        else:
            connection.tags[event.tag] = delivery
        if obligation.bitten or road.name in self._bites.calls:
            obligation.retried = True
        if road.faults and queue.sqs:
            self._bites.received(obligation, event)
            self._under_way(road, delivery, event)

    def _under_way(self, road: Road, delivery: Delivery, event: Seen) -> None:
        """Follow what SQS handed out on its way: with its connection it is lost. On AMQP a connection holds its deliveries."""
        if event.conn in road.gone:
            self._bites.cut(road, delivery.obligation)
        else:
            road.coming[event.conn, event.tag] = delivery

    def _deadline(self, delivery: Delivery, event: Seen) -> None:
        """Set when it is alive for sure (until lo) and expired for sure (after hi); the clock began when the broker answered."""
        asked = (event.data or {}).get("visibility")
        timeout = asked if isinstance(asked, (int, float)) else delivery.queue.declaration.visibility_timeout or 0.0
        previous = delivery.obligation.last
        earliest = max(delivery.obligation.sent_t, previous.far_t if previous is not None else 0.0)
        requested = (event.data or {}).get("requested")
        earliest = max(earliest, requested if isinstance(requested, (int, float)) else self._receives.since(event))
        delivery.timeout, delivery.batch = timeout, self._roads[event.link].call(event.conn, event.x)
        delivery.lo = min(earliest, event.t) + timeout
        delivery.hi = event.t + timeout + self._tick

    def _injected(self, obligation: Obligation, road: Road, connection: Connection, event: Seen) -> Delivery:
        """Make the delivery that only the service saw: our own duplicate. On SQS it has the receipt of its original."""
        delivery = Delivery(obligation, self._queues[event.queue], connection, road.service, event.tag, event.mid)
        delivery.cause = "injected"
        delivery.far_t = event.t
        obligation.injected += 1
        obligation.explain("injected")
        obligation.retried = obligation.retried or obligation.bitten
        if len(obligation.deliveries) >= KEPT_DELIVERIES:
            _forget(obligation.deliveries.pop(1))
        obligation.deliveries.append(delivery)
        original = connection.tags.setdefault(event.tag, delivery)
        if original is not delivery:
            delivery.lo, delivery.hi = original.lo, original.hi
        return delivery

    def _came(self, delivery: Delivery, road: Road, event: Seen) -> None:
        obligation = delivery.obligation
        delivery.near_n, delivery.near_t = event.n, event.t
        obligation.near += 1
        if delivery.word_far == "no_ack":
            delivery.connection.tags.pop(delivery.tag, None)
        if self._bites.altered:
            self._bites.delivered(obligation)
        if self._bites.weather.pauses:
            self._bites.weather.delivered(delivery)
        if road.faults:
            road.coming.pop((event.conn, event.tag), None)
            self._bites.held(road, delivery.far_t, event.t, obligation)

    def _expire(self, obligation: Obligation, delivery: Delivery) -> None:
        """End what is over now that the message was handed out again: expired, or let go of with a pause (visibility above 0)."""
        for one in obligation.deliveries:
            if one.end or not one.queue.sqs or one.lo > delivery.far_t:
                continue
            _tried(one)
            one.end = "released" if one.let_go_with_pause else "expiry"
            one.end_n, one.end_t = delivery.far_n, min(one.hi, delivery.far_t)
            if one.end == "expiry" and self._world.faults:
                self._bites.expired(one, one.end_t)

    def closing(self, t: float) -> None:
        """Look at what expired and was never handed out again: SQS puts it into its dead-letter queue without a word."""
        for queue in self._world.judged():
            for obligation in queue.obligations.values():
                for one in obligation.opened():
                    if one.queue.sqs and one.lo <= t and not one.let_go_with_pause:
                        self._bites.expired(one, one.lo)

    def settled(self, event: Seen) -> None:
        """Take the consumer's word as it passed a tap."""
        road = self._roads[event.link]
        delivery = road.connections[event.conn].tags.get(event.tag) or road.connections[0].tags.get(event.tag)
        if delivery is None or event.how == "cancel":
            return
        if event.at == "near":
            self._said(road, delivery, event)
            return
        delivery.word_far = event.how
        delivery.delay = event.delay or 0.0
        if not delivery.queue.sqs:  # nothing is answered to it: it came through
            if road.settles:
                road.settles.pop((event.conn, event.x, event.tag), None)
            self._processed(delivery, event)

    def _said(self, road: Road, delivery: Delivery, event: Seen) -> None:
        """Take the word as its service gave it; one with a fault's name on it is a copy."""
        if event.fault:
            return
        delivery.word, delivery.word_n, delivery.word_t = event.how, event.n, event.t
        if not delivery.requests and event.how != "visibility":
            _tried(delivery)
        if delivery.cause == "injected" and not delivery.queue.sqs:  # nobody else hears of it
            delivery.end, delivery.end_n, delivery.end_t = event.how, event.n, event.t
        if road.faults:
            self._let_go(road, delivery, event)
        if self._bites.outages:
            self._bites.settled(delivery, event.t)

    def _let_go(self, road: Road, delivery: Delivery, event: Seen) -> None:
        """Follow a settlement on its way; what is written to a connection that is gone, gets nowhere."""
        if delivery.obligation.bitten and event.n > delivery.obligation.bit_n:
            delivery.obligation.retried = True
        if event.conn in road.gone:
            self._bites.cut(road, delivery.obligation)
        else:
            road.settles[event.conn, event.x, event.tag] = delivery

    def confirmed(self, event: Seen) -> None:
        """SQS answered a settlement; what it says of a receipt that has expired counts for nothing."""
        road = self._world.roads[event.link]
        delivery = _find(road, event)
        if event.at == "near":
            road.settles.pop((event.conn, event.x, event.tag), None)
            return
        if delivery is None:
            return
        delivery.confirmed = event.ok is not False
        delivery.stale = event.t > delivery.hi or delivery.obligation.last is not delivery
        if delivery.confirmed and not (delivery.stale and delivery.word_far == "visibility"):
            self._processed(delivery, event)

    def _processed(self, delivery: Delivery, event: Seen) -> None:
        """End the delivery as the broker has been told."""
        obligation, how = delivery.obligation, delivery.word_far
        if how in DONE:
            self._done(obligation, delivery, event)
            return
        if how == "visibility":
            if delivery.delay > 0:  # a heartbeat, or a retry after a pause: told apart when something else happens
                delivery.lo, delivery.hi = event.t + delivery.delay, event.t + delivery.delay + self._tick
                delivery.end, delivery.timeout = "", delivery.delay
                return
            how = "requeue"
        if how == "reject":
            self._rejected(obligation, delivery, event)
        delivery.end = delivery.end if how == "reject" and delivery.end else how
        self._over(delivery, event.n, event.t)

    def _rejected(self, obligation: Obligation, delivery: Delivery, event: Seen) -> None:
        target = self._world.queues.get(delivery.queue.declaration.dead_letter or "")
        if target is not None and target.home is not None and target.home is obligation.queue:
            obligation.hand_on("dead_letter_cycle")
            delivery.end = "dead_letter_cycle"
            return
        obligation.rejected = (event.n, event.t)
        obligation.ack_connection = delivery.connection

    def _done(self, obligation: Obligation, delivery: Delivery, event: Seen) -> None:
        """Take note of the acknowledgement; where all is well, the detail is dropped."""
        if not delivery.stale:
            obligation.acked = (event.n, event.t)
            obligation.ack_connection = delivery.connection
        delivery.end = "ack"
        self._over(delivery, event.n, event.t)
        if obligation.far == 1 and obligation.acks == 1 and not delivery.stale:
            obligation.queue.retire(obligation)

    @staticmethod
    def _over(delivery: Delivery, n: int, t: float) -> None:
        delivery.end_n, delivery.end_t = n, t
        if delivery.word_far != "no_ack" and (not delivery.queue.sqs or delivery.confirmed):
            delivery.connection.tags.pop(delivery.tag, None)

    def closed(self, road: Road, event: Seen) -> None:
        """Give back what was open on a connection, or a channel of it, that is gone."""
        channel = (event.data or {}).get("channel")
        connection = road.connections[event.conn] if event.at == "far" else road.connections.get(event.conn)
        if connection is not None:
            if channel is None and not connection.closed_n:
                connection.closed_n, connection.closed_t = event.n, event.t
            why = _why_closed(event, channel)
            prefix = "" if channel is None else f"{channel}:"
            for delivery in [one for tag, one in connection.tags.items() if tag.startswith(prefix)]:
                self._lost(road, delivery, why, event)

    def cut(self, road: Road, connection: int) -> None:
        """Count the settlements, and what SQS had handed out, that were under way on a connection that is gone."""
        for settle in [one for one in road.settles if one[0] == connection]:
            self._bites.cut(road, road.settles.pop(settle).obligation)
        for handed_out in [one for one in road.coming if one[0] == connection]:
            self._bites.cut(road, road.coming.pop(handed_out).obligation)

    def _lost(self, road: Road, delivery: Delivery, why: str, event: Seen) -> None:
        if delivery.end:
            return
        delivery.end = why
        _tried(delivery)
        self._over(delivery, event.n, event.t)
        if road.faults:
            self._bites.cut(road, delivery.obligation)


def _why_closed(event: Seen, channel: object) -> str:
    if channel is None:
        return "connection_lost"
    timed_out = event.status == PRECONDITION_FAILED and "unknown delivery tag" not in str((event.data or {}).get("text", ""))
    return "consumer_timeout" if timed_out else "channel_closed"


def _tried(delivery: Delivery) -> None:
    """Count a delivery without a request as an attempt by itself: what was refused is unseen."""
    if delivery.near_n and not delivery.requests and not delivery.counted and delivery.cause != "injected":
        delivery.counted = True
        delivery.obligation.attempted(delivery.near_n, delivery.near_t)


def _forget(delivery: Delivery) -> None:
    delivery.connection.tags.pop(delivery.tag, None)


def _find(road: Road, event: Seen) -> Delivery | None:
    """Return the delivery of this tag: on SQS on any connection, which is kept as connection 0."""
    delivery = road.connections[event.conn].tags.get(event.tag)
    return road.connections[0].tags.get(event.tag) if delivery is None else delivery
