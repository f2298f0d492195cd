"""HTTP/1.1 for the API: requests read one after the other from each connection, and answered in that order."""

import asyncio
from collections import deque
from email.utils import formatdate
from functools import partial
from http import HTTPStatus
from typing import cast

import httptools

from harness.toxiproxy.embedded.api import SERVER, TEXT, Answer, Api, Request, reason

IDLE = 60.0
"""Seconds a connection is kept without a request, as in the original."""


class _Incoming:
    """A request while it is being read."""

    def __init__(self) -> None:
        self.target = b""
        self.body = bytearray()
        self.headers: dict[str, str] = {}


class ApiConnection(asyncio.Protocol):
    """One connection of a client of the API."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._parser = httptools.HttpRequestParser(self)
        self._request = _Incoming()
        self._waiting: deque[tuple[Request, str, bool]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._idle: asyncio.TimerHandle
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the first request."""
        self._transport = cast("asyncio.Transport", transport)
        self._idle = self._patience()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget what was not answered."""
        del exc
        self._idle.cancel()
        self._waiting.clear()

    def data_received(self, data: bytes) -> None:
        """Read on."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._transport.close()
        except httptools.HttpParserError:
            self._wrong("")

    def _wrong(self, why: str) -> None:
        said = f"400 Bad Request{why}"
        self._transport.write(f"HTTP/1.1 {said}\r\nContent-Type: {TEXT}\r\nConnection: close\r\n\r\n{said}".encode())
        self._transport.close()

    def _patience(self) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(IDLE, self._transport.close)

    # called by the parser

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._request = _Incoming()

    def on_url(self, url: bytes) -> None:
        """Take a part of the target."""
        self._request.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        self._request.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Ask for the body where the client waits to be asked."""
        if self._request.headers.get("expect", "").lower() == "100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._request.body += body

    def on_message_complete(self) -> None:
        """Answer, once those before are answered."""
        given, version = self._request, self._parser.get_http_version()
        if version == "1.1" and "host" not in given.headers:
            self._wrong(": missing required Host header")
            return
        target = given.target.decode("latin-1")
        request = Request(
            self._parser.get_method().decode("latin-1"), target, given.headers.get("user-agent", ""), bytes(given.body)
        )
        self._waiting.append((request, version, self._parser.should_keep_alive()))
        self._idle.cancel()
        self._idle = self._patience()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._answer())

    async def _answer(self) -> None:
        try:
            while self._waiting and not self._transport.is_closing():
                request, version, stays = self._waiting.popleft()
                self._send(await self._api.answer(request), request.method, version, stays=stays)
        finally:
            self._task = None

    def _send(self, answer: Answer, method: str, version: str, *, stays: bool) -> None:
        headers = {**answer.headers, "Server": SERVER, "Date": formatdate(usegmt=True)}
        if answer.status != HTTPStatus.NO_CONTENT and method != "HEAD":
            headers["Content-Length"] = str(len(answer.body))
        if stays and version == "1.0":
            headers["Connection"] = "keep-alive"
        elif not stays and version != "1.0":
            headers["Connection"] = "close"
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"HTTP/{version} {answer.status} {reason(answer.status)}\r\n{lines}\r\n".encode("latin-1", "replace")
        self._transport.write(head + (b"" if method == "HEAD" else answer.body))
        if not stays:
            self._transport.close()


def protocol(api: Api) -> "partial[ApiConnection]":
    """Return what makes the protocol of one connection."""
    return partial(ApiConnection, api)
