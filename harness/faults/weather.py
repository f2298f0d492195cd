"""The actor of all byte-level faults: Toxiproxy carries them out and the taps look at what comes of it, or the taps do both."""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from harness.faults.arguments import link_of
from harness.faults.bandwidth import toxics as of_bandwidth
from harness.faults.cut_short import toxics as of_cut_short
from harness.faults.hands import Hands
from harness.faults.sliced import toxics as of_sliced
from harness.faults.slow_close import toxics as of_slow_close
from harness.faults.timeout import toxics as of_timeout
from harness.model import Fault
from harness.toxiproxy.toxics import Toxic
from harness.wire.weather import Weather

TOXICS: Mapping[str, Callable[[Fault], Sequence[Toxic]]] = {
    "bandwidth": of_bandwidth,
    "cut_short": of_cut_short,
    "sliced": of_sliced,
    "slow_close": of_slow_close,
    "timeout": of_timeout,
}
ONCE = frozenset({"reset"})
"""Faults that are over when they have happened, unless they last."""

FOR_GOOD = frozenset({"half_open"})
"""Faults that `heal` does not end."""


class WeatherActor:
    """Sets and takes away the toxics of a fault, and tells the taps."""

    def begin(self, ident: str, fault: Fault, hands: Hands, on: Sequence[Fault]) -> None:
        """Have the taps look first: what happens at once is to be seen."""
        hands.begin_weather(weather_of(ident, fault))
        for toxic in _acting(on).values():
            hands.set_toxic(link_of(fault), toxic)

    def end(self, ident: str, fault: Fault, hands: Hands, on: Sequence[Fault]) -> None:
        """Take away what no other fault of its kind still asks for."""
        acting = _acting(on)
        for name, toxic in _acting([fault]).items():
            if name in acting:
                hands.set_toxic(link_of(fault), acting[name])
            else:
                hands.remove_toxic(link_of(fault), toxic)
        hands.end_weather(link_of(fault), ident)


def _acting(faults: Sequence[Fault]) -> dict[str, Toxic]:
    """Return the toxics that act, by name: of two of one kind and direction that of the fault injected later."""
    return {toxic.name: toxic for fault in faults if fault.name in TOXICS for toxic in TOXICS[fault.name](fault)}


def weather_of(ident: str, fault: Fault) -> Weather:
    """Return what the taps are told of this fault; its settings have the names of the weather's fields."""
    values = {name: value for name, value in fault.settings if value is not None}
    return msgspec.convert({"id": ident, "name": fault.name, "link": str(link_of(fault)), **values}, Weather)
