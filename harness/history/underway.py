"""What is under way on one connection, in one direction: whatever a byte-level fault does to its bytes, it does to these."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from harness.history.obligations import Delivery, Obligation, Request

if TYPE_CHECKING:
    from harness.history.world import Road, Send


class UnderWay(NamedTuple):
    """One request, send, delivery or settlement that has left and not arrived, and the message it is about."""

    what: "Request | Delivery | Send"
    obligation: Obligation | None


def under_way(road: "Road", conn: int, side: str) -> Iterator[UnderWay]:
    """Yield what has left in this direction of a connection (request, answer) and has not arrived."""
    if side == "request":
        yield from _to_the_other_side(road, conn)
    else:
        yield from _to_the_service(road, conn)


def _to_the_other_side(road: "Road", conn: int) -> Iterator[UnderWay]:
    for ident, request in road.requests.items():
        if ident[0] == conn and not request.complete:
            yield UnderWay(request, request.obligation)
    for place, send in road.sends.items():
        if place[0] == conn and not send.far:
            yield UnderWay(send, send.about)
    for place, delivery in road.settles.items():
        if place[0] == conn and not delivery.word_far:
            yield UnderWay(delivery, delivery.obligation)


def _to_the_service(road: "Road", conn: int) -> Iterator[UnderWay]:
    for ident, request in road.requests.items():
        if ident[0] == conn and request.complete:  # a resource answers before it says so
            yield UnderWay(request, request.obligation)
    for place, send in road.sends.items():
        if place[0] == conn and send.far and road.confirms:  # else nobody waits for a confirmation
            yield UnderWay(send, send.about)
    for place, delivery in road.settles.items():
        if place[0] == conn and delivery.word_far:
            yield UnderWay(delivery, delivery.obligation)
    yield from _handed_out(road, conn)


def _handed_out(road: "Road", conn: int) -> Iterator[UnderWay]:
    for place, delivery in road.coming.items():
        if place[0] == conn:
            yield UnderWay(delivery, delivery.obligation)
    connection = road.connections.get(conn)
    for delivery in connection.tags.values() if connection is not None else ():
        if not delivery.near_n and not delivery.end:
            yield UnderWay(delivery, delivery.obligation)


def held_by(roads: "list[Road]") -> Iterator[UnderWay]:
    """Yield what a service waits for and what it holds: its requests, and the deliveries that came to it."""
    for road in roads:
        for request in road.requests.values():
            yield UnderWay(request, request.obligation)
        for connection in road.connections.values():
            for delivery in connection.tags.values():
                if delivery.near_n and not delivery.end:
                    yield UnderWay(delivery, delivery.obligation)
