"""What lay in the queues as a phase of a run ended: seen without touching it, and true only until somebody acts again.

SQS shows its messages; RabbitMQ only says how many are ready. Which those are follows from what the taps saw, or stays unknown:
where as many are there as were rejected into a queue, or as nobody has taken or settled, it is these.
"""

from collections.abc import Callable, Iterable

from harness.history.journal import Seen
from harness.history.obligations import Obligation
from harness.history.world import Queue, World


class Looks:
    """Keeps the looks of the last drain, for a history that ends with them."""

    def __init__(self, world: World, found: Callable[[Seen], None]) -> None:
        self._world = world
        self._found = found
        self._looks: list[Seen] = []

    def take(self, event: Seen) -> bool:
        """Keep an event that is a look; tell whether it is one."""
        if not event.data or "drain" not in event.data:
            return False
        self._looks.append(event)
        return True

    def clear(self) -> None:
        """Forget what lay there before."""
        self._looks.clear()

    def settle(self, last_n: int) -> None:
        """Take them for what is left in the queues, if nothing came after them."""
        if not self._looks or self._looks[-1].n != last_n:
            return
        for event in self._looks:
            queue = self._world.queues.get(event.queue)
            ready = (event.data or {}).get("ready")
            if event.kind == "residue":
                self._found(event)
            elif queue is not None:
                queue.scanned = True if not isinstance(ready, int) else _counted(self._world, queue, ready)


def _counted(world: World, queue: Queue, ready: int) -> bool:
    """Find out which messages are ready in a queue of RabbitMQ; tell whether that is known."""
    if queue.home is None:
        return _dead(world, queue, ready) if queue.role == "dead-letter" else _parked(world, queue, ready)
    waiting = [one for one in queue.home.obligations.values() if _is_waiting(one)]
    if ready and (queue.role != "work" or len(waiting) != ready):
        return False
    for one in waiting if ready else ():
        one.residue += 1
    return True


def _is_waiting(one: Obligation) -> bool:
    settled = one.acked or (one.last is not None and one.last.end == "reject") or one.dead
    return one.sent and not settled and not one.opened()


def _dead(world: World, queue: Queue, ready: int) -> bool:
    sources = [one for feeder in queue.feeders for one in feeder.obligations.values()]
    rejected = [one for one in sources if one.last is not None and one.last.end == "reject"]
    given_up = [one for one in sources if _over_its_limit(one)]
    for found in (rejected, [*rejected, *given_up], [*rejected, *_put_aside(world, queue)]):
        if len(found) == ready:
            _mark(found)
            return True
    return not ready


def _over_its_limit(one: Obligation) -> bool:
    limit = one.queue.declaration.max_receive_count
    return limit is not None and one.far > limit and _is_waiting(one)


def _mark(found: Iterable[Obligation]) -> None:
    for one in found:
        one.dead += 1


def _put_aside(world: World, queue: Queue) -> list[Obligation]:
    """Return the messages that their consumer sent into this queue, and let go of."""
    return [one for each in world.judged() for one in each.obligations.values() if one.acked and one.aside == queue.name]


def _parked(world: World, queue: Queue, ready: int) -> bool:
    found = _put_aside(world, queue)
    if len(found) != ready:
        return not ready
    for one in found:
        one.parked += 1
    return True
