"""Loopback sockets as links need them: a port that can be refused and given back, and the two ways a connection ends."""

import asyncio
import errno
import socket
import struct
from collections.abc import Callable

from harness.address import HERE, Interface

BACKLOG = 512
"""Connections that may wait to be accepted: with the 5 that many servers have, a crowd of clients retries SYN for seconds."""

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 seconds: close sends RST
_LONGEST_FLUSH = 1.0


class Port:
    """A port of this machine that is ours as long as this object is open, whether it is listening or not.

    The kernel forgets a listener's port with the listener, so a second socket stays bound to it and never listens: connecting is
    refused as on a port nobody has, established connections live on, and the same port can be listened on again.
    """

    def __init__(self, accepted: Callable[[socket.socket], None], number: int = 0, at: Interface = HERE) -> None:
        """Take the port of this number, 0: any that is free. Raises OSError where somebody listens on it, or `at` is not ours."""
        self._accepted = accepted
        self._at = at
        self._keeper = _bound(at, number)
        self.number: int = self._keeper.getsockname()[1]
        self._listener: socket.socket | None = None

    @property
    def listening(self) -> bool:
        """Tell whether connections are accepted."""
        return self._listener is not None

    def listen(self) -> None:
        """Accept connections from now on; harmless when they are."""
        if self._listener is None:
            self._listener = _bound(self._at, self.number)
            self._listener.listen(BACKLOG)
            asyncio.get_running_loop().add_reader(self._listener, self._accept)

    def refuse(self) -> None:
        """Refuse connections from now on; those that the kernel has taken already are accepted first. Harmless when they are."""
        if self._listener is not None:
            self._accept()
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
            self._listener = None

    def close(self) -> None:
        """Give the port away."""
        self.refuse()
        self._keeper.close()

    def _accept(self) -> None:
        while self._listener is not None:
            try:
                connection, peer = self._listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE):  # no descriptor left: they wait in the backlog
                    return
                continue  # this one was reset while it waited
            if self._at.device and peer[0] == self._at.host:  # this machine itself, which comes in at every device it has
                reset(connection)
                continue
            connection.setblocking(False)  # noqa: FBT003 (its signature)
            self._accepted(connection)


def _bound(at: Interface, port: int) -> socket.socket:
    one = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    one.setblocking(False)  # noqa: FBT003 (its signature)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        if at.device:  # an address alone is reached from every network of the machine
            one.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, at.device.encode())
        one.bind((at.host, port))
    except OSError:
        one.close()
        raise
    return one


async def connected(address: tuple[str, int]) -> socket.socket:
    """Return a connection to `address`; raises OSError as connecting does."""
    one = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    one.setblocking(False)  # noqa: FBT003 (its signature)
    try:
        await asyncio.get_running_loop().sock_connect(one, address)
    except BaseException:
        one.close()
        raise
    return one


def reset(one: socket.socket) -> None:
    """Close a connection that has no transport yet, so that its peer sees a reset."""
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    one.close()


def end(transport: asyncio.Transport, *, rst: bool) -> None:
    """Close a transport once what was written is sent, as a reset or orderly; a peer that does not read is not waited for."""
    if transport.is_closing():
        return
    if rst:
        one: socket.socket = transport.get_extra_info("socket")
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.close()
    if transport.get_write_buffer_size():
        asyncio.get_running_loop().call_later(_LONGEST_FLUSH, transport.abort)
