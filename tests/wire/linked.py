"""Both taps of a real link without Toxiproxy, in a loop of their own thread, for real clients."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from harness.clock import pause
from harness.wire.link import Opener, TappedLink, Target
from harness.wire.rules import Rule
from tests.wire.taps import CollectingSink

T = TypeVar("T")


class Linked:
    """A link whose near tap is at `url`."""

    def __init__(self, name: str, session: Opener, target: Target, sink: CollectingSink) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._rules = sink.book
        self._link = self._do(lambda: TappedLink(name, sink=sink, rules=self._rules, session=session, target=target))
        self._do(lambda: self._link.connect(self._link.far))
        self.port = self._link.near
        self.url = f"http://127.0.0.1:{self.port}"

    def arm(self, rule: Rule) -> None:
        self._do(lambda: self._rules.arm(rule))

    def close(self) -> None:
        self._do(self._link.close)
        pause(0.02)  # what is closing calls back once more
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(60)
        self._loop.close()

    def _do(self, function: Callable[[], T]) -> T:
        async def inside() -> T:
            return function()

        return asyncio.run_coroutine_threadsafe(inside(), self._loop).result(60)


@contextmanager
def linked(name: str, session: Opener, target: Target, sink: CollectingSink) -> Iterator[Linked]:
    one = Linked(name, session, target, sink)
    try:
        yield one
    finally:
        one.close()
