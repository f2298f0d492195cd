"""Where a message goes that is published to an exchange: what follows from the exchanges and bindings that were seen.

Direct, fanout, topic and headers exchanges as RabbitMQ documents them, and bindings between exchanges; topics of SNS, of which a
subscription is a binding, its filter policy the arguments. What an exchange does of which nobody saw the declaration cannot be
known: its queues are possible, not sure.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from harness.history.journal import Seen

PREDECLARED = {
    "amq.direct": "direct", "amq.fanout": "fanout", "amq.topic": "topic", "amq.headers": "headers", "amq.match": "headers",
}  # fmt: skip


class Binding(NamedTuple):
    """One way out of an exchange: to a queue, or on to another exchange."""

    to: str
    onward: bool
    key: str
    arguments: Mapping[str, object]


class Goal(NamedTuple):
    """The queues that a message must have been put into; `sure`: and into no others."""

    queues: tuple[str, ...]
    sure: bool


class Routes:
    """The exchanges of a world and their bindings, as they are at this point of its history."""

    def __init__(self) -> None:
        self._kinds = dict(PREDECLARED)
        self._bindings: dict[str, list[Binding]] = {}

    def declare(self, name: str, kind: str) -> None:
        """Take note of an exchange; declared again it stays what it is."""
        self._kinds.setdefault(name, kind)

    def bound(self, event: Seen) -> None:
        """Take a `bound` event."""
        exchange, binding = _binding(event)
        ways = self._bindings.setdefault(exchange, [])
        if binding not in ways:
            ways.append(binding)

    def unbound(self, event: Seen) -> None:
        """Take an `unbound` event."""
        exchange, binding = _binding(event)
        self._bindings[exchange] = [one for one in self._bindings.get(exchange, ()) if one != binding]

    def goal(self, exchange: str, key: str, headers: Mapping[str, object]) -> Goal:
        """Return where a message with this routing key and these headers goes from an exchange."""
        found, sure, seen, todo = dict[str, None](), True, {exchange}, [exchange]
        while todo:
            name = todo.pop()
            kind = self._kinds.get(name, "")
            sure = sure and kind in FITS
            for way in self._ways(name, kind, key, headers):
                if not way.onward:
                    found[way.to] = None
                elif way.to not in seen:
                    seen.add(way.to)
                    todo.append(way.to)
        return Goal(tuple(found), sure)

    def _ways(self, name: str, kind: str, key: str, headers: Mapping[str, object]) -> Iterator[Binding]:
        fits = FITS.get(kind)
        for way in self._bindings.get(name, ()) if fits is not None else ():
            if fits is not None and fits(way, key, headers):
                yield way


def _binding(event: Seen) -> tuple[str, Binding]:
    data = event.data or {}
    arguments = data.get("arguments")
    to, onward = (event.queue, False) if event.queue else (str(data.get("to", "")), True)
    key = str(data.get("routing_key", ""))
    return str(data.get("exchange", "")), Binding(to, onward, key, arguments if isinstance(arguments, dict) else {})


def _direct(way: Binding, key: str, headers: Mapping[str, object]) -> bool:
    del headers
    return way.key == key


def _fanout(way: Binding, key: str, headers: Mapping[str, object]) -> bool:
    del way, key, headers
    return True


def _topic(way: Binding, key: str, headers: Mapping[str, object]) -> bool:
    del headers
    return _matches(_words(way.key), _words(key))


def _words(key: str) -> list[str]:
    return key.split(".") if key else []


def _matches(pattern: list[str], words: list[str]) -> bool:
    """Tell whether words are as a pattern wants them: * is one word, # any number."""
    if not pattern:
        return not words
    if pattern[0] == "#":
        return any(_matches(pattern[1:], words[skipped:]) for skipped in range(len(words) + 1))
    return bool(words) and pattern[0] in ("*", words[0]) and _matches(pattern[1:], words[1:])


def _headers(way: Binding, key: str, headers: Mapping[str, object]) -> bool:
    """Compare as x-match says: all (the default) or any of the arguments; those that begin with x- count only if it says so."""
    del key
    how = str(way.arguments.get("x-match", "all"))
    wanted = {
        name: value
        for name, value in way.arguments.items()
        if name != "x-match" and (how.endswith("-with-x") or not name.startswith("x-"))
    }
    equal = [name in headers and value in (None, headers[name]) for name, value in wanted.items()]
    return any(equal) if how.startswith("any") else all(equal)


def _subscribed(way: Binding, key: str, headers: Mapping[str, object]) -> bool:
    """Tell whether the attributes of a message are what a filter policy of plain values wants; the empty one takes all."""
    del key
    return all(isinstance(wanted, list) and headers.get(name) in wanted for name, wanted in way.arguments.items())


FITS = {"direct": _direct, "fanout": _fanout, "topic": _topic, "headers": _headers, "sns": _subscribed}
