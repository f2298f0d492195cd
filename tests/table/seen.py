"""What a journal says of one link, in few words: what each tap saw of which message, and what bit."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.clock import eventually
from harness.faults.rules import rule_of
from harness.history.events import Declaration, Event, Header
from harness.history.journal import Journal
from harness.model import Fault, Link
from harness.recorder.client import Protocol, Recorder, World
from harness.stack import Stack
from harness.toxiproxy.client import Toxiproxy

Fact = tuple[str, str]
"""The kind of an event, and the key of the message or request it is about."""


class Seen:
    """The journal of one world, as far as it is about `link`."""

    def __init__(self, world: World, journal: Path, link: Link) -> None:
        self.world = world
        self.link = link
        self._journal = journal
        self._before = 0

    def forget(self) -> None:
        """Look only at what is recorded from now on."""
        self._before = self.world.record(Event(kind="noticed")).n

    def events(self, *kinds: str, at: str | None = None) -> list[Event]:
        """Return what was recorded so far, of these kinds and at this tap."""
        self.world.flush()
        events = [one for one in Journal(self._journal).events() if one.n > self._before and one.link == str(self.link)]
        return [one for one in events if one.kind in kinds and at in (None, one.at)]

    def near(self, *kinds: str) -> list[Fact]:
        """Return what the near tap saw really pass: nothing that a fault made."""
        return self._facts("near", kinds)

    def at_resource(self, *kinds: str) -> list[Fact]:
        """Return what the resource itself saw, copies that a fault made among them."""
        return [(one.kind, one.key) for one in self.events(*kinds, at="resource")]

    def far(self, *kinds: str) -> list[Fact]:
        """Return what the far tap saw really pass."""
        return self._facts("far", kinds)

    def _facts(self, at: str, kinds: tuple[str, ...]) -> list[Fact]:
        return [(one.kind, one.key) for one in self.events(*kinds, at=at) if not one.fault]

    def tags(self, *kinds: str, at: str) -> list[str]:
        """Return the tags under which deliveries were told of at this tap."""
        return [one.tag for one in self.events(*kinds, at=at)]

    def made(self, *kinds: str) -> list[tuple[str, str, str]]:
        """Return what a fault made, as fault, kind and key: copies, and answers that a tap gave itself."""
        return [(one.fault, one.kind, one.key) for one in self.events(*kinds) if one.fault]

    def bites(self) -> list[tuple[str, str, str, str]]:
        """Return what bit, as fault, tap, operation and key, in order."""
        return [(one.fault, one.at, one.wire, one.key) for one in self.events("bit")]


class Way(Seen):
    """A real link, from a port for a real client through Toxiproxy to where it leads, in a world of its own."""

    def __init__(self, world: World, journal: Path, link: Link, port: int, cut: Callable[[], None]) -> None:
        super().__init__(world, journal, link)
        self.port = port
        self.cut = cut
        self._armed: list[str] = []

    def forget(self) -> None:
        """Begin anew: no fault is on, and nothing was seen."""
        for ident in self._armed:
            self.world.disarm(ident)
        self._armed.clear()
        super().forget()

    def cut_once_bitten(self) -> None:
        """End all connections as soon as a fault has bitten, for a client that waits and waits."""
        eventually(self.bites, awaited="a bite", within=60)
        self.cut()

    def end_once(self, look: Callable[[], object], ident: str = "f1") -> None:
        """End a fault as soon as this is so, for a client that waits meanwhile."""
        eventually(look, awaited="what the fault is to end after", within=60)
        self.world.disarm(ident)

    def arm(self, fault: Fault, ident: str = "f1") -> None:
        """Let a fault begin on this link; refused like any other that its wire cannot carry out."""
        rule = rule_of(ident, fault)
        self.world.supports(rule)
        self.world.arm(rule)
        self._armed.append(ident)


@contextmanager
def way(stack: Stack, folder: Path, link: Link, protocol: Protocol, target: tuple[str, int] | Declaration) -> Iterator[Way]:
    """Give a link that is open for as long as it is wanted; `target` is the address of a broker, or a resource to be made."""
    recorder = Recorder.start(None)
    journal = folder / "journal.jsonl"
    world = recorder.world(Header(sandbox="h1", started="2026-01-01T00:00:00+00:00"), journal)
    ports = world.open_link(link, protocol, _made(world, target) if isinstance(target, Declaration) else target)
    toxiproxy = Toxiproxy(stack.toxiproxy.host, stack.toxiproxy.port)
    proxy = f"table-{ports.far}"

    def cut() -> None:
        """End all connections that are open; new ones are taken."""
        toxiproxy.disable(proxy)
        toxiproxy.enable(proxy)

    world.connect_link(link, toxiproxy.create(proxy, ("127.0.0.1", ports.far)))
    try:
        yield Way(world, journal, link, ports.near, cut)
    finally:
        toxiproxy.delete(proxy)
        recorder.end()


def _made(world: World, resource: Declaration) -> str:
    world.declare(resource)
    world.open_resource(resource.name, resource.kind, {"key": resource.key})
    return resource.name
