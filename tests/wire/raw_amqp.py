"""A client of RabbitMQ that sends the bytes a test wants, in its order, and hands over every frame that comes back."""

import socket
from typing import Any

from pika import frame, spec

from tests.wire import amqp_bytes as b

LONGEST = 128 * 1024


class Raw:
    """One connection, logged in, without a channel; `sent` and `got` are all bytes of both directions after the login."""

    def __init__(self, port: int, user: str, password: str, *, heartbeat: int = 0) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._rest = b""
        self.sent = self.got = b""
        self.send(b.HELLO)
        self.until(spec.Connection.Start)
        answer = b"\0" + user.encode() + b"\0" + password.encode()
        able: Any = {"capabilities": {"consumer_cancel_notify": True, "basic.nack": True, "publisher_confirms": True}}
        login: Any = answer.decode()
        start = spec.Connection.StartOk(client_properties=able, mechanism="PLAIN", response=login, locale="en_US")
        self.send(b.method(0, start))
        self.until(spec.Connection.Tune)
        self.send(b.method(0, spec.Connection.TuneOk(channel_max=2047, frame_max=LONGEST, heartbeat=heartbeat)))
        self.send(b.method(0, spec.Connection.Open(virtual_host="/")))
        self.until(spec.Connection.OpenOk)
        self.sent = self.got = b""

    def send(self, data: bytes) -> None:
        self.sent += data
        self._socket.sendall(data)

    def open(self, *channels: int) -> None:
        for channel in channels:
            self.ask(b.method(channel, spec.Channel.Open()), spec.Channel.OpenOk)

    def ask(self, data: bytes, answer: type) -> Any:
        """Send, and return the first method of this type that comes."""
        self.send(data)
        return self.until(answer)

    def until(self, answer: type) -> Any:
        """Return the first method of this type that comes; all frames before it are passed over."""
        while True:
            one = self.frame()
            if isinstance(one, frame.Method) and isinstance(one.method, answer):
                return one.method

    def frame(self) -> Any:
        """Return the next frame."""
        size, one = frame.decode_frame(self._rest)
        while one is None:
            data = self._socket.recv(65536)
            assert data, "the broker has closed the connection"
            self.got += data
            self._rest += data
            size, one = frame.decode_frame(self._rest)
        self._rest = self._rest[size:]
        return one

    def close(self) -> None:
        self._socket.close()
