"""What faults do in a sandbox: the acts of `harness.faults.hands`, carried out on this world's links, proxies and services."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import msgspec

from harness.errors import UsageError
from harness.faults.hands import Signal
from harness.faults.timers import Timers
from harness.history.events import Event
from harness.model import EVENTS, Link, Moment
from harness.sandbox.brokers import Brokers
from harness.sandbox.dead_letters import Counted, DeadLetters
from harness.sandbox.instances import Instance
from harness.sandbox.queues import Queue
from harness.sandbox.things import Context
from harness.sandbox.topics import Topic
from harness.services.process import Process
from harness.toxiproxy.toxics import Toxic
from harness.wire.rules import Rule
from harness.wire.weather import Weather

_KINDS = {"queue": Queue, "topic": Topic, "service": Instance}


class SandboxHands:
    """Implements `harness.faults.hands.Hands` for one sandbox."""

    def __init__(self, context: Context, timers: Timers, brokers: Brokers) -> None:
        self._context = context
        self._brokers = brokers
        self._timers = timers
        self._latencies: set[Link] = set()
        self._over: Counter[tuple[Link, str]] = Counter()
        self._looked: dict[str, DeadLetters] = {}

    def known_links(self) -> Sequence[Link]:
        """Return the links there are, in the order they were opened."""
        return tuple(self._context.links)

    def known_victims(self) -> Sequence[str]:
        """Return the names of the running services, and of the brokers that this sandbox has for itself."""
        return (*self._instances(), *self._brokers.names)

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
        proxy, speed = self._context.proxy(link), self._context.stack.speed
        self._context.toxiproxy.add_latency(proxy, seconds=seconds / speed, jitter=jitter / speed)
        self._latencies.add(link)

    def remove_latency(self, link: Link) -> None:
        """Let what comes back on this link come at once."""
        if link in self._latencies:
            self._latencies.remove(link)
            self._context.toxiproxy.calm(self._context.proxy(link), Toxic("latency", "downstream", {}))

    def supports(self, rule: Rule) -> None:
        """Refuse what the link's protocol cannot carry out."""
        self._context.world.supports(rule)

    def set_toxic(self, link: Link, toxic: Toxic) -> None:
        """Have Toxiproxy do this to the link."""
        quicker = toxic.at(self._context.stack.speed)
        self._context.toxiproxy.set_toxic(self._context.proxy(link), self._labelled(link, quicker))

    def remove_toxic(self, link: Link, toxic: Toxic) -> None:
        """Have Toxiproxy do this no more."""
        self._context.toxiproxy.calm(self._context.proxy(link), self._labelled(link, toxic))
        self._over[link, toxic.name] += 1

    def _labelled(self, link: Link, toxic: Toxic) -> Toxic:
        """Give each limit its own toxic: an open connection's count goes on for as long as the toxic is there, calm or not."""
        return replace(toxic, label=f"_{self._over[link, toxic.name]}") if toxic.type == "limit_data" else toxic

    def carries(self, weather: Weather) -> None:
        """Refuse an operation that is none of the link's."""
        self._context.world.carries(weather)

    def begin_weather(self, weather: Weather) -> None:
        """Have the taps look out for this weather, or make it."""
        speed = self._context.stack.speed
        rate, seconds = round(weather.bytes_per_second * speed), weather.seconds / speed
        self._context.world.begin(msgspec.structs.replace(weather, bytes_per_second=rate, seconds=seconds))

    def end_weather(self, link: Link, ident: str) -> None:
        """Have the taps look no more, or stop."""
        self._context.world.end(link, ident)

    def arm(self, rule: Rule) -> None:
        """Have the taps apply this rule."""
        self._context.world.arm(rule)

    def disarm(self, rule_id: str) -> None:
        """Have the taps forget this rule."""
        self._context.world.disarm(rule_id)

    def kill(self, victim: str, signal: Signal) -> None:
        """Send the signal to a service; KILL includes its descendants."""
        if victim in self._brokers.names:
            self._brokers.kill(victim, signal)
            return
        process = self._process(victim)
        if signal == "KILL":
            process.kill()
        else:
            process.ask_to_end()

    def pause(self, victim: str) -> None:
        """Have a service and all it has forked stand still."""
        self._process(victim).pause()

    def resume(self, victim: str) -> None:
        """Let them go on."""
        self._process(victim).resume()

    def restart(self, victim: str) -> None:
        """Start the service again with the wiring it had, or the broker with the data it has kept."""
        if victim in self._brokers.names:
            self._brokers.restart(victim)
            return
        self._instances()[victim].restart()

    def record(self, event: Event) -> Event:
        """Put the event into the journal; of a fault behind what had changed by then."""
        if event.kind == "fault":
            self._context.read()
        return self._context.record(event)

    def watch(self, moment: Moment, then: Callable[[Event], None]) -> str:
        """Call `then` once, while the bytes of the moment are held. Raises UsageError for a thing or an event that cannot be."""
        thing = self._context.things.get(moment.thing)
        if thing is None:
            message = f"{moment!r}: there is no {moment.thing!r} in this sandbox; there are: {', '.join(self._context.things)}"
            raise UsageError(message)
        kind = next((kind for kind, made in _KINDS.items() if isinstance(thing, made)), "resource")
        if moment.event not in EVENTS[kind]:
            message = f"{moment!r}: {thing.described} has the moments {', '.join(EVENTS[kind])}, not {moment.event!r}"
            raise UsageError(message)
        looks = self._looks(thing, moment) if isinstance(thing, Queue) and moment.event == "dead_lettered" else None
        ident = self._context.world.watch(moment, then)
        if looks is not None:
            self._looked[ident] = looks
            looks.watch()
        return ident

    def unwatch(self, ident: str) -> None:
        """Call nothing any more for this watch."""
        looks = self._looked.pop(ident, None)
        if looks is not None:
            looks.unwatch()
        self._context.world.unwatch(ident)

    def _looks(self, queue: Queue, moment: Moment) -> DeadLetters:
        """Return who looks for the dead letters of this queue. Raises UsageError where there can be none, or none with a key."""
        arrivals = queue.dead_letters.arrivals()
        if moment.key is not None and isinstance(arrivals, Counted):
            message = f"{moment!r}: RabbitMQ shows no message without handing it out, so no dead letter has a key; leave key= out"
            raise UsageError(message)
        if queue.deaths is None:
            queue.deaths = DeadLetters(queue.thing_name, arrivals, self._timers, self._context.record)
        return queue.deaths

    def later(self, seconds: float, then: Callable[[], None]) -> Callable[[], None]:
        """Call `then` after so many seconds."""
        return self._timers.later(seconds / self._context.stack.speed, then)

    def _process(self, victim: str) -> Process:
        instance = self._instances().get(victim)
        if instance is None:
            message = f"{victim} is no service that could be paused; for a broker that does not answer there is timeout(link)"
            raise UsageError(message)
        process = instance.process
        if process is None:
            message = f"nothing can be done to {victim}: it was not started"
            raise UsageError(message)
        return process

    def _instances(self) -> Mapping[str, Instance]:
        return {name: thing for name, thing in self._context.things.items() if isinstance(thing, Instance)}
