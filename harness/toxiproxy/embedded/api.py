"""The HTTP API of Toxiproxy 2.12: from method, path and body to status, headers and body. Nothing is read from a socket here."""

import posixpath
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import count
from os import urandom
from urllib.parse import unquote

from harness.toxiproxy.embedded.collection import Proxies, StoppedError, written
from harness.toxiproxy.embedded.proxy import Proxy
from harness.toxiproxy.embedded.text import TextError, Value, quoted, read
from harness.toxiproxy.embedded.toxics import Refused, bad_body

VERSION = "2.12.0"
"""The Toxiproxy whose API this is."""

SERVER = "message-chaos-harness"
"""What this server calls itself, in a header that the original does not send."""

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"

_NO_ESCAPE = re.compile(r"%(?![0-9a-fA-F]{2})")


@dataclass(frozen=True)
class Answer:
    """What a request is answered with; Date and what frames the body are added where it is sent."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """What an answer can depend on. `target` is the path as it came, with its query."""

    method: str
    target: str
    agent: str = ""
    body: bytes = b""


Handler = Callable[["Api", tuple[str, ...], bytes], Awaitable[Answer]]


class Api:
    """One server's API; it owns the proxies."""

    def __init__(self, seed: int) -> None:
        self.proxies = Proxies(seed)
        self._server = urandom(5)
        self._asked = count()

    async def answer(self, request: Request) -> Answer:
        """Carry out a request. Never raises."""
        path, _, query = request.target.partition("?")
        if _NO_ESCAPE.search(path):
            return Answer(400, b"400 Bad Request", {"Content-Type": TEXT, "Connection": "close"})
        path = unquote(path, errors="replace")
        clean = _cleaned(path)
        if clean != path:
            return Answer(301, headers={"Location": clean + (f"?{query}" if query else "")})
        found = [(match, methods) for pattern, methods in _ROUTES if (match := pattern.fullmatch(path))]
        if not found:
            return _text(404, "404 page not found\n")
        match, methods = found[0]
        handler = methods.get(request.method)
        if handler is None:
            return Answer(405)
        answer = await self._routed(handler, match.groups(), request)
        return Answer(answer.status, answer.body, {**answer.headers, "X-Toxiproxy-Request-Id": self._ident()})

    async def _routed(self, handler: Handler, names: tuple[str, ...], request: Request) -> Answer:
        if request.agent.startswith("Mozilla/"):
            return _text(403, "User agent not allowed\n")
        try:
            return await handler(self, names, request.body)
        except Refused as error:
            return _text(error.status, f"{_error(error)}\n")
        except Exception as error:  # noqa: BLE001 (a defect of ours is an answer too: the client must not wait for ever)
            defect = Refused(f"this is a defect of the embedded server: {type(error).__name__}: {error}", 500)
            return _text(defect.status, f"{_error(defect)}\n")

    def _ident(self) -> str:
        """Return 20 characters that no other request of this server has."""
        number = int.from_bytes(self._server + next(self._asked).to_bytes(7, "big"), "big") << 4
        return "".join("0123456789abcdefghijklmnopqrstuv"[number >> 5 * place & 31] for place in reversed(range(20)))

    # handlers

    async def _version(self, _names: tuple[str, ...], _body: bytes) -> Answer:
        return Answer(200, f'{{"version": "{VERSION}"}}\n'.encode(), {"Content-Type": f"{JSON};charset=utf-8"})

    async def _index(self, _names: tuple[str, ...], _body: bytes) -> Answer:
        return _json(200, self.proxies.written())

    async def _create(self, _names: tuple[str, ...], body: bytes) -> Answer:
        return _json(201, (await self.proxies.create(_value(body))).written())

    async def _populate(self, _names: tuple[str, ...], body: bytes) -> Answer:
        try:
            done = await self.proxies.populate(_value(body))
        except Refused as error:
            so_far: list[Proxy] = error.done if isinstance(error, StoppedError) else []
            return _json(error.status, f'{_error(error)[:-1]},"proxies":{written(so_far)}}}')
        return _json(201, f'{{"proxies":{written(done)}}}')

    async def _reset(self, _names: tuple[str, ...], _body: bytes) -> Answer:
        await self.proxies.reset()
        return Answer(204)

    async def _show(self, names: tuple[str, ...], _body: bytes) -> Answer:
        return _json(200, self.proxies.get(names[0]).written())

    async def _update(self, names: tuple[str, ...], body: bytes) -> Answer:
        proxy = self.proxies.get(names[0])
        await self.proxies.update(proxy, _value(body))
        return _json(200, proxy.written())

    async def _delete(self, names: tuple[str, ...], _body: bytes) -> Answer:
        self.proxies.delete(names[0])
        return Answer(204)

    async def _toxics(self, names: tuple[str, ...], _body: bytes) -> Answer:
        return _json(200, self.proxies.get(names[0]).toxics_written())

    async def _add_toxic(self, names: tuple[str, ...], body: bytes) -> Answer:
        proxy = self.proxies.get(names[0])
        return _json(200, proxy.add_toxic(_value(body)).written())

    async def _show_toxic(self, names: tuple[str, ...], _body: bytes) -> Answer:
        return _json(200, self.proxies.get(names[0]).toxic(names[1]).written())

    async def _update_toxic(self, names: tuple[str, ...], body: bytes) -> Answer:
        proxy = self.proxies.get(names[0])
        toxic = proxy.toxic(names[1])
        proxy.update_toxic(toxic, _value(body))
        return _json(200, toxic.written())

    async def _remove_toxic(self, names: tuple[str, ...], _body: bytes) -> Answer:
        proxy = self.proxies.get(names[0])
        proxy.remove_toxic(proxy.toxic(names[1]))
        return Answer(204)

    ROUTES: tuple[tuple[str, Mapping[str, Handler]], ...] = (
        ("/reset", {"POST": _reset}),
        ("/proxies", {"GET": _index, "POST": _create}),
        ("/populate", {"POST": _populate}),
        ("/proxies/([^/]+)", {"GET": _show, "POST": _update, "PATCH": _update, "DELETE": _delete}),
        ("/proxies/([^/]+)/toxics", {"GET": _toxics, "POST": _add_toxic}),
        (
            "/proxies/([^/]+)/toxics/([^/]+)",
            {"GET": _show_toxic, "POST": _update_toxic, "PATCH": _update_toxic, "DELETE": _remove_toxic},
        ),
        ("/version", {"GET": _version}),
    )


_ROUTES = tuple((re.compile(pattern, re.DOTALL), methods) for pattern, methods in Api.ROUTES)


def _value(body: bytes) -> Value:
    try:
        return read(body)
    except TextError as error:
        raise bad_body(error) from None


def _error(error: Refused) -> str:
    return f'{{"error":{quoted(str(error))},"status":{error.status}}}'


def _json(status: int, text: str) -> Answer:
    return Answer(status, text.encode(), {"Content-Type": JSON})


def _text(status: int, text: str) -> Answer:
    return Answer(status, text.encode(), {"Content-Type": TEXT, "X-Content-Type-Options": "nosniff"})


def _cleaned(path: str) -> str:
    """Return a path without empty parts, . and .., as the original sends its clients to."""
    clean = posixpath.normpath(f"/{path}").replace("//", "/", 1)
    return f"{clean}/" if path.endswith("/") and clean != "/" else clean


def reason(status: int) -> str:
    """Return what a status is called."""
    return HTTPStatus(status).phrase
