"""A RabbitMQ that lies about single messages, by their ids: it does not hear an acknowledgement, or hears something else."""

import contextlib
import json
import socket
import threading
from collections import Counter
from typing import Any

from pika import frame, spec

from harness.address import Address
from tests.labels.wires import Lying, closed, pumped

PREFACE = 8
WAITS = 0.3
TIMED_OUT = "PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed out"


class LyingRabbit:
    """`lies` by message id: deaf (hears no ack), nack (takes an ack for a nack), late (waits for no ack)."""

    def __init__(self, real: Address) -> None:
        self.lies: dict[str, str] = {}
        self.told: list[str] = []
        self._server = Lying(real, self._talk)
        self.address, self.end = self._server.address, self._server.end

    def _talk(self, service: socket.socket, broker: socket.socket) -> None:
        connection = Connection(self, service, broker)
        back = threading.Thread(target=connection.from_broker, daemon=True)
        back.start()
        connection.from_service()
        back.join()


class Connection:
    """One connection: which tag is which message."""

    def __init__(self, owner: LyingRabbit, service: socket.socket, broker: socket.socket) -> None:
        self._owner, self._service, self._broker = owner, service, broker
        self._tags: dict[tuple[int, int], str] = {}
        self._coming: dict[int, int] = {}
        self._closing: Counter[int] = Counter()

    def from_service(self) -> None:
        buffer = b""
        for data in pumped(self._service):
            buffer += data
            if buffer.startswith(b"AMQP"):
                self._broker.sendall(buffer[:PREFACE])
                buffer = buffer[PREFACE:]
            buffer = self._frames(buffer, self._broker, self._said)
        closed(self._service, self._broker)

    def from_broker(self) -> None:
        buffer = b""
        with contextlib.suppress(OSError):  # the service is gone, while the broker still says something
            for data in pumped(self._broker):
                buffer = self._frames(buffer + data, self._service, self._handed_out)
        closed(self._service, self._broker)

    @staticmethod
    def _frames(buffer: bytes, to: socket.socket, take: Any) -> bytes:
        while True:
            size, decoded = frame.decode_frame(buffer)
            if not size:
                return buffer
            to.sendall(take(decoded, buffer[:size]))
            buffer = buffer[size:]

    def _handed_out(self, decoded: Any, raw: bytes) -> bytes:
        method = getattr(decoded, "method", None)
        if isinstance(method, spec.Basic.Deliver):
            self._coming[decoded.channel_number] = method.delivery_tag or 0
        elif isinstance(decoded, frame.Body):
            tag = self._coming.pop(decoded.channel_number, 0)  # what was got or returned has none
            ident = self._tags[decoded.channel_number, tag] = json.loads(decoded.fragment)["id"]
            if self._owner.lies.get(ident) == "late":
                threading.Timer(WAITS, self._time_out, (ident, decoded.channel_number)).start()
        return b"" if self._is_ours(decoded) else raw

    def _is_ours(self, decoded: Any) -> bool:
        """Tell whether this is for us, who closed the channel on both sides; each of them says so once."""
        channel = decoded.channel_number
        ours = self._closing[channel] > 0
        if ours and isinstance(getattr(decoded, "method", None), spec.Channel.CloseOk):
            self._closing[channel] -= 1
        return ours

    def _time_out(self, ident: str, channel: int) -> None:
        self._owner.told.append(self._owner.lies.pop(ident))
        self._closing[channel] = 2
        self._service.sendall(frame.Method(channel, spec.Channel.Close(406, TIMED_OUT, 60, 80)).marshal())
        self._broker.sendall(frame.Method(channel, spec.Channel.Close(200, "", 0, 0)).marshal())

    def _said(self, decoded: Any, raw: bytes) -> bytes:
        method = getattr(decoded, "method", None)
        if self._is_ours(decoded):
            return b""
        if not isinstance(method, spec.Basic.Ack):
            return raw
        ident = self._tags.get((decoded.channel_number, method.delivery_tag or 0), "")
        lie = self._owner.lies.pop(ident, "")
        self._owner.told += [lie] if lie else []
        return self._lied(lie, decoded, raw)

    def _lied(self, lie: str, decoded: Any, raw: bytes) -> bytes:
        if lie == "nack":
            return frame.Method(decoded.channel_number, spec.Basic.Nack(decoded.method.delivery_tag, requeue=True)).marshal()
        return b"" if lie == "deaf" else raw
