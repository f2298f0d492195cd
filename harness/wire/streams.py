"""The types in which a link and the protocols on it talk: steps, sessions, taps. No socket is touched here.

A link owns the sockets; a session owns the understanding. The link hands a session what came in and carries out the steps that
the session's generator yields, one after the other. Because it is a generator, a barrier can stop it in the middle of a chunk:
what was yielded before the barrier has gone on, what comes after it waits.
"""

import asyncio
from collections.abc import Callable, Generator, Iterator, Sized
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, runtime_checkable

from harness.history.events import Declaration, Event
from harness.model import Key
from harness.wire.rules import RuleBook

if TYPE_CHECKING:
    from harness.wire.mails import Mail
    from harness.wire.receipts import Receipts

Side = Literal["service", "target"]
Ending = Literal["fin", "rst"]
Seat = Literal["near", "far", "resource"]


class Hold:
    """Bytes wait until this is released (a barrier): `done` is a future of the recorder's loop. Made by the recorder only.

    `cut` says afterwards that the sender of these bytes ended its connection while they were held.
    """

    __slots__ = ("cut", "done")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.done: asyncio.Future[None] = loop.create_future()
        self.cut = False

    def release(self) -> None:
        """Let the bytes go on; harmless when they already did. To be called in the recorder's loop."""
        if not self.done.done():
            self.done.set_result(None)


@dataclass(frozen=True, slots=True)
class Close:
    """Stop this connection, both sides of it, once what was already yielded is written.

    `answer` is written to the service first. `rst`: the service sees a reset instead of an orderly end.
    """

    rst: bool = False
    answer: bytes = b""


@dataclass(frozen=True, slots=True)
class Back:
    """Bytes of the tap's own that go back to whoever sent what is being taken, not on: an answer that nobody else gave.

    The session sees to it that they do not come into the middle of a message that passes that way.
    """

    data: bytes


@dataclass(frozen=True, slots=True)
class Later:
    """Let everything else go on; when `hold` is released, carry out what `then` yields, as if it had been yielded here.

    Nothing comes of it where this direction, or the connection, has ended by then.
    """

    hold: Hold
    then: "Callable[[], Iterator[Step]]"


Step = bytes | Hold | Close | Back | Later


class Session(Protocol):
    """What one tap does with one connection. Never raises: the not understood is one `gap` event, and passes untouched."""

    def from_service(self, data: bytes) -> Iterator[Step]:
        """Take what the service sent; bytes yielded go on to the target."""
        ...

    def from_target(self, data: bytes) -> Iterator[Step]:
        """Take what the target sent; bytes yielded go on to the service."""
        ...

    def ended(self, by: Side, how: Ending) -> None:
        """Take note that a side ended its direction (fin) or the whole connection (rst); called once for each side at most."""
        ...


class Quick(NamedTuple):
    """The short way of one direction, taken by what nothing holds and nothing changes.

    `lets_pass` tells whether these bytes may go on as they are and be read later; if so they are given to `put_off` right after
    they have gone on, with the time right before, on the machine's clock. Neither raises.
    """

    lets_pass: Callable[[bytes], bool]
    put_off: Callable[[bytes, float], object]


@runtime_checkable
class Quickly(Session, Protocol):
    """A session that can tell at once of most bytes that they go on: of those its generator is not asked."""

    def quick(self, by: Side) -> Quick:
        """Return the short way of what this side sends."""
        ...


@runtime_checkable
class Gathering(Session, Protocol):
    """A session whose target can do nothing with a part of a request: where a service sends it in parts, they go on together."""

    def gathers(self) -> bool:
        """Tell whether it is so."""
        ...


class Terminal(Protocol):
    """The end of the road: a resource of the harness that answers one connection itself."""

    def received(self, data: bytes) -> Iterator[Step]:
        """Take what the client sent; bytes yielded go back to it."""
        ...

    def ended(self, how: Ending) -> None:
        """Take note that the client ended its direction (fin) or the connection (rst)."""
        ...


