"""Journals on disk: read as a stream in constant memory, and appended to when a verdict was asked for. Nothing here judges.

A run that was killed leaves half a line at the end; that is tolerated and said (`Journal.truncated`). Any other line that is not
an event is an error that names file and line.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, TypeVar

import msgspec

from harness.errors import JournalError
from harness.history.events import SCHEMA, At, Event, Header, Kind

CHUNK = 1 << 16
NO_HEADERS = msgspec.Raw(b"null")


class Seen(msgspec.Struct, gc=False, kw_only=True):
    """The part of an `Event` that judging reads. Without bodies and attributes a long journal takes a third less."""

    n: int = 0
    t: float = 0.0
    kind: Kind
    at: At = "harness"
    link: str = ""
    conn: int = 0
    x: int = 0
    wire: str = ""
    service: str = ""
    queue: str = ""
    key: str = ""
    mid: str = ""
    tag: str = ""
    how: str = ""
    ok: bool | None = None
    status: int | None = None
    delay: float | None = None
    count: int | None = None
    redelivered: bool = False
    fault: str = ""
    headers: msgspec.Raw = NO_HEADERS
    data: dict[str, object] | None = None


Line = TypeVar("Line", Event, Seen)


class Journal:
    """One journal file. `header` is read at once; `events` and `seen` stream the rest, each time anew.

    Raises JournalError, naming file and line, for a file that is missing, empty, of another schema, or corrupt.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.truncated = False
        self.header = self._header()

    def events(self) -> Iterator[Event]:
        """Yield every event, whole."""
        for batch in self._batches(msgspec.json.Decoder(Event)):
            yield from batch

    def seen(self) -> Iterator[list[Seen]]:
        """Yield what judging reads of every event, in batches."""
        return self._batches(msgspec.json.Decoder(Seen))

    def append(self, events: Sequence[Event]) -> None:
        """Write events at the end, in one write, so that another writer's lines stay whole; half a line left there is removed."""
        lines = b"".join(msgspec.json.encode(event) + b"\n" for event in events)
        with self.path.open("rb+") as file:
            end = file.seek(0, 2)
            file.seek(max(0, end - 1))
            whole = file.read(1) == b"\n"
            if not whole:
                file.truncate(_last_line(file, end))
        with self.path.open("ab", buffering=0) as file:
            file.write(lines)

    def _header(self) -> Header:
        try:
            with self.path.open("rb") as file:
                line = file.readline()
        except OSError as error:
            message = f"{self.path} cannot be read: {error.strerror}"
            raise JournalError(message) from error
        try:
            header = msgspec.json.decode(line, type=Header)
        except msgspec.MsgspecError as error:
            message = f"{self.path}:1 is not the header of a journal: {error}"
            raise JournalError(message) from error
        if header.schema != SCHEMA:
            message = f"{self.path}:1 has schema {header.schema}; this version reads schema {SCHEMA}"
            raise JournalError(message)
        return header

    def _batches(self, decoder: msgspec.json.Decoder[Line]) -> Iterator[list[Line]]:
        with self.path.open("rb") as file:
            place = len(file.readline())
            while chunk := file.read(CHUNK):
                lines = chunk + file.readline()
                if lines.endswith(b"\n"):
                    yield self._decoded(decoder, lines, place)
                    place += len(lines)
                    continue
                whole, newline, last = lines.rpartition(b"\n")
                yield self._decoded(decoder, whole + newline, place)
                yield from self._last(decoder, last)

    def _decoded(self, decoder: msgspec.json.Decoder[Line], lines: bytes, place: int) -> list[Line]:
        """Return the events of whole lines; `place` is where in the file they begin."""
        try:
            return decoder.decode_lines(lines)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            number = self._number(place)
            for offset, line in enumerate(lines.split(b"\n")):
                _checked(decoder, line, f"{self.path}:{number + offset}")
            raise

    def _number(self, place: int) -> int:
        """Return the number of the line that begins at this place of the file."""
        with self.path.open("rb") as file:
            return file.read(place).count(b"\n") + 1

    def _last(self, decoder: msgspec.json.Decoder[Line], line: bytes) -> Iterator[list[Line]]:
        """Take a last line without its newline where it is whole: only its newline was lost."""
        try:
            yield [decoder.decode(line)]
        except (msgspec.MsgspecError, UnicodeDecodeError):
            self.truncated = True


def _checked(decoder: msgspec.json.Decoder[Line], line: bytes, where: str) -> None:
    if not line.strip():
        return
    try:
        decoder.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        message = f"{where} is not an event: {error}"
        raise JournalError(message) from error


def _last_line(file: IO[bytes], end: int) -> int:
    """Return where the half line at the end begins."""
    back = min(end, 1 << 20)
    file.seek(end - back)
    return end - back + file.read(back).rfind(b"\n") + 1


def schema() -> str:
    """Return the JSON Schema of a journal's lines as text: the header, the events, and what a `declared` event carries."""
    from harness.history.events import Declaration  # noqa: PLC0415 (only needed where the schema is written)

    (_, components) = msgspec.json.schema_components(
        [Header, Event, Declaration], schema_hook=lambda _any: {"description": "any JSON"}, ref_template="#/$defs/{name}"
    )
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "journal.jsonl",
        "description": "The first line is a Header, every other an Event; the data of a `declared` event is a Declaration.",
        "anyOf": [{"$ref": "#/$defs/Header"}, {"$ref": "#/$defs/Event"}],
        "$defs": components,
    }
    return json.dumps(whole, indent=2) + "\n"
