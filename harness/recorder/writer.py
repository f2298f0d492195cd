"""Writes one journal: header first, events in order, and of a message that goes round in a hot loop only the first and the last.

A naive requeue makes 6,000 events a second; beyond the first 1,000 of one message they are counted, not written.
"""

import contextlib
from collections import Counter
from pathlib import Path

import msgspec

from harness.errors import HarnessError, unwritable
from harness.history.events import Event, Header

WRITTEN_OUT = 1_000
"""Events of one message that are written before the journal begins to count."""

LOOPING = frozenset({"delivered", "settled", "requested", "answered"})
ENDINGS = frozenset({"ack", "delete", "reject", "no_ack"})


class Hot:
    """One message whose events are only counted: how many since the last `repeated`, and those of its latest round."""

    __slots__ = ("counts", "latest")

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.latest: list[Event] = []


class Writer:
    """One journal file. `put` takes events in the order of `n`; `flush` makes everything put so far readable.

    What cannot be written is lost, and the journal with it: from then on `flush` and `close` raise the HarnessError that says it.
    """

    def __init__(self, path: Path, header: Header) -> None:
        self._path = path
        self._failed: HarnessError | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("wb")
        except OSError as error:
            raise unwritable(path, error) from error
        self._encoder = msgspec.json.Encoder()
        self._header: Header | None = header
        self._declared: list[Event] = []
        self._buffer = bytearray()
        self._seen: dict[tuple[str, str], int] = {}
        self._hot: dict[tuple[str, str], Hot] = {}

    def put(self, event: Event) -> None:
        """Take one event."""
        if self._header is not None:
            if event.kind == "declared":
                self._declared.append(event)
                return
            self._open(self._header)
        if event.key and self._is_looping(event):
            return
        self._write(event)

    def _write(self, event: Event) -> None:
        self._encoder.encode_into(event, self._buffer, -1)
        self._buffer += b"\n"

    def _open(self, header: Header) -> None:
        self._header = None
        names: dict[str, list[str]] = {"queue": [], "link": []}
        for event in self._declared:
            data = event.data or {}
            names.setdefault(str(data.get("what")), []).append(str(data.get("name")))
        header.queues, header.links = tuple(names["queue"]), tuple(names["link"])
        self._buffer += self._encoder.encode(header)
        self._buffer += b"\n"
        for event in self._declared:
            self._write(event)
        self._declared.clear()

    def _is_looping(self, event: Event) -> bool:
        """Count the event if its message is hot; what ends the loop brings its latest round with it."""
        message = (event.queue, event.key)
        hot = self._hot.get(message)
        if event.kind not in LOOPING or event.how in ENDINGS:
            if hot is not None:
                self._cool(message, hot)
            return False
        if hot is None:
            seen = self._seen[message] = self._seen.get(message, 0) + 1
            if seen <= WRITTEN_OUT:
                return False
            hot = self._hot[message] = Hot()
        if event.kind == "delivered" and event.at == "far":
            self._count(hot)
        hot.latest.append(event)
        return True

    @staticmethod
    def _count(hot: Hot) -> None:
        hot.counts.update(f"{one.kind} {one.at}" for one in hot.latest)
        hot.latest.clear()

    def _cool(self, message: tuple[str, str], hot: Hot) -> None:
        self._tell(message, hot)
        for event in hot.latest:
            self._write(event)
        del self._hot[message]

    def _tell(self, message: tuple[str, str], hot: Hot) -> None:
        if not hot.counts:
            return
        last = hot.latest[-1] if hot.latest else None
        n, t = (last.n, last.t) if last is not None else (0, 0.0)
        queue, key = message
        self._write(Event(n=n, t=t, kind="repeated", queue=queue, key=key, data=dict(hot.counts)))
        hot.counts.clear()

    def flush(self) -> None:
        """Have everything put so far in the file; hot messages as counts."""
        for message, hot in self._hot.items():
            self._tell(message, hot)
        if self._buffer and self._failed is None:
            try:
                self._file.write(self._buffer)
                self._file.flush()
            except OSError as error:
                self._failed = unwritable(self._path, error)
        self._buffer.clear()
        if self._failed is not None:
            raise self._failed

    def close(self) -> None:
        """Write what is left, the latest rounds of hot messages too, and close the file. Idempotent."""
        if self._file.closed:
            return
        if self._header is not None:
            self._open(self._header)
        for message, hot in list(self._hot.items()):
            self._cool(message, hot)
        try:
            self.flush()
        finally:
            with contextlib.suppress(OSError):  # it has been told
                self._file.close()