@runtime_checkable
class Greeting(Terminal, Protocol):
    """A terminal that speaks first."""

    def opened(self) -> Iterator[Step]:
        """Return what the client hears before it has said anything."""
        ...


class Note(Protocol):
    """What a tap saw, and makes an event of when it is asked to. `t` is when it passed, on the machine's clock."""

    t: float

    def event(self) -> Event | None:
        """Return the event, once; None where there is none. Never raises."""
        ...


class Postbox(Protocol):
    """A mailbox of the harness, as a tap gives it a mail that was sent by a call to AWS."""

    name: str

    def requested(self, wire: str, x: int, mail: "Mail") -> Event:
        """Return the event of a mail that is asked to be taken."""
        ...

    def take(self, tap: "Tap", wire: str, x: int, mail: "Mail") -> "Generator[Step, None, str]":
        """Record and take a mail, with the barriers before and after; return its key, empty where it was cut before."""
        ...


class Sink(Protocol):
    """Where taps and resources put what they saw; implemented by the recorder."""

    def record(self, event: Event) -> Hold | None:
        """Put the event into the journal, with `n` and `t` given here; it belongs to the recorder from now on.

        To be called before the bytes it describes are yielded. A Hold that comes back is to be yielded before these bytes.
        An event that has its `t` already (from `later`) keeps it.
        """
        ...

    @property
    def watched(self) -> Sized:
        """Return the moments that somebody waits for. While there are none, nothing can be held."""
        ...

    def note(self, note: Note, size: int) -> None:
        """Record soon what this note tells of, of which it keeps `size` bytes; only while no moment is watched.

        Whatever passes later, in whichever tap, is recorded after it. So the bytes may go on first, if the note is made before
        anything else can pass: order and times of the journal are those of recording first. A note that is made by `take` (see
        `later`) is recorded at once, with the t given there.
        """
        ...

    def later(self, take: Callable[[bytes, float], None], data: bytes, t: float) -> bool:
        """Have `take(data, t)` record soon what these bytes mean, so that they may go on at once.

        `t` is when they did, on the machine's clock; `take` is given it as its events have it.

        As with `note`, whatever passes later is recorded after it. `take` must not raise. False while somebody waits for a
        moment: then nothing is left that was put off.
        """
        ...

    def settle(self) -> None:
        """Have everything recorded that was put off."""
        ...

    def pause(self, seconds: float) -> Hold:
        """Return a Hold that is released after so many seconds, or when the world is closed."""
        ...

    def until_disarmed(self, rule_id: str) -> Hold:
        """Return a Hold that is released when the fault with this rule ends (at once where it has), or the world is closed.

        A rule that was used up (`times`) has not ended.
        """
        ...

    def queue_key(self, broker: Literal["aws", "rabbitmq"], queue: str) -> Key | None:
        """Return where the key of a message of this queue stands, None where none was declared."""
        ...

    def queue_group(self, queue: str) -> Key | None:
        """Return where the group of a message of this queue of AWS stands in its body, None where that was not declared."""
        ...

    def resource(self, name: str) -> Declaration | None:
        """Return the declaration of a resource, None where there is none of this name."""
        ...

    def postbox(self) -> Postbox | None:
        """Return the mailbox that takes what calls to AWS send, None where there is none."""
        ...

    @property
    def receipts(self) -> "Receipts | None":
        """Return what is known of receipt handles; None where no queue of SQS was declared: then links to AWS refuse nothing."""
        ...


class Tap(NamedTuple):
    """What a session is told about its place: the link, which of the taps, the connection (one number near and far).

    `shared` is one dict for all connections and both taps of this link, where a protocol keeps what it has to remember of them.
    """

    link: str
    at: Seat
    conn: int
    recorder: Sink
    rules: RuleBook
    shared: dict[str, object]
