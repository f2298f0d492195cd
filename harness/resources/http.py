"""An HTTP resource that knows what really changed: POST, PUT and PATCH change it, GET and HEAD ask.

A PUT of what is there already changes nothing.
The order of one change is: `requested`, the change, `effected`, the answer, `answered`; each event can be a barrier.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from harness.errors import UsageError
from harness.history.events import Event
from harness.model import Key
from harness.resources.serving import Serving, checked, response
from harness.wire.exchange import digest, excerpt
from harness.wire.http import key_of
from harness.wire.messages import Message
from harness.wire.streams import Step, Tap, Terminal

CHANGES = ("POST", "PUT", "PATCH")
ASKS = ("GET", "HEAD")


@dataclass
class Stored:
    """What one key holds: the body of its last change, its media type, and how often it was changed."""

    body: bytes
    media_type: str
    count: int


class Http:
    """The resource. `stored` is the ground truth, by key.

    Settings: `key` and `version` say where these stand (see `model.Key`); without a key it is asked and never changes. With
    `status` every request is answered so, and nothing changes.
    """

    def __init__(self, name: str, settings: Mapping[str, object]) -> None:
        checked(name, settings, ("key", "version", "status"))
        self.name = name
        self.stored: dict[str, Stored] = {}
        # A question rarely has a body: where the key stands there, it is known by the path that the change was made at.
        self._paths: dict[str, str] = {}
        self._key = _place(settings.get("key"))
        self._version = _place(settings.get("version"))
        status = settings.get("status")
        if not (status is None or (isinstance(status, int) and 200 <= status <= 599)):  # noqa: PLR2004 (final statuses of HTTP)
            message = f"resource {name!r}: status={status!r} is not a status of HTTP (200 to 599)"
            raise UsageError(message)
        self._status = status

    def session(self, tap: Tap) -> Terminal:
        """Return what answers one connection."""
        return Serving(self, tap)

    def answer(self, connection: Serving, x: int, request: Message) -> Iterator[Step]:
        """Carry out one request."""
        key = key_of(self._key, request)
        cut = yield from connection.tell(self._requested(x, request, key))
        if cut:
            return  # the fault that begins at this moment comes before the receiver
        if self._status is not None:
            status, sent = self._status, response(self._status, b"{}", to=request)
        elif request.method == "PUT" and self._is_there(key, request):
            status, sent = HTTPStatus.OK, response(HTTPStatus.OK, b"{}", to=request)
        elif request.method in CHANGES and self._key is not None:
            key = key or f"sha256:{digest(request.body)}"
            status, sent = HTTPStatus.OK, response(HTTPStatus.OK, self._change(key, request), to=request)
            yield from connection.tell(self._effected(x, request, key))
        else:
            status, sent = self._asked(request, key)
        yield sent
        ok = status < HTTPStatus.BAD_REQUEST
        yield from connection.tell(Event(kind="answered", wire=request.method, key=key, x=x, status=int(status), ok=ok))

    def broke_off(self, connection: Serving, x: int, request: Message) -> None:
        """Record a request that will never be whole."""
        event = self._requested(x, request, key_of(self._key, request))
        event.wire = event.wire or request.head.lstrip().partition(b" ")[0][:20].decode("latin-1")
        event.ok = False
        event.data = {**(event.data or {}), "complete": False}
        for _hold in connection.tell(event):
            pass  # nothing is left that could wait

    def _requested(self, x: int, request: Message, key: str) -> Event:
        event = Event(kind="requested", wire=request.method, key=key, x=x, size=request.size, data={"path": request.target})
        event.digest, event.body = digest(request.body), excerpt(request.body)
        return event

    def _is_there(self, key: str, request: Message) -> bool:
        """Tell whether a PUT changes nothing, because what it puts is there already."""
        found = self.stored.get(key)
        return found is not None and self._paths.get(request.target) == key and found.body == bytes(request.body)

    def _change(self, key: str, request: Message) -> bytes:
        count = self.stored[key].count + 1 if key in self.stored else 1
        self._paths[request.target] = key
        self.stored[key] = Stored(bytes(request.body), request.fields.get("content-type", ""), count)
        return json.dumps({"key": key, "count": count}).encode()

    def _effected(self, x: int, request: Message, key: str) -> Event:
        event = Event(kind="effected", wire=request.method, key=key, x=x, data={"count": self.stored[key].count})
        version = key_of(self._version, request)
        event.data = {**(event.data or {}), **({"version": version} if version else {})}
        return event

    def _asked(self, request: Message, key: str) -> tuple[int, bytes]:
        if self._key is None:
            return HTTPStatus.OK, response(HTTPStatus.OK, b"{}", to=request)
        if request.method not in ASKS:
            status, allowed = HTTPStatus.METHOD_NOT_ALLOWED, ", ".join(ASKS + CHANGES)
            return status, response(status, b"{}", to=request, fields={"Allow": allowed})
        found = self.stored.get(key or self._paths.get(request.target, ""))
        if found is None:
            return HTTPStatus.NOT_FOUND, response(HTTPStatus.NOT_FOUND, b"{}", to=request)
        fields = {"Content-Type": found.media_type} if found.media_type else None
        return HTTPStatus.OK, response(HTTPStatus.OK, found.body, to=request, fields=fields)


def _place(spec: object) -> Key | None:
    return None if spec is None else Key(str(spec))
