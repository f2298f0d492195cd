"""What passed a link, in lines a person reads: connections, messages by queue, calls by operation. Nothing is judged."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from harness.history.events import Event
from harness.history.journal import Seen

OF_SENDS = {"acknowledged": "confirmed", "refused": "refused", "returned": "returned"}


@dataclass
class Queue:
    """What happened to the messages of one queue, as the broker's side of the link saw it."""

    counts: Counter[str] = field(default_factory=Counter)
    settled: Counter[str] = field(default_factory=Counter)

    def line(self) -> str:
        """Return it as one sentence; what did not happen is not said."""
        counts = self.counts
        parts = [
            _part(counts["attempted"], "sent", {name: counts[event] for event, name in OF_SENDS.items()}),
            _part(counts["delivered"], "delivered", {"again": counts["again"]}),
            _part(self.settled.total(), "settled", self.settled),
        ]
        return ", ".join(part for part in parts if part)


class Passed:
    """Adds up events; `lines` says what they come to."""

    def __init__(self) -> None:
        self._connections: Counter[str] = Counter()
        self._queues: dict[str, Queue] = {}
        self._calls: dict[str, Counter[str]] = {}
        self._gaps: dict[str, set[tuple[str, int]]] = {}

    def take(self, events: Iterable[Event | Seen]) -> None:
        """Add events."""
        for event in events:
            if event.kind == "gap":
                self._gaps.setdefault(str((event.data or {}).get("reason", "")), set()).add((event.link, event.conn))
            elif event.at == "near":
                self._near(event)
            elif event.at == "far":
                self._far(event)

    @property
    def gaps(self) -> int:
        """How many connections a tap could not follow: what passed there afterwards is not in the journal."""
        return len(set().union(*self._gaps.values()))

    def lines(self) -> list[str]:
        """Return what passed; at least one line."""
        return [
            self._said_connections(),
            *(f"{name or 'queue unknown'}: {line}" for name, queue in sorted(self._queues.items()) if (line := queue.line())),
            *(f"{wire}: {_part(calls.total(), 'answered', calls)}" for wire, calls in sorted(self._calls.items())),
            *(f"NOT FOLLOWED on {len(where)} connections: {reason}" for reason, where in self._gaps.items()),
        ]

    def _said_connections(self) -> str:
        opened, refused = self._connections["opened"], self._connections["refused"]
        return _part(opened, "connections", {"of which the upstream refused": refused}) or "no connection was made"

    def _near(self, event: Event | Seen) -> None:
        if event.kind == "opened" and not event.wire:
            self._connections["opened"] += 1
        elif event.kind == "answered":
            self._calls.setdefault(event.wire, Counter())[str(event.status)] += 1

    def _far(self, event: Event | Seen) -> None:
        if event.kind == "closed" and event.how == "refused":
            self._connections["refused"] += 1
        elif event.kind in ("attempted", "acknowledged", "refused", "returned", "delivered"):
            counts = self._queues.setdefault(event.queue, Queue()).counts
            counts[event.kind] += 1
            counts["again"] += event.kind == "delivered" and event.redelivered
        elif event.kind == "settled":
            self._queues.setdefault(event.queue, Queue()).settled[event.how] += 1


def _part(total: int, word: str, more: Mapping[str, int]) -> str:
    details = ", ".join(f"{name} {count}" for name, count in more.items() if count)
    return "" if not total else f"{total} {word}" + (f" ({details})" if details else "")
