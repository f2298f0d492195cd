"""What is still under way in a world, as a fold over its events: the basis of drain, not of any verdict.

Empty polls, heartbeats and metadata calls are not traffic. A redelivery that leads to no effect is traffic, but no progress:
a world in which nothing else happens any more is steady, not busy.
"""

from collections.abc import Mapping
from typing import NamedTuple

from harness.history.events import Event

PROGRESS = frozenset(
    {
        "attempted",
        "acknowledged",
        "effected",
        "exited",
        "started",
        "ready",
        "subscribed",
        "noticed",
        "fault",
        "returned",
        "refused",
    }
)
TRAFFIC = PROGRESS | {"delivered", "settled", "confirmed", "requested", "answered", "opened", "closed", "moved", "bit"}
REDELIVERIES = 3
"""How often every message that still moves must have been delivered again, over as many periods, before a world is steady."""

DELIVERING = frozenset({"Basic.Deliver", "Basic.GetOk"})
COPY = -1
"""The connection under which copies, and what comes late, of SQS are kept; other deliveries are on 0, good on any."""

SETTLING = 1.0
"""Seconds in which a settlement comes to RabbitMQ, if it does."""

AGAIN = 5
"""How many times as long as its first start a service that was started again is waited for."""

NOT_TRAFFIC = frozenset({"ReceiveMessage", "GetQueueAttributes", "GetQueueUrl", "ListQueues"})


class Pattern:
    """How often, and how regularly, one obligation has been delivered since the world last made progress."""

    __slots__ = ("count", "first", "last", "longest")

    def __init__(self, t: float) -> None:
        self.count = 1
        self.first = self.last = t
        self.longest = 0.0

    def again(self, t: float) -> None:
        """Count one more delivery at `t`."""
        self.count += 1
        self.longest = max(self.longest, t - self.last)
        self.last = t


class Open(NamedTuple):
    """A delivery that is not settled, and until when it is waited for."""

    deadline: float
    queue: str
    key: str


