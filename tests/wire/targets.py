"""Raw socket servers on loopback that treat their clients badly, each in one way."""

import contextlib
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator

from harness.address import free_port

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
HALF_ANSWERS = {
    "http": b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n" + b'{"a": 1234',
    "amqp": b"\x01\x00\x00\x00\x00\x01\xfa\x00\x0a\x00\x0a",
}


def resets(connection: socket.socket, request: bytes) -> None:
    """Take the request, then reset the connection."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)


def ends(connection: socket.socket, request: bytes) -> None:
    """Take the request, then close the connection in an orderly way."""
    connection.shutdown(socket.SHUT_WR)
    connection.recv(1)


def answers_half(connection: socket.socket, request: bytes) -> None:
    """Give the beginning of an answer, then close the connection in an orderly way."""
    connection.sendall(HALF_ANSWERS["amqp" if request.startswith(b"AMQP") else "http"])
    ends(connection, request)


def answers_half_a_head(connection: socket.socket, request: bytes) -> None:
    """Give less than the head of an answer (of a frame, on AMQP), then close the connection in an orderly way."""
    connection.sendall(HALF_ANSWERS["amqp" if request.startswith(b"AMQP") else "http"][:5])
    ends(connection, request)


def is_silent(connection: socket.socket, request: bytes) -> None:
    """Take the request and never answer; returns when the client has given up."""
    connection.recv(1)


Manner = Callable[[socket.socket, bytes], None]


@contextlib.contextmanager
def behaving(manner: Manner | None) -> Iterator[int]:
    """Run a server that treats each client in this manner, or have nobody there (None); yield the port."""
    if manner is None:
        yield free_port()
        return
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_serve, args=(listener, manner))
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)  # wakes `accept`, which closing does not
            thread.join()


def _serve(listener: socket.socket, manner: Manner) -> None:
    with contextlib.suppress(OSError):  # the listener was shut down: the test is over
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=_one, args=(connection, manner)).start()


def _one(connection: socket.socket, manner: Manner) -> None:
    with connection, contextlib.suppress(ConnectionResetError):
        connection.settimeout(60)
        request = _request(connection)
        if request:
            manner(connection, request)


def _request(connection: socket.socket) -> bytes:
    """Read a whole HTTP request, or the eight bytes with which AMQP begins; nothing, where the client gives up before."""
    data = b""
    while not _is_whole(data):
        piece = connection.recv(65536)
        if not piece:
            return b""
        data += piece
    return data


def _is_whole(data: bytes) -> bool:
    if data.startswith(b"AMQP"):
        return len(data) >= 8
    head, gap, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: *(\d+)", head)
    return bool(gap) and (length is None or len(body) >= int(length.group(1)))
