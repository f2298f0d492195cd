"""An SQS that lies about single messages, by their ids, or about a queue: it does not do what it says, or does it earlier."""

import json
import re
import socket
from typing import Any, NamedTuple

from harness.address import Address
from tests.labels.wires import Lying, closed

_LENGTH = re.compile(rb"(?i)content-length: *(\d+)")
EARLY = "early"
"""The queue whose messages come back after a second, whatever their visibility timeout."""


class Half(NamedTuple):
    """A request, or an answer."""

    head: bytes
    body: bytes

    @property
    def whole(self) -> bytes:
        return self.head + self.body

    def with_body(self, body: bytes) -> bytes:
        return _LENGTH.sub(b"Content-Length: %d" % len(body), self.head) + body


class LyingSqs:
    """`lies` by message id, told when it is deleted: deaf (hangs up without an answer), claims (says it is deleted)."""

    def __init__(self, real: Address) -> None:
        self.lies: dict[str, str] = {}
        self.told: list[str] = []
        self._ids: dict[str, str] = {}
        self._server = Lying(real, self._talk)
        self.address, self.end = self._server.address, self._server.end

    def _talk(self, service: socket.socket, broker: socket.socket) -> None:
        with service.makefile("rb") as asked, broker.makefile("rb") as answered:
            while (request := _read(asked)).head:
                lie = self._lie(request)
                if lie == "deaf":
                    break
                if lie == "claims":
                    service.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: 2\r\n\r\n{}")
                    continue
                broker.sendall(self._early(request))
                answer = _read(answered)
                self._remember(answer)
                service.sendall(answer.whole)
        closed(service, broker)

    def _lie(self, request: Half) -> str:
        if b"AmazonSQS.DeleteMessage" not in request.head:
            return ""
        lie = self.lies.pop(self._ids.get(json.loads(request.body)["ReceiptHandle"], ""), "")
        self.told += [lie] if lie else []
        return lie

    @staticmethod
    def _early(request: Half) -> bytes:
        if b"AmazonSQS.ReceiveMessage" not in request.head:
            return request.whole
        asked = json.loads(request.body)
        if not asked["QueueUrl"].endswith(f"/{EARLY}"):
            return request.whole
        return request.with_body(json.dumps({**asked, "VisibilityTimeout": 1}).encode())

    def _remember(self, answer: Half) -> None:
        found: dict[str, Any] = json.loads(answer.body) if answer.body.startswith(b'{"Messages"') else {}
        for message in found.get("Messages", ()):
            self._ids[message["ReceiptHandle"]] = json.loads(message["Body"])["id"]


def _read(file: Any) -> Half:
    """Read a whole request or answer; one without a head is the end of the connection."""
    lines: list[bytes] = []
    while (line := file.readline()) not in (b"", b"\r\n"):
        lines.append(line)
    head = b"".join([*lines, line])
    length = _LENGTH.search(head)
    return Half(head, file.read(int(length.group(1)) if length else 0))
