"""What faults do in a sandbox: the acts of `harness.faults.hands`, carried out on this world's links, proxies and services."""

from collections.abc import Callable, Mapping, Sequence

from harness.errors import UsageError
from harness.faults.hands import Signal
from harness.faults.timers import Timers
from harness.history.events import Event
from harness.model import EVENTS, Link, Moment
from harness.sandbox.instances import Instance
from harness.sandbox.queues import Queue
from harness.sandbox.things import Context
from harness.wire.rules import Rule


class SandboxHands:
    """Implements `harness.faults.hands.Hands` for one sandbox."""

    def __init__(self, context: Context, timers: Timers) -> None:
        self._context = context
        self._timers = timers
        self._latencies: dict[Link, str] = {}

    def known_links(self) -> Sequence[Link]:
        """Return the links there are, in the order they were opened."""
        return tuple(self._context.links)

    def known_victims(self) -> Sequence[str]:
        """Return the names of the running services."""
        return tuple(self._instances())

    def refuse(self, link: Link) -> None:
        """Close the listener that the service connects to."""
        self._context.world.refuse(link)

    def accept(self, link: Link) -> None:
        """Listen there again."""
        self._context.world.accept(link)

    def disable_proxy(self, link: Link) -> None:
        """Disable the link's proxy in Toxiproxy."""
        self._context.toxiproxy.disable(self._context.proxy(link))

    def enable_proxy(self, link: Link) -> None:
        """Enable the link's proxy in Toxiproxy."""
        self._context.toxiproxy.enable(self._context.proxy(link))

    def add_latency(self, link: Link, seconds: float, *, jitter: float = 0.0) -> None:
        """Delay what comes back on this link, in place of a latency that is there already.

        Toxiproxy updates it in place; taken away first, it would let go what it holds back.
        """
        proxy = self._context.proxy(link)
        self._latencies[link] = self._context.toxiproxy.add_latency(proxy, seconds=seconds, jitter=jitter)

    def remove_latency(self, link: Link) -> None:
        """Let what comes back on this link come at once."""
        toxic = self._latencies.pop(link, None)
        if toxic is not None:
            self._context.toxiproxy.remove_toxic(self._context.proxy(link), toxic)

    def supports(self, rule: Rule) -> None:
        """Refuse what the link's protocol cannot carry out."""
        self._context.world.supports(rule)

    def arm(self, rule: Rule) -> None:
        """Have the taps apply this rule."""
        self._context.world.arm(rule)

    def disarm(self, rule_id: str) -> None:
        """Have the taps forget this rule."""
        self._context.world.disarm(rule_id)

    def kill(self, victim: str, signal: Signal) -> None:
        """Send the signal to a service; KILL includes its descendants."""
        process = self._instances()[victim].process
        if process is None:
            message = f"{victim} cannot be killed: it was not started"
            raise UsageError(message)
        if signal == "KILL":
            process.kill()
        else:
            process.ask_to_end()

    def restart(self, victim: str) -> None:
        """Start the service again with the wiring it had."""
        self._instances()[victim].restart()

    def record(self, event: Event) -> Event:
        """Put the event into the journal."""
        return self._context.record(event)

    def watch(self, moment: Moment, then: Callable[[Event], None]) -> str:
        """Call `then` once, while the bytes of the moment are held. Raises UsageError for a thing or an event that cannot be."""
        thing = self._context.things.get(moment.thing)
        if thing is None:
            message = f"{moment!r}: there is no {moment.thing!r} in this sandbox; there are: {', '.join(self._context.things)}"
            raise UsageError(message)
        kind = "queue" if isinstance(thing, Queue) else "service" if isinstance(thing, Instance) else "resource"
        if moment.event not in EVENTS[kind]:
            message = f"{moment!r}: {thing.described} has the moments {', '.join(EVENTS[kind])}, not {moment.event!r}"
            raise UsageError(message)
        return self._context.world.watch(moment, then)

    def unwatch(self, ident: str) -> None:
        """Call nothing any more for this watch."""
        self._context.world.unwatch(ident)

    def later(self, seconds: float, then: Callable[[], None]) -> Callable[[], None]:
        """Call `then` after so many seconds."""
        return self._timers.later(seconds, then)

    def _instances(self) -> Mapping[str, Instance]:
        return {name: thing for name, thing in self._context.things.items() if isinstance(thing, Instance)}
