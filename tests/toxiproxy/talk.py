"""What clients say through a proxy named p, and hear; and toxics for it."""

import contextlib
import socket

from tests.toxiproxy.transfers import api, pattern

LONG = 600_000
"""Milliseconds that no test waits for."""

MUCH = pattern(20_000_000)
"""More bytes than the kernel takes for somebody who does not read."""


def toxic(port: int, kind: str, stream: str = "downstream", **attributes: float) -> str:
    toxicity = attributes.pop("toxicity", 1)
    body = {"type": kind, "stream": stream, "toxicity": toxicity, "attributes": attributes}
    return f"/proxies/p/toxics/{api(port, 'POST', '/proxies/p/toxics', body)['name']}"


def said(client: socket.socket, text: bytes, within: float = 60.0) -> bytes:
    """Send, and return as much of what comes back."""
    client.sendall(text)
    return heard(client, len(text), within)


def heard(client: socket.socket, length: int, within: float = 60.0) -> bytes:
    client.settimeout(within)
    got = bytearray()
    while len(got) < length and (more := client.recv(min(65536, length - len(got)))):
        got += more
    return bytes(got)


def is_silent(client: socket.socket) -> bool:
    client.settimeout(0.15)
    came: bytes | None = None
    with contextlib.suppress(TimeoutError):
        came = client.recv(1)
    return came is None
