"""Barriers: which event is the nth of its kind, and what its bytes wait for."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator

from harness.clock import now
from harness.history.events import Event
from harness.model import Moment
from harness.wire.streams import Hold

Point = tuple[str, str, str | None]
SETTLED = frozenset({"ack", "reject", "requeue", "delete", "no_ack"})


def points(event: Event) -> Iterator[tuple[str, str]]:  # noqa: C901 (a table: one line of it for each moment)
    """Yield the (thing, event) that a moment could name this event by."""
    match event.kind, event.at:
        case "acknowledged", "far" | "harness":
            yield event.queue or str((event.data or {}).get("exchange", "")), "sent"
        case "attempted", "far" if _is_unconfirmed(event):
            yield event.queue, "sent"
        case "delivered", "near":
            yield event.queue, "delivered"
        case "settled", "far" if event.wire.startswith("Basic.") and event.how in SETTLED:
            yield event.queue, "settled"
        case "confirmed", "far" if event.ok and event.how in SETTLED:
            yield event.queue, "settled"
        case "requested" | "effected", "resource" | "far" if event.ok is not False:
            yield _resource(event), event.kind
        case "answered", "near":
            yield _resource(event), "answered"
        case "dead_lettered", _:
            yield event.queue, "dead_lettered"
        case "exited", _:
            yield event.service, "exited"
        case _:
            return


def _resource(event: Event) -> str:
    """Return what was asked: the thing of the link, unless the event names another (a mailbox reached over AWS)."""
    return str((event.data or {}).get("resource") or event.link.partition("->")[2])


def _is_unconfirmed(event: Event) -> bool:
    """Tell whether nobody will ever say more of this send: its publisher uses no confirms."""
    return bool(event.data and event.data.get("unconfirmed"))


def release_at(hold: Hold, due: float) -> None:
    """Let a hold go when the machine's clock shows `due`, never before: timers of uvloop may come a millisecond early."""
    left = due - now()
    if left > 0:
        asyncio.get_running_loop().call_later(left, release_at, hold, due)
    else:
        hold.release()


class Moments:
    """The watched moments of one world. `fired` is called with a watch and the event; its bytes are held until `release`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, fired: Callable[[str, Event], None]) -> None:
        self._loop = loop
        self._fired = fired
        self.counts: Counter[Point] = Counter()
        self._last: dict[tuple[Point, int], Event] = {}
        self.watched: dict[Point, dict[str, int]] = {}  # the moments whose bytes are to be held when they come
        self._held: dict[str, tuple[Hold, set[str]]] = {}

    def watch(self, ident: str, moment: Moment) -> None:
        """Hold the bytes of this moment when it comes; where it has come already, `fired` is called at once, without a hold."""
        point = (moment.thing, moment.event, moment.key)
        if self.counts[point] >= moment.nth:
            self._fired(ident, Event(kind="fault", how="late"))
            return
        self.watched.setdefault(point, {})[ident] = moment.nth

    def unwatch(self, ident: str) -> None:
        """Hold nothing any more for this watch, and let go what it holds."""
        for point, watched in list(self.watched.items()):
            watched.pop(ident, None)
            if not watched:
                del self.watched[point]
        self.release(ident)

    def release(self, ident: str) -> None:
        """Let the bytes of this watch go on, once no other watch of the same event holds them."""
        hold, idents = self._held.pop(ident, (None, set()))
        idents.discard(ident)
        if hold is not None and not idents:
            hold.release()

    def release_all(self) -> None:
        """Let everything go on."""
        self.watched.clear()
        for ident in list(self._held):
            self.release(ident)

    def happened(self, event: Event) -> Hold | None:
        """Count the event; return a Hold where it is a watched moment."""
        idents: set[str] = set()
        for thing, name in points(event):
            self._reached((thing, name, None), idents)
            if event.key:
                self._reached((thing, name, event.key), idents)
        if not idents:
            return None
        hold = Hold(self._loop)
        for ident in idents:
            self._held[ident] = (hold, idents)
        for ident in list(idents):
            self._fired(ident, event)
        return hold

    def _reached(self, point: Point, idents: set[str]) -> None:
        """Count a point; add the watches that waited for it."""
        count = self.counts[point] = self.counts.get(point, 0) + 1
        watched = self.watched.get(point)
        if watched:
            reached = {ident for ident, nth in watched.items() if nth == count}
            idents |= reached
            for ident in reached:
                del watched[ident]
            if not watched:
                del self.watched[point]
