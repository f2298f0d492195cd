"""Whether a compressed clock left room: what the machine takes for an answer, against the shortest timer of the world.

At speed 20 a pause of the machine of 50 ms is a second of the world. Where that comes near a timer, a verdict would be about this
machine and not about the service, so nothing is concluded from such a run. Three things are measured, in production seconds:
answers that no fault held up, the processor time that a service spent on one delivery, and clients that
gave up although nothing was wrong. At speed 1 nothing is: then the timers of the services are the machine's, too.
"""

from collections.abc import Callable, Mapping

from harness.history.events import Header
from harness.history.journal import Seen
from harness.history.world import Road, World

NEEDED = 5.0
"""How many times longer than what the machine takes the shortest timer has to be."""
BUSY = 0.25
"""Real seconds that a machine in use may need from one attempt on a message to the next, where nobody waits."""
SAMPLES = 10_000
"""Answers that are remembered; one world has few, and its beginning is as good as its end."""
LONG_POLL = "ReceiveMessage"

Step = Callable[[Seen], None]


class Margin:
    """Follows the answers of one run; `reason` says afterwards why the clock was too fast for it."""

    def __init__(self, header: Header, world: World) -> None:
        self._speed = header.speed
        self._world = world
        self._asked: dict[tuple[str, int, int], float] = {}
        self._took: list[float] = []
        self._given_up: list[str] = []
        self._deliveries: dict[str, int] = {}
        self._held: dict[str, float] = {}
        self._until_act: dict[str, list[float]] = {}
        self._spent: Mapping[str, object] = {}

    def over(self, steps: dict[str, Step]) -> dict[str, Step]:
        """Return the steps that also feed this; at speed 1 as they were."""
        if self._speed <= 1:
            return steps
        own: dict[str, Step] = {
            "requested": self._begun, "attempted": self._begun, "settled": self._begun,
            "answered": self._done, "acknowledged": self._done, "confirmed": self._done,
            "delivered": self._delivered, "closed": self._closed, "drained": self._drained,
        }  # fmt: skip
        return {**steps, **{kind: _both(step, steps[kind]) for kind, step in own.items()}}

    def _begun(self, event: Seen) -> None:
        service = event.link.partition("->")[0]
        if event.at == "near" and service in self._held:  # the first thing it does after it was given a message
            self._until_act.setdefault(service, []).append(event.t - self._held.pop(service))
        if event.at == "near" and event.x and not self._disturbed(event.link):
            self._asked[event.link, event.conn, event.x] = event.t

    def _done(self, event: Seen) -> None:
        began = self._asked.pop((event.link, event.conn, event.x), None) if event.at == "near" else None
        calm = began is not None and event.wire != LONG_POLL and not self._disturbed(event.link)
        if began is not None and calm and len(self._took) < SAMPLES:
            self._took.append(event.t - began)

    def _delivered(self, event: Seen) -> None:
        if event.at == "near":
            service = event.link.partition("->")[0]
            self._deliveries[service] = self._deliveries.get(service, 0) + 1
            self._held.setdefault(service, event.t)

    def _closed(self, event: Seen) -> None:
        """Note a client that ends a connection on which an answer is due, though nothing is wrong and it lives on.

        What is wrong on another link of the service counts, too: some libraries break off their handlers with their connection.
        """
        if event.at != "near" or (event.data or {}).get("by") != "service":
            return
        due = [began for (link, conn, _), began in self._asked.items() if (link, conn) == (event.link, event.conn)]
        road = self._world.roads[event.link]
        calm = not any(self._disturbed(one.name) for one in road.instance.roads)
        if due and calm and not road.queues and road.instance.alive:
            waited = (event.t - min(due)) / self._speed
            self._given_up.append(
                f"a client on {event.link} gave up after {waited * 1000:.0f} ms, though nothing held its answer"
            )

    def _drained(self, event: Seen) -> None:
        spent = (event.data or {}).get("spent")
        self._spent = spent if isinstance(spent, dict) else {}

    def _disturbed(self, link: str) -> bool:
        """Tell whether a fault was ever on this link or its service: what is slow then may be meant to be."""
        road: Road = self._world.roads[link]
        return any(
            one.began is not None and (one.link == link or one.victim in {road.service, road.thing})
            for one in self._world.faults.values()
        )

    # ------------------------------------------------------------------ what came of it

    def reason(self) -> str:
        """Say why nothing can be concluded from this run; empty where the clock left room."""
        if self._speed <= 1:
            return ""
        shortest = self._shortest()
        slow = self._slowest(shortest[0]) if shortest is not None else None
        told = self._given_up[0] if self._given_up else ""
        if shortest is not None and slow is not None and slow[0] * NEEDED > shortest[0]:
            timer = f"the shortest timer, {shortest[1]}, is {shortest[0]:g} s"
            told = f"{slow[1]} took {slow[0]:.2g} s of the world's time and {timer}, less than {NEEDED:g} times as long"
        if not told:
            return ""
        return f"clock margin: at speed {self._speed:g} {told}; take a lower --harness-speed or a quieter machine"

    def room(self, seconds: float) -> float:
        """Return the longest gap between two attempts that may be no pause, but what this machine needs: `seconds` or more.

        It is not measured: between two attempts lies all the work on the other messages, and faults are on the links meanwhile.
        """
        return max(seconds, BUSY * self._speed) if self._speed > 1 else seconds

    def _shortest(self) -> tuple[float, str] | None:
        timers = [
            (seconds, f"{name} of {queue.name}")
            for queue in self._world.queues.values()
            for name, seconds in (("visibility_timeout", queue.declaration.visibility_timeout), ("ttl", queue.declaration.ttl))
            if seconds
        ]
        faults = [one for one in self._world.faults.values() if not one.once]  # one that only happens lasts no time
        ends = [(one.ended - one.began, str(one)) for one in faults if one.began is not None and one.ended]
        return min([*timers, *ends], default=None)

    def _slowest(self, shortest: float) -> tuple[float, str] | None:
        took = sorted(self._took)
        if took and took[-1] <= shortest / 2:
            took.pop()  # one hiccup of the machine, far below the timer, is not what it usually takes
        answers = [(took[min(len(took) - 1, len(took) * 99 // 100)], f"an answer (p99 of {len(took)})")] if took else []
        work = [
            (self._cost(service, float(seconds)), f"the work of {service} on one delivery")
            for service, seconds in self._spent.items()
            if isinstance(seconds, (int, float)) and self._deliveries.get(service)
        ]
        return max([*answers, *work], default=None)

    def _cost(self, service: str, seconds: float) -> float:
        """Return what one delivery costs: no more than its processor time, and no more than it took until something was done.

        Either alone says too much: a runtime also compiles and collects beside its work, and a handler may sleep on purpose.
        """
        acts = self._until_act.get(service, [])
        each = seconds * self._speed / self._deliveries[service]
        return min(each, sum(acts) / len(acts)) if acts else each


def _both(first: Step, second: Step) -> Step:
    def take(event: Seen) -> None:
        first(event)
        second(event)

    return take
