"""Host and port of a listener, and how to find a port nobody uses. No connections are made here."""

import socket
from dataclasses import dataclass


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
        if not (host and colon and port.isdigit() and 0 < int(port) < 2**16):
            message = f"{text!r} is not an address; an address is written host:port"
            raise ValueError(message)
        return Address(host, int(port))


def free_port() -> int:
    """Return a loopback port that nothing was listening on a moment ago."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
