"""One connection through a proxy and what became of it, as the client and as the upstream saw it."""

import contextlib
import hashlib
import json
import socket
import threading
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from harness.clock import now

Toxic = Mapping[str, Any]
WITHIN = 60.0
SILENCE = 3.0
"""Seconds after which a client believes that nothing will come."""


def api(port: int, method: str, path: str, body: object = None) -> Any:
    """Make one call that has to succeed, and return what its answer says."""
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, method=method)) as answer:
        return json.loads(answer.read() or b"null")


class Ended(NamedTuple):
    """How much one side got of what, and how that ended: fin, rst, or open when nothing more came."""

    length: int
    digest: str
    how: str


class Seen(NamedTuple):
    """What one connection came to; `last` is seconds from the first call of the API to the client's last byte or end."""

    client: Ended
    upstream: Ended
    last: float


def drained(one: socket.socket, *, echo: bool = False, last: bool = False, enough: int | None = None) -> Ended:
    """Read until the end, silence, or enough, after saying that no more is sent if it was the `last`; return what came."""
    if last:
        with contextlib.suppress(OSError):  # it may be reset already
            one.shutdown(socket.SHUT_WR)
    got, how = bytearray(), "open"
    with contextlib.suppress(TimeoutError):
        while enough is None or len(got) < enough:
            try:
                data = one.recv(65536)
                one.sendall(data if echo else b"")
            except ConnectionError:
                how = "rst"
                break
            if not data:
                how = "fin"
                break
            got += data
    return Ended(len(got), hashlib.sha256(got).hexdigest()[:8], how)


class Upstream:
    """Takes one connection: sends `answer` first and then says that no more comes; without one it echoes."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.ended = Ended(0, "", "")
        self._thread.start()

    def _serve(self) -> None:
        with self._listener, self._listener.accept()[0] as connection:
            connection.settimeout(WITHIN)
            with contextlib.suppress(ConnectionError):  # it may be reset before all is sent
                connection.sendall(self._answer)
            self.ended = drained(connection, echo=not self._answer, last=bool(self._answer))

    def join(self) -> None:
        """Wait for the end of the connection."""
        self._thread.join(WITHIN)


@contextlib.contextmanager
def proxied(port: int, name: str, answer: bytes, toxics: Sequence[Toxic] = ()) -> Iterator[tuple[socket.socket, Upstream]]:
    """Make a proxy with toxics, and yield a connection through it, and the upstream at its other end."""
    upstream = Upstream(answer)
    proxy = api(port, "POST", "/proxies", {"name": name, "listen": "127.0.0.1:0", "upstream": upstream.address})
    try:
        for toxic in toxics:
            api(port, "POST", f"/proxies/{name}/toxics", toxic)
        with socket.create_connection(("127.0.0.1", int(proxy["listen"].rpartition(":")[2]))) as client:
            client.settimeout(SILENCE)
            yield client, upstream
        upstream.join()
    finally:
        api(port, "DELETE", f"/proxies/{name}")  # also after a failure: the next test takes the same name


def transfer(port: int, name: str, toxics: Sequence[Toxic], *, sends: int, answer: int) -> Seen:
    """Send so many bytes through a proxy with these toxics, and read what comes back: an echo, or an answer of so many bytes."""
    begun = now()
    with proxied(port, name, pattern(answer), toxics) as (client, upstream):
        with contextlib.suppress(ConnectionError):
            client.sendall(pattern(sends))
        ended = drained(client, enough=None if answer else sends)
        last = now()
    return Seen(ended, upstream.ended, last - begun)


def pattern(length: int) -> bytes:
    """Return bytes that show where they come from."""
    return bytes(range(251)) * (length // 251) + bytes(range(length % 251))
