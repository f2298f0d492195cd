"""One socket of a connection through a proxy: read while somebody wants what comes, written to at once or when it can be."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from typing import Protocol

READ = 65536
"""Bytes read at once; toxics see them in pieces of the original's size."""

_LINGER = struct.Struct("ii")


class Road(Protocol):
    """One direction of a connection, as the socket it begins or ends at knows it."""

    def received(self, data: bytes) -> None:
        """Take what was read."""
        ...

    def source_ended(self) -> None:
        """Take note that nothing more will be read."""
        ...

    def pump(self) -> None:
        """Go on: what was written is gone, or the socket."""
        ...


class End:
    """A connected socket, which is non-blocking and belongs to this object.

    `outgoing` is the direction that begins here, `incoming` the one that ends here; both are set before anything is read.
    """

    outgoing: Road
    incoming: Road

    def __init__(self, one: socket.socket, loop: asyncio.AbstractEventLoop, gone: Callable[[], None]) -> None:
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = one
        self._loop = loop
        self._gone = gone
        self._unsent = bytearray()
        self._reading = False
        self._finishing = False
        self._resets = 0
        self.closed = False

    @property
    def congested(self) -> bool:
        """Whether the peer is slower than what was written."""
        return bool(self._unsent)

    def read(self, *, wanted: bool) -> None:
        """Read from this socket, or leave what comes in the kernel."""
        if wanted == self._reading or self.closed:
            return
        self._reading = wanted
        if wanted:
            self._loop.add_reader(self._socket, self._readable)
        else:
            self._loop.remove_reader(self._socket)

    def write(self, data: bytes) -> None:
        """Send at once what the kernel takes, the rest when it can."""
        if self.closed:
            return
        if not self._unsent:
            sent = self._sent(data)
            if sent == len(data) or self.closed:
                return
            data = data[sent:]
            self._loop.add_writer(self._socket, self._writable)
        self._unsent += data

    def finish(self) -> None:
        """Close both directions of the socket once what was written is sent: there is no half-close in Toxiproxy."""
        if self._unsent:
            self._finishing = True
        else:
            self.close()

    def close(self) -> None:
        """Close now; what is unsent is lost, and unread bytes make it a reset, as the kernel has it."""
        if self.closed:
            return
        self.read(wanted=False)
        if self._unsent:
            self._loop.remove_writer(self._socket)
            self._unsent.clear()
        self.closed = True
        self._socket.close()
        self.outgoing.source_ended()
        self.incoming.pump()
        self._gone()

    def reset_when_closed(self, *, wanted: bool) -> None:
        """Let the close be a reset, or no longer; it is one as long as anybody who asked for it has not taken it back."""
        self._resets += 1 if wanted else -1
        if not self.closed:
            linger = _LINGER.pack(1 if self._resets else 0, 0)
            with contextlib.suppress(OSError):  # the peer may be gone
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    def _readable(self) -> None:
        try:
            data = self._socket.recv(READ)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""  # a reset of the peer is passed on as an orderly end, as the original does
        if data:
            self.outgoing.received(data)
        else:
            self.read(wanted=False)
            self.outgoing.source_ended()

    def _sent(self, data: bytes | bytearray) -> int:
        try:
            return self._socket.send(data)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError:
            self.close()
            return 0

    def _writable(self) -> None:
        sent = self._sent(self._unsent)
        if self.closed:
            return
        del self._unsent[:sent]
        if not self._unsent:
            self._loop.remove_writer(self._socket)
            if self._finishing:
                self.close()
            else:
                self.incoming.pump()
