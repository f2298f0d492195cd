"""A tap on a protocol that nobody reads."""

import asyncio

from harness.wire import tcp
from harness.wire.streams import Session
from tests.wire.taps import CollectingSink, tap


async def passed(session: Session) -> list[object]:
    steps = [*session.from_service(b"one"), *session.from_service(b"two"), *session.from_target(b"three")]
    session.ended("service", "fin")
    return list[object](steps)


def test_everything_passes_and_is_counted():
    sink = CollectingSink()
    steps = asyncio.run(passed(tcp.session(tap(sink))))

    assert steps == [b"one", b"two", b"three"]
    assert [(event.kind, event.size, event.data) for event in sink.events] == [
        ("moved", 3, {"side": "request"}),
        ("moved", 5, {"side": "answer"}),
        ("moved", 3, {"side": "request"}),
    ]
