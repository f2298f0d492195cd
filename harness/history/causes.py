"""Why a message was delivered again, and in what kind of failure a delivery ended: closed lists, from what both taps saw.

A cause is a word of `CAUSES`; `unexplained` means that the journal has no reason for the delivery. A class is transient (to try
again may help), in doubt (the change may have been made), permanent, configuration, or empty where nothing is known.
"""

from harness.history.intervals import Interval
from harness.history.obligations import Delivery, Obligation
from harness.history.world import Instance

CAUSES = (
    "requeue", "released", "expiry_held", "expiry_slow", "expiry_crashed",
    "connection_lost", "channel_closed", "consumer_timeout", "service_exit",
    "ack_lost", "ack_in_doubt", "receive_lost", "injected",
    "dead_letter_cycle", "redriven", "republished", "producer", "broker", "unexplained",
)  # fmt: skip
TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
CONFIGURATION = frozenset({401, 403})
PERMANENT = frozenset({400, 404, 405, 409, 410, 413, 415, 422})
ERRORS = 400
SETTLES = frozenset({"ack", "reject"})
JUST_BEFORE = 0.25
"""Real seconds. A kernel closes a dying process's connections before its exit can be seen: exits so much later explain them."""


def cause_of(obligation: Obligation, delivery: Delivery, services: dict[str, Instance], *, redelivered: bool) -> str:
    """Say why this delivery was made; the empty string for the first of a message."""
    previous = obligation.last
    if previous is None and obligation.acked is None:
        return ""
    if _another_copy(obligation, delivery, redelivered=redelivered):
        return _why_another(obligation)
    if previous is None:
        connection = obligation.ack_connection
        return "ack_in_doubt" if connection is not None and connection.closed_n else "broker"
    if previous.queue.sqs:
        return _on_sqs(previous, delivery, services)
    return _on_amqp(previous, services)


def _another_copy(obligation: Obligation, delivery: Delivery, *, redelivered: bool) -> bool:
    """Tell whether this is another message with the same key; SQS names each, AMQP only marks redeliveries."""
    previous = obligation.last
    if delivery.queue.sqs and delivery.mid and previous is not None:
        return all(one.mid != delivery.mid for one in obligation.deliveries)
    if redelivered:
        return False
    return bool(obligation.pending) or obligation.firsts < obligation.acks + obligation.in_doubt_sends


def _why_another(obligation: Obligation) -> str:
    return obligation.pending.pop(0) if obligation.pending else "producer"


def _on_sqs(previous: Delivery, delivery: Delivery, services: dict[str, Instance]) -> str:
    if previous.end in {"requeue", "released"}:
        return previous.end
    if not previous.near_n:
        return "receive_lost"
    why = _of_deletes(previous) if previous.word == "delete" else ""
    return why or (_expiry(previous, services) if delivery.far_t >= previous.lo else "unexplained")


def _of_deletes(previous: Delivery) -> str:
    """Say why a message came back that its consumer had deleted; empty where the delete came too late or was refused."""
    if not previous.word_far:
        return "ack_lost"
    if previous.confirmed is None:
        return "ack_in_doubt"
    return "broker" if previous.confirmed and not previous.stale else ""


def _expiry(previous: Delivery, services: dict[str, Instance]) -> str:
    if exited_within(services.get(previous.service), previous.far_t, previous.hi):
        return "expiry_crashed"
    return "expiry_slow" if previous.requests else "expiry_held"


def _on_amqp(previous: Delivery, services: dict[str, Instance]) -> str:
    if previous.end in {"requeue", "dead_letter_cycle"}:
        return previous.end
    if previous.end == "ack":
        return "ack_in_doubt" if previous.connection.closed_n else "broker"
    if previous.end in {"", "reject"}:
        return "unexplained"
    return _of_lost_connections(previous, services)


def _of_lost_connections(previous: Delivery, services: dict[str, Instance]) -> str:
    """Say why the broker took a message back from a consumer: what it had said, whether it had the message, whether it lived."""
    if previous.word in SETTLES and not previous.word_far:
        return "ack_lost"
    if not previous.near_n:
        return "receive_lost"
    service = services.get(previous.service)
    late = JUST_BEFORE * (1.0 if service is None else service.speed)
    exited = exited_within(service, previous.far_t, previous.end_t + late)
    return "service_exit" if exited else previous.end


def exited_within(service: Instance | None, since: float, until: float) -> bool:
    """Tell whether the service exited in this time."""
    return service is not None and any(since <= t <= until for _, t, _, _ in service.exits)


def failure_class(delivery: Delivery | None, outages: list[Interval]) -> str:
    """Name the kind of failure in which this delivery ended.

    `outages` are those of the links between its service and what it acts on.
    """
    if delivery is None:
        return ""
    return "in_doubt" if delivery.obligation.in_doubt else attempt_class(delivery, outages)


def attempt_class(delivery: Delivery, outages: list[Interval]) -> str:
    """Name the kind of failure of this delivery's own attempt, whatever an earlier one left in doubt."""
    request = delivery.request
    if request is not None:
        if not request.answered:
            return "in_doubt" if request.complete or request.effected else "transient"
        return by_status(request.status)
    return "transient" if any(in_outage(delivery, outage) for outage in outages) else ""


def by_status(status: int | None) -> str:
    """Name the kind of failure that an HTTP status stands for; empty for success."""
    if status is None or status < ERRORS:
        return ""
    if status in TRANSIENT:
        return "transient"
    if status in CONFIGURATION:
        return "configuration"
    return "permanent"


def in_outage(delivery: Delivery, outage: Interval) -> bool:
    """Tell whether some of the delivery's work lay in the outage."""
    if outage.began is None or not delivery.near_n:
        return False
    end = delivery.end_t if delivery.end else delivery.word_t or float("inf")
    return delivery.near_t <= (float("inf") if outage.ended is None else outage.ended) and end >= outage.began
