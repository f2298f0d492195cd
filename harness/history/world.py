"""The things of a sandbox as judging sees them: queues and where their messages go, links, services, fault intervals.

Built from `declared`, `fault`, `exited` and the like. What happens to messages is not decided here.
"""

from typing import Literal, NamedTuple

import msgspec

from harness.history.events import Declaration
from harness.history.finished import Finished
from harness.history.intervals import Interval
from harness.history.journal import Seen
from harness.history.obligations import Delivery, Obligation, Request
from harness.history.routes import Routes

Role = Literal["work", "retry", "dead-letter", "parking"]
PENDING_SENDS = 1_000
"""Sends of one link whose confirmation is awaited; publishers without confirms never get one, so the oldest are forgotten."""


class Queue:
    """One declared queue and its obligations. `home` is the work queue whose obligations its messages belong to."""

    __slots__ = (
        "belongs", "declaration", "ends_in", "feeders", "finished", "groups", "home", "links", "mids", "name", "obligations",
        "role", "scanned", "sets", "sqs",
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
        self.finished = Finished()
        self.obligations = Obligations(self)
        self.scanned = False
        self.groups: dict[str, str] = {}
        """Of messages by key: their group, as the harness was told it, else as it was on the wire."""
        self.belongs: dict[str, str] = {}
        """Of messages by key that services sent: the group that their body says, where the queue was declared with a place."""

    def find(self, key: str) -> Obligation | None:
        """Return the obligation of this key, also one that was finished; None where there is none."""
        found = self.obligations.get(key)
        return self.obligations[key] if found is None and key in self.finished.places else found

    def retire(self, obligation: Obligation) -> None:
        """Put it away if it took the plain way to its end."""
        if self.finished.take(obligation):
            del self.obligations[obligation.key]


class Obligations(dict[str, Obligation]):
    """The obligations of a queue by key, made as they are asked for."""

    __slots__ = ("_queue",)

    def __init__(self, queue: Queue) -> None:
        super().__init__()
        self._queue = queue

    def __missing__(self, key: str) -> Obligation:
        queue = self._queue
        made = self[key] = queue.finished.revive(key, queue) if key in queue.finished.places else Obligation(key, queue)
        return made


class Connection:
    """One connection of a link: its open deliveries by tag, and when and by whom it was closed."""

    __slots__ = ("channels", "closed_n", "closed_t", "number", "tags")

    def __init__(self, number: int) -> None:
        self.number = number
        self.tags: dict[str, Delivery] = {}
        self.closed_n = 0
        self.closed_t = 0.0
        self.channels: dict[str, int] | None = None


class Connections(dict[int, Connection]):
    """The connections of a link by number, made as they are asked for."""

    __slots__ = ()

    def __missing__(self, number: int) -> Connection:
        made = self[number] = Connection(number)
        return made


class Part(NamedTuple):
    """What a send is for one queue: a message that the queue owes from then on, or one that its service holds and hands on."""

    queue: Queue
    carrier: Obligation | None
    obligation: Obligation | None


class Send:
    """A service's send whose confirmation is awaited, to one queue or, through an exchange, to several; it may be an effect too.

    `copied`: a fault sent it again; its service knows nothing of it.
    """

    __slots__ = ("copied", "far", "parts", "request")

    def __init__(self, *, copied: bool) -> None:
        self.copied = copied
        self.far = False
        self.parts: list[Part] = []
        self.request: Request | None = None

    @property
    def about(self) -> Obligation | None:
        """The message that this is work on, else the one that it is."""
        if self.request is not None and self.request.obligation is not None:
            return self.request.obligation
        return next((part.carrier or part.obligation for part in self.parts), None)


class Road:
    """One link: the service at its near end, the thing at its far end, and what is under way on it."""

    __slots__ = (
        "coming", "confirms", "connections", "faults", "gaps", "gone", "instance", "name", "number", "only", "pending",
        "queues", "requests", "sends", "service", "settles", "severed", "thing",
    )  # fmt: skip

    def __init__(self, name: str, instance: "Instance", number: int) -> None:
        self.number = number
        self.service, _, self.thing = name.partition("->")
        self.name = name
        self.only = (name,)
        self.instance = instance
        self.connections = Connections()
        self.requests: dict[tuple[int, int], Request] = {}
        self.sends: dict[tuple[int, int, str], Send] = {}
        self.settles: dict[tuple[int, int, str], Delivery] = {}
        self.pending: dict[tuple[int, int], float] = {}
        self.severed: dict[tuple[int, int], Request] = {}
        """Requests whose connection is gone: the resource may still read and do what they ask."""
        self.coming: dict[tuple[int, str], Delivery] = {}
        """What SQS handed out and the service has not seen yet; like `gone`, followed only where a fault is about."""
        self.gone: set[int] = set()
        """Connections that are closed; what a service wrote before it noticed is lost."""
        self.confirms = False
        self.queues: list[Queue] = []
        self.faults: list[Interval] = []
        self.gaps: dict[int, str] = {}

    def call(self, conn: int, x: int = 0) -> int:
        """Return a number that only this connection has, and this exchange on it: small enough for a float."""
        return (self.number << 44) + (conn << 24) + x

    def consumes(self, queue: Queue) -> None:
        """Take note that its service is given messages of this queue over it."""
        if self.name not in queue.links:
            queue.links.add(self.name)
            self.queues.append(queue)
            self.instance.queues.append(queue)

    def sever(self, ident: tuple[int, int], request: Request) -> None:
        """Remember a request that was cut until the resource has said what became of it."""
        self.severed[ident] = request
        if len(self.severed) > PENDING_SENDS:
            del self.severed[next(iter(self.severed))]

    def await_confirm(self, ident: tuple[int, int, str], send: Send) -> None:
        """Remember a send until the service hears of it."""
        self.sends[ident] = send
        if len(self.sends) > PENDING_SENDS:
            del self.sends[next(iter(self.sends))]


class Instance:
    """One service: its roads, the queues it was given messages from, when it was started, and its exits."""

    __slots__ = ("exits", "keeps_real_time", "name", "queues", "ready", "roads", "speed", "started")

    def __init__(self, name: str, speed: float = 1.0) -> None:
        self.name = name
        self.speed = speed
        self.keeps_real_time = False
        self.roads: list[Road] = []
        self.queues: list[Queue] = []
        self.started: list[float] = []
        self.ready: float | None = None
        self.exits: list[tuple[int, float, str, int | None]] = []
        """Of each exit before the close: event, second, who ended it, status."""

    @property
    def alive(self) -> bool:
        """Whether it lived to the close; of one that the harness did not start no exit is known, so it did."""
        return not self.exits or len(self.started) > len(self.exits)


class World:
    """All of them by name. `speed` is how many of its seconds pass while one passes for the machine."""

    def __init__(self, speed: float = 1.0) -> None:
        self.speed = speed
        self.queues: dict[str, Queue] = {}
        self.places: dict[str, list[tuple[Queue, int]]] = {}
        self.alarms: dict[str, Declaration] = {}
        self.routes = Routes()
        self.roads = Roads(self)
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
            self.service(declaration.name).keeps_real_time = declaration.clock == "real"
        elif declaration.what == "exchange":
            self.routes.declare(declaration.name, declaration.kind)
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

    def service(self, name: str) -> Instance:
        """Return the service of this name."""
        found = self.services.get(name)
        if found is None:
            found = self.services[name] = Instance(name, self.speed)
        return found

    def fault(self, event: Seen) -> Interval:
        """Take a `fault` event: injected, began, ended or failed."""
        data = event.data or {}
        found = self.faults.setdefault(event.fault, Interval(event.fault, data))
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


class Roads(dict[str, Road]):
    """The links by name, made as they are asked for."""

    __slots__ = ("_world",)

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def __missing__(self, name: str) -> Road:
        made = self[name] = Road(name, self._world.service(name.partition("->")[0]), len(self) + 1)
        made.instance.roads.append(made)
        return made
