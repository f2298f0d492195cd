"""The things of a sandbox as judging sees them: queues and where their messages go, links, services, fault intervals.

Built from `declared`, `fault`, `exited` and the like. What happens to messages is not decided here.
"""

import re
from typing import Literal

import msgspec

from harness.history.events import Declaration
from harness.history.journal import Seen
from harness.history.obligations import Delivery, Obligation, Request

Role = Literal["work", "retry", "dead-letter", "parking"]
PENDING_SENDS = 1_000
"""Sends of one link whose confirmation is still awaited; publishers without confirms never get one, so the oldest are forgotten."""


class Queue:
    """One declared queue and its obligations. `home` is the work queue whose obligations its messages belong to."""

    __slots__ = (
        "declaration", "ends_in", "feeders", "home", "links", "mids", "name", "obligations", "role", "scanned", "sets", "sqs",
    )  # fmt: skip

    def __init__(self, declaration: Declaration) -> None:
        self.declaration = declaration
        self.name = declaration.name
        self.role: Role = declaration.role
        self.sqs = declaration.broker == "aws"
        self.sets = declaration.effects
        self.home: Queue | None = None
        self.ends_in: Queue | None = None
        self.feeders: list[Queue] = []
        self.links: set[str] = set()
        self.mids: dict[str, str] | None = {} if declaration.fifo else None
        self.obligations: dict[str, Obligation] = {}
        self.scanned = False

    def of(self, key: str) -> Obligation:
        """Return the obligation of this key, a new one where there is none yet."""
        found = self.obligations.get(key)
        if found is None:
            found = self.obligations[key] = Obligation(key, self)
        return found


class Connection:
    """One connection of a link: its open deliveries by tag, and when and by whom it was closed."""

    __slots__ = ("channels", "closed_n", "closed_t", "number", "tags")

    def __init__(self, number: int) -> None:
        self.number = number
        self.tags: dict[str, Delivery] = {}
        self.closed_n = 0
        self.closed_t = 0.0
        self.channels: dict[str, int] | None = None


class Interval:
    """One injected fault: when it was on, on what, and what it did (`bites`)."""

    __slots__ = (
        "began", "began_n", "bites", "call", "code", "ended", "failed", "held", "ident", "link", "name", "seconds", "settled", "victim",
    )  # fmt: skip

    def __init__(self, ident: str, data: dict[str, object]) -> None:
        self.ident = ident
        self.name = str(data.get("fault", "fault"))
        self.link = str(data.get("link") or "")
        self.victim = str(data.get("victim") or "")
        self.code = str(data.get("code", ""))
        self.call = str(data.get("call", ident))
        self.seconds = _seconds(self.code)
        self.began: float | None = None
        self.began_n = 0
        self.ended: float | None = None
        self.failed = ""
        self.bites = 0
        self.held = 0
        self.settled = 0

    @property
    def on(self) -> bool:
        """Whether it has begun and not ended."""
        return self.began is not None and self.ended is None

    @property
    def over(self) -> float:
        """When it ended; when it began, where it never ended: a condition that the service has to live with from then on."""
        return self.ended if self.ended is not None else self.began or 0.0

    def __str__(self) -> str:
        return f"{self.name} of {self.victim}" if self.victim else f"{self.name} on {self.link}"


def _seconds(code: str) -> float:
    """Read `seconds=` from the code of a fault, the only place of a journal where its settings stand."""
    found = re.search(r"\bseconds=([0-9.]+)", code)
    return float(found.group(1)) if found else 0.0


class Send:
    """A service's send whose confirmation is awaited: a message of its own, one it holds and hands on (carrier), or an effect."""

    __slots__ = ("carrier", "far", "obligation", "request")

    def __init__(self) -> None:
        self.far = False
        self.carrier: Obligation | None = None
        self.obligation: Obligation | None = None
        self.request: Request | None = None


class Road:
    """One link: the service at its near end, the thing at its far end, and what is under way on it."""

    __slots__ = (
        "confirms", "connections", "faults", "gaps", "name", "pending", "queues", "requests", "sends", "service", "settles", "thing",
    )  # fmt: skip

    def __init__(self, name: str) -> None:
        service, _, self.thing = name.partition("->")
        self.name = name
        self.service = service
        self.connections: dict[int, Connection] = {}
        self.requests: dict[tuple[int, int], Request] = {}
        self.sends: dict[tuple[int, int, str], Send] = {}
        self.settles: dict[tuple[int, int, str], Delivery] = {}
        self.pending: dict[tuple[int, int], float] = {}
        self.confirms = False
        self.queues: list[Queue] = []
        self.faults: list[Interval] = []
        self.gaps: dict[int, str] = {}

    def connection(self, number: int) -> Connection:
        """Return the connection of this number."""
        found = self.connections.get(number)
        if found is None:
            found = self.connections[number] = Connection(number)
        return found

    def await_confirm(self, ident: tuple[int, int, str], send: Send) -> None:
        """Remember a send until the service hears of it."""
        self.sends[ident] = send
        if len(self.sends) > PENDING_SENDS:
            del self.sends[next(iter(self.sends))]


