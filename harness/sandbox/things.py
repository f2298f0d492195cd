"""What a scenario's world is made of, seen from the inside: the context that brokers, queues, resources and services share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.address import HERE, LOOPBACK, Interface
from harness.clock import now
from harness.errors import UsageError
from harness.history.events import Declaration, Event
from harness.model import Link, Thing
from harness.recorder.client import World
from harness.sandbox.spent import Spent
from harness.services.container import Containers
from harness.services.parts import Parts
from harness.stack.databases import Databases
from harness.stack.model import Stack
from harness.stack.own import OwnBroker
from harness.toxiproxy.client import Toxiproxy
from harness.warden import Warden


@dataclass
class Context:
    """The inside of one sandbox: the shared stack, this world's recording, and every name given so far."""

    ident: str
    account: str
    stack: Stack
    warden: Warden
    world: World
    toxiproxy: Toxiproxy
    folder: Path
    cache: Path
    act: Callable[[], None]
    lost: Callable[[], str]
    databases: Databases
    containers: Containers
    own: Mapping[str, OwnBroker] = field(default_factory=dict)
    allows: int = 1
    """The most by which time may be compressed in this scenario: what it waits for is as long, at whatever speed it is told."""
    things: dict[str, "Usable"] = field(default_factory=dict)
    links: dict[Link, int] = field(default_factory=dict)
    interfaces: dict[str, Interface] = field(default_factory=dict)
    """Where the links of a service listen, for those that run in containers: this machine's own they do not reach."""
    declared: dict[str, Declaration] = field(default_factory=dict)
    ends: list[Callable[[], None]] = field(default_factory=list)
    readers: list[Callable[[], None]] = field(default_factory=list)
    later: Callable[[float, Callable[[], None]], object] = lambda _seconds, _then: None
    """Does something in a thread of its own after so many production seconds."""
    due: list[Callable[[], str]] = field(default_factory=list)
    """What a drain asks: each says what will still happen by itself, or nothing."""
    origin: float = field(default_factory=now)
    spent: Spent = field(default_factory=Spent)

    def name(self, thing: "Usable") -> None:
        """Take the thing's name; every name in a sandbox is given once."""
        taken = self.things.get(thing.thing_name)
        if taken is not None:
            message = f"there is already {taken.described} in this sandbox; give {thing.described} another name"
            raise UsageError(message)
        self.things[thing.thing_name] = thing

    def declare(self, declaration: Declaration) -> None:
        """Write into the journal what judging has to know of a thing."""
        self.declared[declaration.name] = declaration
        self.world.declare(declaration)

    def record(self, event: Event) -> Event:
        """Write an event seen or done by the harness itself; returns after a barrier that begins there was released."""
        seen = self.world.record(event)
        # A record that waited at a barrier comes back late; the quickest one says best when the world's clock was at zero.
        self.origin = min(self.origin, now() - seen.t / self.stack.speed)
        return seen

    def read(self) -> None:
        """Look for what has changed where it is not seen by itself, and record it."""
        for reader in self.readers:
            reader()

    def time(self) -> float:
        """Return the time on the world's own clock: production seconds since its start."""
        return (now() - self.origin) * self.stack.speed

    def proxy(self, link: Link) -> str:
        """Return the name of a link's proxy in Toxiproxy, which sandboxes share."""
        return f"{self.ident}.{link.service}.{link.thing}"

    def open(self, link: Link, protocol: Any, target: tuple[str, int] | str) -> int:
        """Open the link through Toxiproxy, once; return the port of its near tap."""
        if link not in self.links:
            ports = self.world.open_link(link, protocol, target, self.interfaces.get(link.service, HERE))
            name = self.proxy(link)
            via = self.toxiproxy.create(name, (LOOPBACK, ports.far))
            self.ends.append(lambda: self.toxiproxy.delete(name))
            self.world.connect_link(link, via)
            self.links[link] = ports.near
            self.declare(Declaration(what="link", name=str(link), service=link.service, thing=link.thing))
        return self.links[link]


class Usable(Thing):
    """Whatever can be wired to a service: it has a name, a road it is reached by, and parts of an address.

    `word` is what people call such a thing.
    """

    word = "the thing"

    def __init__(self, context: Context, name: str) -> None:
        self._context = context
        self._name = name

    @property
    def thing_name(self) -> str:
        """The name of this thing in links, journals and reports."""
        return self._name

    @property
    def described(self) -> str:
        """What this is, for messages: `a queue named 'jobs'`."""
        return f"{self.word} {self._name!r}"

    @property
    def places(self) -> tuple["Usable", ...]:
        """Where something changes when this is an effect: a topic leads to its queues."""
        return (self,)

    @property
    def road(self) -> "Usable":
        """The thing whose link leads here: a queue is reached over the link to its broker."""
        return self

    def reach(self, link: Link) -> int:
        """Open the link to this thing; return the port of its near tap."""
        raise NotImplementedError

    def parts(self, port: int, host: str = LOOPBACK) -> Parts:
        """Return the address of this thing on the near tap at this port of this host."""
        raise NotImplementedError
