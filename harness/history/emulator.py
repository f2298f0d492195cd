"""Where in a run the emulator did what AWS does not, so that a verdict would be about the emulator.

Only what a journal's header says of its emulator is looked for (`Header.fidelity`), and only what could have misled: that an
emulator lacks something matters where a run came across it. Nothing is judged here.
"""

from collections.abc import Iterator
from typing import NamedTuple

from harness.history import fidelity
from harness.history.events import Header
from harness.history.journal import Seen
from harness.history.obligations import NEVER
from harness.history.world import Queue, World

REMEMBERED = 300.0
"""Seconds for which AWS knows a deduplication id."""
MOVED_BACK = "StartMessageMoveTask"


class Mistaken(NamedTuple):
    """What was met: said in half a sentence; which checks it misleads; in which queues, and whether it only makes them slower.

    What only makes messages later keeps no promise that would be broken on AWS.
    """

    said: str
    checks: frozenset[str]
    queues: frozenset[str]
    only_slower: bool = False


class _Sent(NamedTuple):
    queue: str
    group: str
    ident: str


class _Flight(NamedTuple):
    since: float
    until: float
    group: str
    expired: bool


class Emulator:
    """Follows sends to FIFO queues with deduplication ids, and tasks that move dead letters."""

    def __init__(self, header: Header, world: World) -> None:
        self._lacks = frozenset(header.fidelity)
        self._world = world
        self._begun: dict[tuple[str, int, int, str], _Sent] = {}
        self._kept: dict[_Sent, tuple[str, float]] = {}
        self._kept_twice: set[str] = set()
        self._moved: set[str] = set()

    def attempted(self, queue: Queue, event: Seen) -> None:
        """Take a send to a FIFO queue as it came to the broker."""
        data = event.data or {}
        ident, group = data.get("deduplication"), data.get("group")
        if ident and group and fidelity.DEDUPLICATION in self._lacks:
            self._begun[event.link, event.conn, event.x, event.key] = _Sent(queue.name, str(group), str(ident))

    def acknowledged(self, event: Seen) -> None:
        """Take what the broker said of it: AWS gives who sends the same again the MessageId of the first."""
        sent = self._begun.pop((event.link, event.conn, event.x, event.key), None)
        if sent is None:
            return
        mid, t = self._kept.setdefault(sent, (event.mid, event.t))
        if mid != event.mid:
            if event.t - t < REMEMBERED:
                self._kept_twice.add(sent.queue)
            self._kept[sent] = (event.mid, event.t)

    def moved_back(self, event: Seen) -> None:
        """Take the broker's answer to who asks it to move dead letters."""
        if event.ok and event.queue.endswith(".fifo"):
            self._moved.add(event.queue)

    def mistakes(self, t: float) -> Iterator[Mistaken]:
        """Yield what the run came across until `t`."""
        if self._kept_twice:
            name = min(self._kept_twice)
            said = f"a message was sent to {name} again in its group with the same deduplication id, and kept, where AWS drops it"
            yield Mistaken(said, frozenset({"accounted", "effected_once"}), frozenset(self._kept_twice))
        if self._moved and fidelity.REDRIVE in self._lacks:
            said = f"{MOVED_BACK} was asked for {min(self._moved)}, and the emulator loses what is sent back to a FIFO queue"
            every = frozenset(self._world.queues)
            yield Mistaken(said, frozenset({"accounted", "recovered"}), every)
        slow = self._slow(t) if fidelity.GROUPS in self._lacks else frozenset()
        if slow:
            said = (
                f"a message of {min(slow)} came back only when an earlier one of another group was done, where groups of AWS do"
                " not wait for each other"
            )
            yield Mistaken(said, frozenset({"in_order", "neighbours_served", "recovered"}), slow, only_slower=True)

    def _slow(self, t: float) -> frozenset[str]:
        return frozenset(
            queue.name
            for queue in self._world.judged()
            if queue.declaration.fifo and len(set(queue.groups.values())) > 1 and _held_back(_flights(queue), t)
        )


def _flights(queue: Queue) -> Iterator[_Flight]:
    """Yield each time that a message of a known group was out, as long as it could not be received again."""
    for one in queue.finished.plain():
        if one.key in queue.groups:
            yield _Flight(one.delivered_t, one.acked_t, queue.groups[one.key], expired=False)
    for obligation in queue.obligations.values():
        for delivery in obligation.deliveries if obligation.key in queue.groups else ():
            expired = delivery.end in {"", "expiry"}
            until = delivery.lo if expired else delivery.end_t
            yield _Flight(delivery.far_t, until, queue.groups[obligation.key], expired)


def _held_back(flights: Iterator[_Flight], t: float) -> bool:
    """Tell whether some timeout was over by `t` while an earlier message of another group was still out."""
    first = second = _Flight(0.0, -NEVER, "", expired=False)  # those out longest of two groups, among the earlier ones
    for one in sorted(flights):
        other = second if first.group == one.group else first
        if one.expired and one.until < t and other.until > one.until:
            return True
        if one.until > first.until:
            first, second = one, first if first.group != one.group else second
        elif one.group != first.group and one.until > second.until:
            second = one
    return False
