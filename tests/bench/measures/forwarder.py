"""The least that a hop costs in Python: one loop that waits, reads and writes, and nothing else. What taps are compared with.

Reads ports of 127.0.0.1 from standard input, one a line, and for each says the port at which it forwards to it; ends with its
input.
"""

import select
import socket
import subprocess
import sys

LOOPBACK = "127.0.0.1"
CHUNK = 256 * 1024


class Forwarder:
    """All connections of all ports, in one loop."""

    def __init__(self) -> None:
        self._poll = select.epoll()
        self._listeners: dict[int, tuple[socket.socket, int]] = {}
        self._ways: dict[int, tuple[socket.socket, socket.socket]] = {}

    def run(self) -> None:
        """Forward until standard input ends."""
        self._poll.register(sys.stdin, select.EPOLLIN)
        while True:
            for number, _ in self._poll.poll():
                if number in self._ways:
                    self._forward(*self._ways[number])
                elif number in self._listeners:
                    self._accept(*self._listeners[number])
                elif line := sys.stdin.readline():
                    self._listen(int(line))
                else:
                    return

    def _listen(self, target: int) -> None:
        listener = socket.create_server((LOOPBACK, 0))
        self._listeners[listener.fileno()] = listener, target
        self._poll.register(listener, select.EPOLLIN)
        sys.stdout.write(f"{listener.getsockname()[1]}\n")
        sys.stdout.flush()

    def _accept(self, listener: socket.socket, target: int) -> None:
        service, _ = listener.accept()
        upstream = socket.create_connection((LOOPBACK, target))
        for source, sink in ((service, upstream), (upstream, service)):
            source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._ways[source.fileno()] = source, sink
            self._poll.register(source, select.EPOLLIN)

    def _forward(self, source: socket.socket, sink: socket.socket) -> None:
        data = source.recv(CHUNK)
        if data:
            sink.sendall(data)
            return
        for one in (source, sink):
            self._poll.unregister(one)
            del self._ways[one.fileno()]
            one.close()


class ForwarderProcess:
    """The program in a process of its own, as taps are."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.bench.measures.forwarder"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def to(self, target: int) -> int:
        """Return a port that leads to this one."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{target}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def end(self) -> None:
        """Wait until it has ended."""
        self._process.communicate()


if __name__ == "__main__":
    Forwarder().run()
