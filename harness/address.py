"""Host and port of a listener, and ports kept free until a program of ours listens there. Nothing connects here."""

import contextlib
import secrets
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LOOPBACK = "127.0.0.1"
GIVEN = Path("/proc/sys/net/ipv4/ip_local_port_range")
"""The ports that Linux gives to connections that go out, the first and the last."""
SPAN = 12_000
"""How many ports below these are drawn from."""
TRIES = 50


@dataclass(frozen=True)
class Address:
    """Where something listens; `str` is `127.0.0.1:5672`."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    @staticmethod
    def parse(text: str) -> "Address":
        """Read `host:port` back; raises ValueError for anything else."""
        host, colon, port = text.rpartition(":")
        if not (host and colon and port.isascii() and port.isdigit() and 0 < int(port) < 2**16):
            message = f"{text!r} is not an address; an address is written host:port"
            raise ValueError(message)
        return Address(host, int(port))


@dataclass(frozen=True)
class Interface:
    """Where a listener is reached: an address of this machine, and the network device that leads to it; no device: any.

    With a device the listener hears only what comes in there, whoever knows the address.
    """

    host: str
    device: str = ""


HERE = Interface(LOOPBACK)
"""Where programs of this machine reach what listens, and nobody else."""


def reserved(port: int = 0) -> socket.socket:
    """Return a socket that keeps a loopback port for a program about to listen there; 0: any free port. Close it afterwards.

    It is bound and never listens. Nobody gets the port by chance, but a program that asks for it by number and sets
    SO_REUSEADDR (as Erlang, Go and Twisted do) can listen on it meanwhile. Raises OSError where the port is in use.
    """
    keeper = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        keeper.bind((LOOPBACK, port))
    except OSError:
        keeper.close()
        raise
    return keeper


def free_port() -> int:
    """Return a loopback port that nothing used a moment ago; where there is a choice, use `reserved`.

    On Linux it is below those that connections going out are given: one of these might have it before its program listens.
    """
    for number in _drawn():
        with contextlib.suppress(OSError), reserved(number):
            return number
    with reserved() as keeper:
        port: int = keeper.getsockname()[1]
        return port


def _drawn() -> Iterator[int]:
    with contextlib.suppress(OSError):  # not Linux
        first = int(GIVEN.read_text().split()[0]) - SPAN
        if first > SPAN:  # else somebody has made the range so large that nothing is left
            yield from (first + secrets.randbelow(SPAN) for _ in range(TRIES))
