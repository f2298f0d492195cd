"""The messages of an answer to a receive as rules hand them on: changed, twice, in another order, or with a later answer."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from harness.wire.aws import Codec, Received, Written
from harness.wire.rules import Rule


@dataclass(frozen=True)
class Parcel:
    """One message on its way to the service; `fault` says which fault made it, where it is a copy."""

    written: Written
    message: Received
    key: str
    fault: str = ""

    def copy(self, rule: Rule) -> "Parcel":
        """Return the same message once more."""
        return replace(self, fault=rule.id)


@dataclass
class Shelf:
    """What a link keeps of one queue: parcels that wait until `reordered` has its window full, and those that come next."""

    window: list[Parcel] = field(default_factory=list)
    ready: list[Parcel] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.window or self.ready)

    def put(self, parcel: Parcel, rule: Rule) -> list[Parcel]:
        """Have a parcel wait for its window; return the window, which is ready now, once it is full."""
        self.window.append(parcel)
        if len(self.window) < rule.window:
            return []
        turned, self.window = self.window[::-1], []
        self.ready += turned
        return turned

    def let_go(self) -> None:
        """Have what waits for a window come next, in its order."""
        self.ready += self.window
        self.window = []

    def take(self, most: int) -> list[Parcel]:
        """Take the parcels that come next, as many as the service asked for."""
        taken, self.ready = self.ready[:most], self.ready[most:]
        return taken


class Shelves:
    """The shelves of a link, by queue and by the protocol the messages are written in."""

    def __init__(self) -> None:
        self._all: dict[tuple[str, str], Shelf] = {}

    def of(self, queue: str, codec: Codec) -> Shelf:
        """Return the shelf of a queue."""
        return self._all.setdefault((queue, type(codec).__name__), Shelf())

    def __bool__(self) -> bool:
        return bool(self._all) and any(self._all.values())


def numbered(parcels: Iterable[Parcel]) -> Iterator[tuple[int, str]]:
    """Yield the positions of copies, each with its fault."""
    for position, parcel in enumerate(parcels):
        if parcel.fault:
            yield position, parcel.fault
