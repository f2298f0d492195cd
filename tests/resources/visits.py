"""Connections to a resource: without sockets, and through both taps of a real link for real clients."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from harness.resources.serving import Resource
from harness.wire import http
from harness.wire.link import TappedLink
from harness.wire.rules import RuleBook
from harness.wire.streams import Close, Hold, Step
from tests.wire.taps import CollectingSink, cut, tap

T = TypeVar("T")


class Visit:
    """One connection to a resource, its steps collected."""

    def __init__(self, resource: Resource, sink: CollectingSink) -> None:
        self.terminal = resource.session(tap(sink, at="resource", link="writer->tcs"))
        self.steps: list[Step] = []

    def send(self, data: bytes, *, by: int | None = None) -> bytes:
        """Send in chunks of `by` bytes; return what came back."""
        before = len(self.steps)
        for chunk in cut(data, by):
            self.steps.extend(self.terminal.received(chunk))
        return b"".join(step if isinstance(step, bytes) else _answer(step) for step in self.steps[before:])

    @property
    def closed(self) -> bool:
        return any(isinstance(step, Close) for step in self.steps)


def _answer(step: Close | Hold) -> bytes:
    return step.answer if isinstance(step, Close) else b""


@contextmanager
def linked(resource: Resource, sink: CollectingSink) -> Iterator[str]:
    """Open a link to the resource (no Toxiproxy in it); give its URL."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def call(function: Callable[[], T]) -> T:
        async def inside() -> T:
            return function()

        return asyncio.run_coroutine_threadsafe(inside(), loop).result(10)

    link = call(lambda: TappedLink("writer->tcs", sink=sink, rules=RuleBook(), session=http.session, target=resource.session))
    call(lambda: link.connect(link.far))
    try:
        yield f"http://127.0.0.1:{link.near}"
    finally:
        call(link.close)
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0.02), loop).result(10)  # what is closing calls back once more
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
