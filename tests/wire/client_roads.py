"""Whole links for tests: both taps in a loop of their own, a real Toxiproxy between them, and a sink that keeps the events."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from harness.toxiproxy.client import Toxiproxy
from harness.wire import amqp, http, sqs
from harness.wire.link import Opener, TappedLink
from harness.wire.rules import RuleBook
from tests.wire.links import rounds
from tests.wire.taps import CollectingSink

T = TypeVar("T")
SESSIONS: dict[str, Opener] = {"amqp": amqp.session, "http": http.session, "sqs": sqs.session}


class KeepingSink(CollectingSink):
    """Keeps what the taps saw (a fake of the recorder: no journal, no barriers, nothing declared, nothing put off)."""

    watched = ("everything",)

    def later(self, take: Callable[[bytes, float], None], data: bytes, t: float) -> bool:
        return False


class Road:
    """One link whose near port is `port`."""

    def __init__(self, name: str, link: TappedLink, sink: KeepingSink, toxiproxy: Toxiproxy, do: Callable[..., Any]) -> None:
        self.name = name
        self.port = link.near
        self._link = link
        self._sink = sink
        self._toxiproxy = toxiproxy
        self._do = do

    def outage(self) -> None:
        self._do(self._link.refuse)
        self._toxiproxy.disable(self.name)

    def over(self) -> None:
        self._toxiproxy.enable(self.name)
        self._do(self._link.accept)

    def opened(self) -> int:
        """Return how many connections have come through to the far tap."""
        return sum((event.at, event.kind) == ("far", "opened") for event in self._sink.events)

    def seen(self) -> set[tuple[str, str]]:
        return {(event.at, event.kind) for event in self._sink.events}


class Roads:
    """Makes links; the loop that they live in runs in a thread until `close`."""

    def __init__(self, toxiproxy: Toxiproxy) -> None:
        self._toxiproxy = toxiproxy
        self._number = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    @contextlib.contextmanager
    def to(self, target: tuple[str, int], protocol: str) -> Iterator[Road]:
        """Make a link that leads to `target`, and take it away at the end."""
        self._number += 1
        name = f"writer->{protocol}-{self._number}"
        sink = KeepingSink()
        link = self._do(lambda: TappedLink(name, sink=sink, rules=RuleBook(), session=SESSIONS[protocol], target=target))
        via = self._toxiproxy.create(name, ("127.0.0.1", link.far))
        self._do(link.connect, via)
        try:
            yield Road(name, link, sink, self._toxiproxy, self._do)
        finally:
            self._do(link.close)
            self._toxiproxy.delete(name)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(60)
        self._loop.run_until_complete(rounds(self._loop))
        self._loop.close()

    def _do(self, act: Callable[..., T], *arguments: object) -> T:
        """Call something in the loop, as links want it, and return what it returns."""

        async def done() -> T:
            return act(*arguments)

        return asyncio.run_coroutine_threadsafe(done(), self._loop).result(60)
