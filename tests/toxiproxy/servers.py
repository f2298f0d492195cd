"""Small servers on loopback for tests: both Toxiproxies, an echo, and one that gives a prepared answer or none."""

import asyncio
import contextlib
import socket
import socketserver
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from harness.address import free_port
from harness.clock import eventually
from harness.errors import StackError
from harness.stack.provision import provisioned
from harness.toxiproxy.client import Toxiproxy
from harness.toxiproxy.embedded.api import Api
from harness.toxiproxy.embedded.server import LOOP
from harness.toxiproxy.embedded.serving import protocol
from harness.warden import Warden


@contextlib.contextmanager
def original() -> Iterator[int]:
    """Run a Toxiproxy server of our own, which does not outlive this process, and yield the port of its API."""
    warden = Warden.start()
    try:
        port = free_port()
        command = [str(provisioned(print, toxiproxy="server").toxiproxy), "-host", "127.0.0.1", "-port", str(port)]
        warden.spawn("toxiproxy", command, environment={"LOG_LEVEL": "error"}, log=warden.folder / "toxiproxy.log")
        client = Toxiproxy("127.0.0.1", port)
        eventually(lambda: _answers(client), awaited=f"Toxiproxy at {port}", within=60)
        yield port
    finally:
        warden.end()


@contextlib.contextmanager
def toxiproxy_server() -> Iterator[Toxiproxy]:
    """Run a Toxiproxy server of our own and yield a client of it."""
    with original() as port:
        yield Toxiproxy("127.0.0.1", port)


@contextlib.contextmanager
def embedded(seed: int = 0) -> Iterator[int]:
    """Run the embedded server in a thread of this process, and yield the port of its API."""
    port: Future[int] = Future()
    ended = asyncio.Event()

    async def serve() -> None:
        loop, api = asyncio.get_running_loop(), Api(seed)
        server = await loop.create_server(protocol(api), "127.0.0.1", 0)
        loops.append(loop)
        port.set_result(server.sockets[0].getsockname()[1])
        await ended.wait()
        server.close()
        api.proxies.stop()

    loops: list[asyncio.AbstractEventLoop] = []
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(_run, serve())
        yield port.result()
        loops[0].call_soon_threadsafe(ended.set)
        running.result()


def _run(coroutine: Coroutine[None, None, None]) -> None:
    with asyncio.Runner(loop_factory=LOOP) as runner:
        runner.run(coroutine)


SERVERS = {"server": original, "embedded": embedded}


def _answers(client: Toxiproxy) -> str:
    with contextlib.suppress(StackError):
        return client.version()
    return ""


class _Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        while data := self.request.recv(65536):
            self.request.sendall(data)


class _ThreadingServer(socketserver.ThreadingTCPServer):
    daemon_threads = True


@contextlib.contextmanager
def echo() -> Iterator[tuple[str, int]]:
    """Run a server that sends back what it gets; yield its address."""
    with _ThreadingServer(("127.0.0.1", 0), _Echo) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield "127.0.0.1", server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def answering(answer: bytes | None) -> Iterator[int]:
    """Take one connection and give this answer to its first bytes, or hang (None); yield the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_answer_once, args=(listener, answer))
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            thread.join()


def _answer_once(listener: socket.socket, answer: bytes | None) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.recv(65536)
        if answer is None:
            connection.recv(1)  # until the client gives up
        else:
            connection.sendall(answer)


def exchange(port: int, data: bytes) -> bytes:
    """Connect, send, and return what comes back first."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(data)
        return connection.recv(65536)


def nobody_there() -> int:
    """Return a port where nothing listens."""
    return free_port()
