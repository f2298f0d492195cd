"""The recorder's loop: takes calls from its socket, runs the worlds, reports moments; ends when the socket does."""

import asyncio
import contextlib
import gc
import inspect
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from harness.address import LOOPBACK
from harness.errors import HarnessError, UsageError
from harness.history.events import Event, Header
from harness.recorder.protocol import TO_RECORDER, Answer, Call, Fired, Release
from harness.recorder.world import CALLABLE, RecordedWorld
from harness.toxiproxy.embedded.server import Embedded

LOOP: Callable[[], asyncio.AbstractEventLoop] | None
try:
    from uvloop import new_event_loop as LOOP  # noqa: N812 (a constant of this module)
except ImportError:  # pragma: no cover (no wheel for this platform: the plain loop is slower, nothing else)
    LOOP = None

FLUSH_EVERY = 0.05
LINE = 16 * 1024 * 1024


class Server:
    """All worlds of one recorder, and the one connection to who started it."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._worlds: dict[str, RecordedWorld] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._toxiproxy: asyncio.Task[Embedded] | None = None
        self._flushing: asyncio.TimerHandle

    async def run(self, reader: asyncio.StreamReader) -> None:
        """Serve until the client's end of the socket is closed; then close everything."""
        self._flush()
        try:
            while line := await reader.readline():
                self._take(TO_RECORDER.decode(line))
        finally:
            self._flushing.cancel()
            if self._toxiproxy is not None and self._toxiproxy.done() and self._toxiproxy.exception() is None:
                self._toxiproxy.result().stop()
            for world in self._worlds.values():
                world.close()

    def _flush(self) -> None:
        for world in self._worlds.values():
            with contextlib.suppress(HarnessError):  # whoever asks next is told
                world.write_out()
        self._flushing = asyncio.get_running_loop().call_later(FLUSH_EVERY, self._flush)

    def _take(self, message: Call | Release) -> None:
        if isinstance(message, Release):
            world = self._worlds.get(message.world)
            if world is not None:
                world.release(message.watch)
            return
        try:
            value = self._called(message)
        except Exception as error:  # noqa: BLE001 (whatever went wrong, the caller is told, and the other worlds go on)
            self._say(_failed(message.id, error))
            return
        if inspect.iscoroutine(value):
            task = asyncio.create_task(self._finish(message.id, value))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            self._say(Answer(message.id, value=value))

    async def _finish(self, ident: int, value: Any) -> None:
        try:
            self._say(Answer(ident, value=await value))
        except Exception as error:  # noqa: BLE001 (as above)
            self._say(_failed(ident, error))

    def _called(self, call: Call) -> Any:
        if call.method == "open" and not call.world:
            return self._open(**call.arguments)
        if call.method == "toxiproxy" and not call.world:
            return self._toxiproxy_port()
        if call.method not in CALLABLE:
            message = f"the recorder has no {call.method!r}"
            raise ValueError(message)
        world = self._worlds.get(call.world)
        if world is None:
            message = f"there is no world {call.world!r}: it is closed"
            raise ValueError(message)
        if call.method == "close":
            del self._worlds[call.world]
        return getattr(world, call.method)(**call.arguments)

    def _open(self, header: dict[str, Any], journal: str) -> None:
        made = msgspec.convert(header, Header)

        def fired(watch: str, event: Event) -> None:
            self._say(Fired(made.sandbox, watch, event))

        self._worlds[made.sandbox] = RecordedWorld(made, Path(journal), fired)

    async def _toxiproxy_port(self) -> int:
        """Return where the API of the embedded Toxiproxy listens; it is started when it is first asked for."""
        if self._toxiproxy is None:
            self._toxiproxy = asyncio.create_task(Embedded.start(LOOPBACK, 0, seed=0))
        port: int = (await self._toxiproxy).socket.getsockname()[1]
        return port

    def _say(self, message: Answer | Fired) -> None:
        self._writer.write(msgspec.json.encode(message) + b"\n")


def _failed(ident: int, error: Exception) -> Answer:
    return Answer(ident, error=_told(error), ours=isinstance(error, HarnessError) and not isinstance(error, UsageError))


def _told(error: Exception) -> str:
    known = isinstance(error, KeyError)
    return f"nothing is called {error.args[0]!r} here" if known and error.args else str(error) or repr(error)


async def serve(connection: socket.socket) -> None:
    """Serve one client on this socket until it is closed."""
    reader, writer = await asyncio.open_connection(sock=connection, limit=LINE)
    # What was imported lives as long as the process: collections must not walk it while messages wait.
    gc.freeze()
    try:
        await Server(writer).run(reader)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


def main(connection: socket.socket) -> None:
    """Run the loop until the client is gone; with uvloop where it is installed."""
    connection.setblocking(False)  # noqa: FBT003 (the socket module's own signature)
    with asyncio.Runner(loop_factory=LOOP) as runner:
        runner.run(serve(connection))