class Progress:
    """Open deliveries and requests, and who is only delivered again; `step` takes one event after the other."""

    def __init__(self) -> None:
        self.t = 0.0
        self.last_traffic = 0.0
        self.last_progress = 0.0
        self.open: dict[tuple[str, int, str], Open] = {}
        self.stopped: dict[tuple[str, int, str], Open] = {}
        """Deliveries of RabbitMQ that a fault took, or holds, on their way."""
        self.faults: dict[str, str] = {}
        self.requests: dict[tuple[str, int, int], float] = {}
        self.effected: set[str] = set()
        self.expected: set[str] = set()
        self.ended: set[str] = set()
        self.visibility: dict[str, float] = {}
        self.effects: set[str] = set()
        """The queues and resources in which messages have their effects."""
        self.limits: dict[str, int] = {}
        """How many deliveries RabbitMQ counts before it takes a message out of its queue, where it does."""
        self.patterns: dict[tuple[str, str], Pattern] = {}
        self.subscribed: dict[str, float] = {}
        self.polled: set[str] = set()
        self.consumed: set[tuple[str, str]] = set()
        self.seen: set[tuple[str, str]] = set()
        self.closed: set[tuple[str, int]] = set()
        self.starting: dict[str, float] = {}
        self.took: dict[str, float] = {}
        """Seconds from the start of a service until it took messages, the longest."""

    def step(self, event: Event) -> None:
        """Take one event into account; events come in the order of `n`."""
        self.t = max(self.t, event.t)
        if event.kind in TRAFFIC and not self._is_idle(event):
            self.last_traffic = event.t
            if event.kind in PROGRESS:
                self._progressed(event.t)
        take = getattr(self, f"_{event.kind}", None)
        if take is not None:
            take(event)

    def _is_idle(self, event: Event) -> bool:
        """Tell whether this also happens where nothing is left to do.

        That are empty polls, connections of those who poll with a new one each time (SDKs for JavaScript before 3), and
        heartbeats that a byte-level fault met.
        """
        if event.kind in {"opened", "closed", "subscribed"}:
            return event.link in self.polled and (event.kind != "subscribed" or (event.link, event.queue) in self.consumed)
        return (event.kind == "answered" and event.wire in NOT_TRAFFIC) or (event.kind == "bit" and not event.wire)

    def _progressed(self, t: float) -> None:
        self.last_progress = t
        self.patterns.clear()

    def _declared(self, event: Event) -> None:
        data: Mapping[str, object] = event.data or {}
        timeout = data.get("visibility_timeout")
        limit = data.get("max_receive_count")
        effects = data.get("effects")
        if isinstance(effects, list | tuple):
            self.effects.update(str(name) for names in effects for name in names)
        if data.get("what") == "queue" and isinstance(timeout, (int, float)):
            self.visibility[str(data.get("name"))] = float(timeout)
        elif data.get("what") == "queue" and isinstance(limit, int):
            self.limits[str(data.get("name"))] = limit

    def _attempted(self, event: Event) -> None:
        if event.at == "harness" and event.key:
            self.expected.add(event.key)

    def _effected(self, event: Event) -> None:
        self.effected.add(event.key)

    def _acknowledged(self, event: Event) -> None:
        if event.at == "far" and event.queue in self.effects:
            self.effected.add(event.key)

    def _started(self, event: Event) -> None:
        self.starting[event.service] = event.t

    def _exited(self, event: Event) -> None:
        self.starting.pop(event.service, None)

    def _subscribed(self, event: Event) -> None:
        self.subscribed[event.link] = event.t
        service = event.link.partition("->")[0]
        if service in self.starting:
            self.took[service] = max(self.took.get(service, 0.0), event.t - self.starting.pop(service))
        if event.wire == "ReceiveMessage":
            self.polled.add(event.link)
            self.consumed.add((event.link, event.queue))

    def _fault(self, event: Event) -> None:
        self.faults[event.fault] = str((event.data or {}).get("fault"))

    def _bit(self, event: Event) -> None:
        """Wait no longer for a delivery that a fault took, or holds: nothing happens to it until something else does."""
        if event.wire in DELIVERING and self.faults.get(event.fault) in {"answer_lost", "held"}:
            place = (event.link, event.conn)
            for ident in [ident for ident, one in self.open.items() if ident[:2] == place and one.key == event.key]:
                self.stopped[ident] = self.open.pop(ident)

    def _delivered(self, event: Event) -> None:
        if event.at != "far":
            self._arrived(event)
            return
        deadline = float("inf")
        if event.queue in self.visibility:
            asked = (event.data or {}).get("visibility")
            deadline = event.t + (float(asked) if isinstance(asked, (int, float)) else self.visibility[event.queue])
        conn = 0 if event.queue in self.visibility else event.conn
        if not conn or (event.link, conn) not in self.closed:  # else it was under way as its consumer hung up
            self.open[event.link, conn, event.tag] = Open(deadline, event.queue, event.key)
        again = (event.queue, event.key)
        if again not in self.seen:
            self.seen.add(again)
            self._progressed(event.t)
        if again in self.patterns:
            self.patterns[again].again(event.t)
        else:
            self.patterns[again] = Pattern(event.t)

    def _arrived(self, event: Event) -> None:
        ident = (event.link, event.conn, event.tag)
        if ident in self.stopped:
            self.open[ident] = self.stopped.pop(ident)
        elif event.queue in self.visibility:
            # A copy has the receipt of its original, and is open by itself; so is what came when its time was over.
            if event.fault or (event.link, 0, event.tag) not in self.open:
                self.open[event.link, COPY, event.tag] = Open(event.t + self.visibility[event.queue], event.queue, event.key)
        elif event.fault:
            self.open[ident] = Open(float("inf"), event.queue, event.key)

    def _settled(self, event: Event) -> None:
        if event.how == "visibility" and event.delay:
            for ident in ((event.link, conn, event.tag) for conn in (0, COPY)):
                if ident in self.open:
                    self.open[ident] = self.open[ident]._replace(deadline=event.t + event.delay)
            return
        if event.at == "near":
            self._said(event)
        else:
            for conn in (0, event.conn):
                self.open.pop((event.link, conn, event.tag), None)
        if event.how in ("ack", "delete", "reject"):
            self.ended.add(event.key)
            self._progressed(event.t)

    def _said(self, event: Event) -> None:
        """Wait no longer than a settlement takes to RabbitMQ: one that is lost on the way has no consequence of its own."""
        ident = (event.link, event.conn, event.tag)
        if ident in self.open:
            self.open[ident] = self.open[ident]._replace(deadline=event.t + SETTLING)
        elif (event.link, 0, event.tag) not in self.open:
            self.open.pop((event.link, COPY, event.tag), None)

    def _closed(self, event: Event) -> None:
        channel = (event.data or {}).get("channel")
        if channel is None:
            self.closed.add((event.link, event.conn))
        prefix = "" if channel is None else f"{channel}:"
        for key in [k for k in self.open if k[:2] == (event.link, event.conn) and k[2].startswith(prefix)]:
            del self.open[key]
        if channel is None:
            for request in [k for k in self.requests if k[:2] == (event.link, event.conn)]:
                del self.requests[request]

    def _requested(self, event: Event) -> None:
        # What was written before the service noticed that the other side had closed is never answered, nor is a fault's copy.
        if event.at == "near" and not event.fault and (event.link, event.conn) not in self.closed:
            self.requests[event.link, event.conn, event.x] = event.t

    def _answered(self, event: Event) -> None:
        if event.at == "near":
            self.requests.pop((event.link, event.conn, event.x), None)

    # ------------------------------------------------------------------ what drain asks

    def pending(self, t: float) -> str:
        """Say what is still under way at `t`, or return an empty string."""
        if self.requests:
            link = next(iter(self.requests))[0]
            return f"{len(self.requests)} request(s) without an answer on {link}"
        held = [one.queue for one in self.open.values() if one.deadline > t]
        if held:
            return f"{len(held)} delivery(ies) of {held[0]} not settled"
        for service, since in self.starting.items():
            if t < since + AGAIN * self.took.get(service, 0.0):
                return f"{service} was started again and takes no messages yet"
        return ""

    def expire(self, t: float) -> None:
        """Forget deliveries that are waited for no more at `t`: those of SQS are visible again, settlements are lost."""
        for ident in [ident for ident, one in self.open.items() if one.deadline <= t]:
            del self.open[ident]

    @property
    def undone(self) -> int:
        """How many messages that the harness sent have neither an effect nor an end yet."""
        return len(self.expected - self.effected - self.ended)

    def steady(self, t: float) -> str:
        """Say why the world is steady at `t`: for three periods, and three deliveries each, only redeliveries without effect.

        Where RabbitMQ itself ends it after a number of deliveries, it is steady only when that has come to nothing.
        """
        needed = ((one.count, REDELIVERIES + self.limits.get(queue, 0)) for (queue, _), one in self.patterns.items())
        if not self.patterns or any(count <= least for count, least in needed):
            return ""
        period = max(one.longest for one in self.patterns.values())
        first = min(one.first for one in self.patterns.values())
        if t - first < REDELIVERIES * period or t - max(one.last for one in self.patterns.values()) > 2 * period + 1:
            return ""
        return f"{len(self.patterns)} message(s) are only delivered again, about every {period:.1f} s, without effect"
