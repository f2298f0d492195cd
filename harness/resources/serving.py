"""What every resource over HTTP shares: requests read to their last byte, in their order, and answers of the harness's own."""

from collections.abc import Generator, Iterator, Mapping
from http import HTTPStatus
from typing import Protocol

from harness.errors import UsageError
from harness.history.events import Event
from harness.wire.exchange import forget_left_out, number_after
from harness.wire.messages import Message, Splitter
from harness.wire.streams import Close, Ending, Step, Tap, Terminal


class Resource(Protocol):
    """A thing that answers connections; one object holds the state for all of them."""

    name: str

    def session(self, tap: Tap) -> Terminal:
        """Return what answers one connection. `tap.link` is empty on a connection over no link."""
        ...


class Server(Protocol):
    """What a resource does with a request; called by `Serving`."""

    def answer(self, connection: "Serving", x: int, request: Message) -> Iterator[Step]:
        """Record, change, and yield holds and the answer, in the order in which they are to happen."""
        ...

    def broke_off(self, connection: "Serving", x: int, request: Message) -> None:
        """Take note of a request whose connection ended before its last byte."""
        ...


class Serving:
    """One connection to a resource over HTTP/1.1: keep-alive, chunked bodies, 100-continue; pipelined requests in their order."""

    def __init__(self, server: Server, tap: Tap) -> None:
        self._server = server
        self._tap = tap
        self._requests = Splitter()
        self._x = 0
        self._invited: Message | None = None
        self._closed = False

    def received(self, data: bytes) -> Iterator[Step]:
        """Answer what is whole by these bytes."""
        for piece in self._requests.feed(b"" if self._closed else data):
            request = piece.message
            if piece.trouble:
                self._closed = True
                yield from self.tell(Event(kind="gap", data={"reason": piece.trouble}))
                yield Close(answer=response(HTTPStatus.BAD_REQUEST))
                return
            if request.complete:
                yield from self._whole(request)
            elif request.parsed and request is not self._invited and "100-continue" in request.fields.get("expect", "").lower():
                self._invited = request
                yield b"HTTP/1.1 100 Continue\r\n\r\n"

    def _whole(self, request: Message) -> Iterator[Step]:
        self._x = number_after(self._tap, self._x)
        yield from self._server.answer(self, self._x, request)
        if not request.keep_alive:
            self._closed = True
            yield Close()

    def ended(self, how: Ending) -> None:
        """Take note of an end; what had begun by then will never be whole."""
        del how
        begun = None if self._closed else self._requests.begun()
        self._closed = True
        if begun is not None:
            self._server.broke_off(self, number_after(self._tap, self._x), begun)
        forget_left_out(self._tap)

    def tell(self, event: Event) -> Generator[Step, None, bool]:
        """Record an event at the resource; yield the barrier that begins there, if one does.

        Return whether the connection was cut while the barrier held: what has not begun by then never arrived.
        """
        return (yield from telling(self._tap, event))


def telling(tap: Tap, event: Event) -> Generator[Step, None, bool]:
    """Record an event at the resource on this connection; see `Serving.tell`."""
    event.at, event.link, event.conn = "resource", tap.link, tap.conn
    hold = tap.recorder.record(event)
    if hold is None:
        return False
    yield hold
    return hold.cut


def response(status: int, body: bytes = b"", *, to: Message | None = None, fields: Mapping[str, str] | None = None) -> bytes:
    """Return an answer to the request `to` on the wire; None: to something that was no request, so that nothing can follow it."""
    if status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
        body = b""  # a client would read it as the beginning of the next answer
    phrases = [one.phrase for one in HTTPStatus if one == status]
    all_fields = {"Content-Type": "application/json", **(fields or {}), "Content-Length": str(len(body))}
    if to is None or not to.keep_alive:
        all_fields["Connection"] = "close"
    lines = [f"HTTP/1.1 {status} {''.join(phrases)}", *(f"{name}: {value}" for name, value in all_fields.items())]
    asked_for_head = to is not None and to.method == "HEAD"
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (b"" if asked_for_head else body)


def checked(name: str, settings: Mapping[str, object], known: tuple[str, ...]) -> Mapping[str, object]:
    """Return the settings; raises UsageError for one that this kind of resource does not know."""
    for setting in settings:
        if setting not in known:
            there_are = f"there are: {', '.join(known)}" if known else "there are none"
            message = f"resource {name!r} has no setting {setting!r}; {there_are}"
            raise UsageError(message)
    return settings
