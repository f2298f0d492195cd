"""What byte-level faults and pauses did, counted: a `bit` event names a connection, here are the messages on it.

By kind: bandwidth, sliced: what came late or in pieces; timeout: what left and never arrived; half_open: the same, and each
connection that swallowed anything at all; slow_close: each end that was noticed late; pause: what its victim held or waited for.
"""

from harness.history.intervals import Interval
from harness.history.journal import Seen
from harness.history.obligations import Delivery
from harness.history.underway import UnderWay, held_by, under_way
from harness.history.world import World

WEATHER = frozenset({"bandwidth", "sliced", "timeout", "half_open", "slow_close"})
SURVIVED = frozenset({"bandwidth", "sliced", "pause"})
"""Faults that let everything through in the end: to have come through is the case they make."""


class Weather:
    """Counts each thing that was under way once for each fault."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.pauses: list[Interval] = []
        self._counted: dict[str, set[object]] = {}

    def bit(self, interval: Interval, event: Seen) -> None:
        """Take note of bytes that a fault did something to."""
        road = self._world.roads[event.link]
        side = str((event.data or {}).get("side", ""))
        found = list(under_way(road, event.conn, side))
        for one in found:
            self._bite(interval, one, event.n)
        if interval.name == "slow_close":
            interval.bites += 1
        elif interval.name == "half_open":
            self._swallowed(interval, event, anything=bool(found))

    def _swallowed(self, interval: Interval, event: Seen, *, anything: bool) -> None:
        """Count a connection on which bytes were swallowed, as long as no message or request is known that they belong to."""
        connection = (event.link, event.conn)
        if self._is_new(interval, connection):
            interval.bites += not anything
            interval.held += not anything
        elif anything and interval.held:
            interval.bites -= 1
            interval.held -= 1

    def fault(self, interval: Interval, event: Seen) -> None:
        """Take note that a pause begins or ends."""
        if event.how not in {"began", "ended"}:
            return
        self.pauses = [one for one in self.pauses if one is not interval]
        if event.how == "began":
            self.pauses.append(interval)
        for one in held_by(self._world.service(interval.victim).roads):
            self._bite(interval, one, event.n)

    def delivered(self, delivery: Delivery) -> None:
        """Take note of a message that came to a service, which may stand still."""
        for interval in self.pauses:
            if interval.victim == delivery.service:
                self._bite(interval, UnderWay(delivery, delivery.obligation), delivery.near_n)

    def _bite(self, interval: Interval, one: UnderWay, n: int) -> None:
        if not self._is_new(interval, one.what):
            return
        interval.bites += 1
        if one.obligation is not None:
            one.obligation.bitten, one.obligation.bit_n = True, n
            one.obligation.retried |= interval.name in SURVIVED

    def _is_new(self, interval: Interval, thing: object) -> bool:
        counted = self._counted.setdefault(interval.ident, set())
        if thing in counted:
            return False
        counted.add(thing)
        return True