class Instance:
    """One service: its roads, when it was started, and its exits."""

    __slots__ = ("exits", "name", "roads", "started")

    def __init__(self, name: str) -> None:
        self.name = name
        self.roads: list[Road] = []
        self.started: list[float] = []
        self.exits: list[tuple[int, float, str]] = []

    @property
    def alive(self) -> bool:
        """Whether it lived until the history was closed; of one that the harness did not start no exit is known, so it did."""
        return not self.exits or len(self.started) > len(self.exits)

    def queues(self) -> list[Queue]:
        """Return the queues from which it was given messages."""
        return [queue for road in self.roads for queue in road.queues]


class World:
    """All of them by name."""

    def __init__(self) -> None:
        self.queues: dict[str, Queue] = {}
        self.places: dict[str, list[tuple[Queue, int]]] = {}
        self.alarms: dict[str, Declaration] = {}
        self.roads: dict[str, Road] = {}
        self.services: dict[str, Instance] = {}
        self.faults: dict[str, Interval] = {}

    def declare(self, event: Seen) -> None:
        """Take a `declared` event."""
        declaration = msgspec.convert(event.data or {}, Declaration)
        if declaration.what == "queue":
            self.queues[declaration.name] = Queue(declaration)
        elif declaration.what == "alarms":
            self.alarms[declaration.name] = declaration
        elif declaration.what == "service":
            self.service(declaration.name)
        self._connect()

    def _connect(self) -> None:
        """Find each queue's home and end, and which queues need an effect where."""
        self.places = {}
        for queue in self.queues.values():
            queue.feeders = []
        for queue in self.queues.values():
            queue.home = self._home(queue)
            for group, alternatives in enumerate(queue.sets):
                for name in alternatives:
                    self.places.setdefault(name, []).append((queue, group))
        for queue in self.queues.values():
            queue.ends_in = self._end(queue)
            if queue.ends_in is not None and queue.home is not None:
                queue.ends_in.feeders.append(queue.home)

    def _home(self, queue: Queue) -> Queue | None:
        """Follow a retry queue to the work queue it gives back to; dead letters and parked messages have no home."""
        seen = set()
        while queue.role == "retry" and queue.declaration.dead_letter in self.queues and queue.name not in seen:
            seen.add(queue.name)
            queue = self.queues[queue.declaration.dead_letter]
        return queue if queue.role in {"work", "retry"} else None

    def _end(self, queue: Queue) -> Queue | None:
        target = self.queues.get(queue.declaration.dead_letter or "")
        return target if target is not None and target.role in {"dead-letter", "parking"} else None

    def road(self, name: str) -> Road:
        """Return the link of this name."""
        found = self.roads.get(name)
        if found is None:
            found = self.roads[name] = Road(name)
            self.service(found.service).roads.append(found)
        return found

    def service(self, name: str) -> Instance:
        """Return the service of this name."""
        found = self.services.get(name)
        if found is None:
            found = self.services[name] = Instance(name)
        return found

    def fault(self, event: Seen) -> Interval:
        """Take a `fault` event: injected, began, ended or failed."""
        data = event.data or {}
        found = self.faults.get(event.fault)
        if found is None:
            found = self.faults[event.fault] = Interval(event.fault, data)
        if event.how == "began":
            found.began, found.began_n, found.ended = event.t, event.n, None
        elif event.how == "ended":
            found.ended = event.t
        elif event.how == "failed":
            found.failed = str(data.get("reason", "it could not begin"))
        return found

    def calls(self) -> dict[str, list[Interval]]:
        """Return the faults by the `inject` call they were given in: within one call they are alternatives."""
        calls: dict[str, list[Interval]] = {}
        for one in self.faults.values():
            calls.setdefault(one.call, []).append(one)
        return calls

    def judged(self) -> list[Queue]:
        """Return the queues that are judged: work queues with an effect or a consumer. Others are the edge of the world."""
        return [queue for queue in self.queues.values() if queue.home is queue and (queue.sets or queue.links)]

