"""What link tests need: a loop in a thread, a session that passes bytes, a relay like Toxiproxy, a whole link."""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from typing import Any, TypeVar

from harness.clock import eventually
from harness.history.events import Event
from harness.wire.link import TappedLink, Target
from harness.wire.streams import Back, Ending, Session, Side, Step, Tap
from tests.wire.taps import CollectingSink

T = TypeVar("T")
RESET = struct.pack("ii", 1, 0)


async def rounds(loop: asyncio.AbstractEventLoop, count: int = 20) -> None:
    """Let the loop go round so many times."""
    for _ in range(count):
        turn = loop.create_future()
        loop.call_soon(turn.set_result, None)
        await turn


class Loop:
    """An event loop in a thread of its own; `call` runs a function there."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._thread = threading.Thread(target=loop.run_forever, daemon=True)
        self._thread.start()

    def call(self, function: Callable[[], T]) -> T:
        async def inside() -> T:
            return function()

        return self.wait(inside())

    def wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(60)

    def close(self) -> None:
        self.wait(rounds(self.loop))  # what is closing calls back once more
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(60)
        self.loop.close()


class Passing:
    """A session that passes bytes on, and records each chunk of the service as an attempt."""

    def __init__(self, tap: Tap) -> None:
        self.tap = tap

    def from_service(self, data: bytes) -> Iterator[Step]:
        hold = self.tap.recorder.record(
            Event(kind="attempted", at=self.tap.at, link=self.tap.link, conn=self.tap.conn, body=data[:16].decode("latin-1"))
        )
        if hold is not None:
            yield hold
        yield data

    def from_target(self, data: bytes) -> Iterator[Step]:
        yield data

    def ended(self, by: Side, how: Ending) -> None:
        self.tap.recorder.record(
            Event(kind="noticed", at=self.tap.at, link=self.tap.link, conn=self.tap.conn, how=how, data={"by": by})
        )


class Answering(Passing):
    """A session that also says what it passes on back to whoever sent it."""

    def from_service(self, data: bytes) -> Iterator[Step]:
        yield from super().from_service(data)
        yield Back(data.upper())


class FakeToxiproxy:
    """Dials inside its accept loop, passes bytes, and turns every end into an orderly one, as Toxiproxy does."""

    def __init__(self) -> None:
        self.upstream = 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._open.append(client)
                target = socket.create_connection(("127.0.0.1", self.upstream))
                self._open.append(target)
                for source, sink in ((client, target), (target, client)):
                    self._threads.append(threading.Thread(target=self._relay, args=(source, sink), daemon=True))
                    self._threads[-1].start()

    def _relay(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for one in (sink, source):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with suppress(OSError):  # it may be closed
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self._open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(60)
        for one in self._open:
            one.close()


class Road:
    """A whole link in front of a listening socket that plays the broker."""

    def __init__(
        self, loop: Loop, session: Callable[[Tap], Session], target: Target | None = None, *, direct: bool = False
    ) -> None:
        self.loop = loop
        self.sink = CollectingSink()
        self.sink.loop = loop.loop
        self.rules = self.sink.book
        self.broker = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.broker.settimeout(60)
        self.toxiproxy = FakeToxiproxy()
        goal: Target = target or ("127.0.0.1", self.broker.getsockname()[1])
        self.link = loop.call(lambda: TappedLink("writer->tcs", sink=self.sink, rules=self.rules, session=session, target=goal))
        self.toxiproxy.upstream = self.link.far
        via = self.link.far if direct else self.toxiproxy.port
        loop.call(lambda: self.link.connect(via))
        self._sockets: list[socket.socket] = []

    def call(self) -> socket.socket:
        one = socket.create_connection(("127.0.0.1", self.link.near), timeout=60)
        self._sockets.append(one)
        return one

    def answer(self) -> socket.socket:
        one, _ = self.broker.accept()
        one.settimeout(60)
        self._sockets.append(one)
        return one

    def story(self, *kinds: str) -> list[tuple[str, str, int, str]]:
        return [(event.at, event.kind, event.conn, event.how) for event in self.sink.of(*kinds)]

    def _first(self, kind: str, at: str) -> Event | None:
        return next((event for event in self.sink.events if (event.kind, event.at) == (kind, at)), None)

    def until(self, kind: str, at: str) -> Event:
        found = eventually(lambda: self._first(kind, at), awaited=f"{kind} at {at}", within=60, last=lambda: self.sink.events)
        assert found is not None
        return found

    def close(self) -> None:
        for one in self._sockets:
            one.close()
        self.toxiproxy.close()
        self.loop.call(self.link.close)
        self.broker.close()


def rst(one: socket.socket) -> None:
    """Close so that the peer sees a reset."""
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    one.close()


def received(one: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = one.recv(65536)
        if not piece:
            break
        data += piece
    return data
