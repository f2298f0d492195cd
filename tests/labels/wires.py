"""A broker that lies: a proxy before the real one that passes everything on, but for single messages says or does another thing.

It stands behind the far tap, so what it does is the broker's doing as far as anybody can see. Each lie is told once.
"""

import contextlib
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator

from harness.address import Address


class Lying(socketserver.ThreadingTCPServer):
    """Listens on a port of its own; `talk` does with one connection what is to be done."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, real: Address, talk: Callable[[socket.socket, socket.socket], None]) -> None:
        super().__init__(("127.0.0.1", 0), socketserver.BaseRequestHandler)
        self._real, self._talk = real, talk
        threading.Thread(target=self.serve_forever, daemon=True, kwargs={"poll_interval": 0.05}).start()

    @property
    def address(self) -> Address:
        return Address("127.0.0.1", self.server_address[1])

    def finish_request(self, request: object, client_address: object) -> None:
        del client_address
        assert isinstance(request, socket.socket)
        with contextlib.suppress(ConnectionError), socket.create_connection((self._real.host, self._real.port)) as real:
            self._talk(request, real)

    def end(self) -> None:
        self.shutdown()
        self.server_close()


def pumped(source: socket.socket) -> Iterator[bytes]:
    """Yield what comes, until it ends."""
    try:
        while data := source.recv(65_536):
            yield data
    except OSError:
        return


def closed(*sockets: socket.socket) -> None:
    for one in sockets:
        try:
            one.shutdown(socket.SHUT_RDWR)
        except OSError:
            continue
