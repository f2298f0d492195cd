"""Hands that only write down what they were told (a fake: acts on real links belong to the sandbox's own tests)."""

import threading
from collections.abc import Callable, Sequence

from harness.errors import UsageError
from harness.faults.hands import Signal
from harness.history.events import Event
from harness.model import Link, Moment
from harness.toxiproxy.toxics import Toxic
from harness.wire.rules import Rule
from harness.wire.weather import Weather

TCS = Link("writer", "tcs")
BROKER = Link("writer", "rabbitmq")
THINGS = ("tcs", "jobs", "writer")


class RecordingHands:
    """Writes each act down as one text; moments happen and timers ring when the test says so."""

    def __init__(self, *, fails: Sequence[str] = ()) -> None:
        self.acts: list[str] = []
        self.events: list[Event] = []
        self.rules: list[Rule] = []
        self.weathers: list[Weather] = []
        self.timers: list[tuple[float, Callable[[], None]]] = []
        self.watched: dict[str, tuple[Moment, Callable[[Event], None]]] = {}
        self.happened: set[Moment] = set()
        self.fails = set(fails)
        self.number = 0
        self.lock = threading.Lock()

    def known_links(self) -> Sequence[Link]:
        return [TCS, BROKER]

    def known_victims(self) -> Sequence[str]:
        return ["writer"]

    def refuse(self, link: Link) -> None:
        self._act(f"refuse {link}")

    def accept(self, link: Link) -> None:
        self._act(f"accept {link}")

    def disable_proxy(self, link: Link) -> None:
        self._act(f"disable {link}")

    def enable_proxy(self, link: Link) -> None:
        self._act(f"enable {link}")

    def add_latency(self, link: Link, seconds: float, *, jitter: float = 0.0) -> None:
        self._act(f"latency {link} {seconds:g}" + (f" +-{jitter:g}" if jitter else ""))

    def remove_latency(self, link: Link) -> None:
        self._act(f"no latency {link}")

    def supports(self, rule: Rule) -> None:
        if f"support {rule.name}" in self.fails:
            message = f"{rule.name} on {rule.link}: there is no such thing here"
            raise UsageError(message)

    def set_toxic(self, link: Link, toxic: Toxic) -> None:
        self._act(f"toxic {link} {toxic.name} {dict(toxic.attributes)}")

    def remove_toxic(self, link: Link, toxic: Toxic) -> None:
        self._act(f"no toxic {link} {toxic.name}")

    def carries(self, weather: Weather) -> None:
        if weather.on == "Basic.Consume" and weather.link == str(TCS):
            message = f"no connection of {weather.link} carries Basic.Consume"
            raise UsageError(message)

    def begin_weather(self, weather: Weather) -> None:
        self.weathers.append(weather)
        self._act(f"weather {weather.id}")

    def end_weather(self, link: Link, ident: str) -> None:
        self._act(f"no weather {link} {ident}")

    def arm(self, rule: Rule) -> None:
        self.rules.append(rule)
        self._act(f"arm {rule.id}")

    def disarm(self, rule_id: str) -> None:
        self._act(f"disarm {rule_id}")

    def kill(self, victim: str, signal: Signal) -> None:
        self._act(f"kill {victim} {signal}")

    def pause(self, victim: str) -> None:
        self._act(f"pause {victim}")

    def resume(self, victim: str) -> None:
        self._act(f"resume {victim}")

    def restart(self, victim: str) -> None:
        self._act(f"restart {victim}")

    def record(self, event: Event) -> object:
        self.events.append(event)
        self._act(f"{event.how} {event.fault}")
        return event

    def watch(self, moment: Moment, then: Callable[[Event], None]) -> str:
        if moment.thing not in THINGS:
            message = f"there is no {moment.thing!r}; there are: {', '.join(THINGS)}"
            raise UsageError(message)
        with self.lock:
            self.number += 1
            ident = f"w{self.number}"
        if moment in self.happened:
            then(Event(kind="effected"))
        else:
            self.watched[ident] = (moment, then)
        return ident

    def unwatch(self, ident: str) -> None:
        self.watched.pop(ident, None)

    def later(self, seconds: float, then: Callable[[], None]) -> Callable[[], None]:
        timer = (seconds, then)
        self.timers.append(timer)
        return lambda: self.timers.remove(timer) if timer in self.timers else None

    # what the test does

    def happens(self, moment: Moment) -> None:
        """Let a moment come, as the recorder's client would report it: once for each watch."""
        self.happened.add(moment)
        for ident, (awaited, then) in list(self.watched.items()):
            if awaited == moment:
                self.watched.pop(ident)
                then(Event(kind="effected"))

    def rings(self) -> float:
        """Let the first timer ring and return how long it was to wait."""
        seconds, then = self.timers.pop(0)
        then()
        return seconds

    def since(self, number: int) -> list[str]:
        """Return what was done after so many acts."""
        return self.acts[number:]

    def _act(self, text: str) -> None:
        self.acts.append(text)
        if text in self.fails:
            message = f"cannot {text}"
            raise OSError(message)
