"""Connections to a resource: without sockets, and through both taps of a real link for real clients."""

from collections.abc import Iterator
from contextlib import contextmanager

from harness.resources.serving import Resource
from harness.wire import http
from harness.wire.streams import Close, Step
from tests.wire.linked import linked
from tests.wire.taps import CollectingSink, cut, tap


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


def _answer(step: Step) -> bytes:
    return step.answer if isinstance(step, Close) else b""


@contextmanager
def visited(resource: Resource, sink: CollectingSink) -> Iterator[str]:
    """Open a link to the resource; give its URL."""
    with linked("writer->tcs", http.session, resource.session, sink) as one:
        yield one.url
