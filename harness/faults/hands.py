"""What a fault needs done in the world, as a protocol: the sandbox implements it, faults and their schedule call it."""

from collections.abc import Callable, Sequence
from typing import Literal, Protocol

from harness.history.events import Event
from harness.model import Fault, Link, Moment
from harness.toxiproxy.toxics import Toxic
from harness.wire.rules import Rule
from harness.wire.weather import Weather

Signal = Literal["KILL", "TERM"]


class Hands(Protocol):
    """The acts that faults are made of. All are synchronous, and what they say holds when they return.

    They are called from several threads: the test's, those in which a moment is reported (bytes are held meanwhile), and timers'.
    Acts on one link or victim never overlap. Failures are raised as HarnessError (or OSError). Times are production seconds:
    where a world's clock runs faster, `later` and `add_latency` divide them.
    """

    def known_links(self) -> Sequence[Link]:
        """Return the links there are, in the order they were made."""
        ...

    def known_victims(self) -> Sequence[str]:
        """Return the names of what can be killed: services, and brokers this sandbox has for itself alone."""
        ...

    def refuse(self, link: Link) -> None:
        """Close the listener that the service connects to: new connections are refused, open ones live on."""
        ...

    def accept(self, link: Link) -> None:
        """Listen there again, on the same port."""
        ...

    def disable_proxy(self, link: Link) -> None:
        """Disable the link's proxy in Toxiproxy: its open connections are closed."""
        ...

    def enable_proxy(self, link: Link) -> None:
        """Enable the link's proxy in Toxiproxy."""
        ...

    def add_latency(self, link: Link, seconds: float, *, jitter: float = 0.0) -> None:
        """Delay all that comes back on this link by so much, give or take the jitter, in place of a latency that is there."""
        ...

    def remove_latency(self, link: Link) -> None:
        """Let what comes back on this link come at once."""
        ...

    def supports(self, rule: Rule) -> None:
        """Raise UsageError, with a sentence, where the protocol of the rule's link cannot carry it out."""
        ...

    def set_toxic(self, link: Link, toxic: Toxic) -> None:
        """Have Toxiproxy do this to the link, in place of the toxic of this type and stream that is there already."""
        ...

    def remove_toxic(self, link: Link, toxic: Toxic) -> None:
        """Have Toxiproxy do this no more."""
        ...

    def carries(self, weather: Weather) -> None:
        """Raise UsageError, with a sentence, where the operation it names is none of the link's protocol."""
        ...

    def begin_weather(self, weather: Weather) -> None:
        """Have the taps of `weather.link` look out for what it does, or do it."""
        ...

    def end_weather(self, link: Link, ident: str) -> None:
        """Have the taps look no more, or stop; harmless where they do not."""
        ...

    def arm(self, rule: Rule) -> None:
        """Have the taps of `rule.link` apply this rule from the next message or request on."""
        ...

    def disarm(self, rule_id: str) -> None:
        """Have the taps forget this rule; harmless when it was used up."""
        ...

    def kill(self, victim: str, signal: Signal) -> None:
        """Send the signal to the victim; KILL includes all its descendants.

        After KILL the processes are gone; after TERM they may need their time. It must not wait until the exit has been recorded:
        a moment may begin another fault there.
        """
        ...

    def pause(self, victim: str) -> None:
        """Have the victim and all its descendants stand still; harmless where they do."""
        ...

    def resume(self, victim: str) -> None:
        """Let them go on."""
        ...

    def restart(self, victim: str) -> None:
        """Start the victim again with the wiring it had, without waiting until it is ready."""
        ...

    def record(self, event: Event) -> object:
        """Put the event into the journal; `n` and `t` are given there."""
        ...

    def watch(self, moment: Moment, then: Callable[[Event], None]) -> str:
        """Call `then` once, when a moment without parts and without `plus` comes, while its bytes are held.

        Returns a name for `unwatch`. Where it has come already, `then` is called at once. It may be called before this returns
        and from any thread. UsageError for a thing that does not exist.
        """
        ...

    def unwatch(self, ident: str) -> None:
        """Call nothing any more for this watch; harmless when its moment has come."""
        ...

    def later(self, seconds: float, then: Callable[[], None]) -> Callable[[], None]:
        """Call `then` in a thread of its own after so many seconds; return what calls that off, harmless when it has happened."""
        ...


class Actor(Protocol):
    """What one kind of fault does when it begins and when it ends.

    `on` are the faults of the same kind on the same link or victim that are on after this step, in the order they were injected:
    with it an actor can tell that another outage still holds a link down, or which of two latencies acts.
    """

    def begin(self, ident: str, fault: Fault, hands: Hands, on: Sequence[Fault]) -> None:
        """Put the fault in place; it holds when this returns."""
        ...

    def end(self, ident: str, fault: Fault, hands: Hands, on: Sequence[Fault]) -> None:
        """Take the fault away; nothing of it is left when this returns."""
        ...
