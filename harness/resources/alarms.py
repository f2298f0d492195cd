"""An alarm sink: whatever is posted to it, on any path (a Sentry store or envelope, a webhook), counts as one notice."""

import zlib
from collections.abc import Iterator, Mapping
from http import HTTPStatus

from harness.history.events import Event
from harness.resources.serving import Serving, checked, response
from harness.wire.exchange import SHOWN_OF_BODY, digest, excerpt
from harness.wire.messages import Message
from harness.wire.streams import Step, Tap, Terminal


class Alarms:
    """The sink; it answers everything with 200 and has no settings."""

    def __init__(self, name: str, settings: Mapping[str, object]) -> None:
        checked(name, settings, ())
        self.name = name

    def session(self, tap: Tap) -> Terminal:
        """Return what answers one connection."""
        return Serving(self, tap)

    def answer(self, connection: Serving, x: int, request: Message) -> Iterator[Step]:
        """Record a POST as `noticed`, with the first KiB of its text."""
        if request.method == "POST":
            data: dict[str, object] = {"path": request.target, "text": excerpt(_unpacked(request))}
            event = Event(kind="noticed", wire=request.method, x=x, size=request.size, digest=digest(request.body), data=data)
            yield from connection.tell(event)
        yield response(HTTPStatus.OK, b"{}", to=request)

    def broke_off(self, connection: Serving, x: int, request: Message) -> None:
        """Record nothing: half an alarm is none."""


def _unpacked(request: Message) -> bytes:
    """Return the beginning of the body, unpacked: Sentry's SDKs send gzip."""
    if request.fields.get("content-encoding", "") not in ("gzip", "deflate"):
        return bytes(request.body)
    try:
        return zlib.decompressobj(wbits=zlib.MAX_WBITS | 32).decompress(bytes(request.body), SHOWN_OF_BODY)
    except zlib.error:
        return bytes(request.body)
