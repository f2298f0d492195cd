"""Reading a `service.toml`: which keys there are, what each may hold, and on which line a wrong one stands.

Nothing is laid over anything here (`service.py`) and nothing is expanded (`parts.py`).
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from harness.errors import UsageError

FILE = "service.toml"
CLOCKS = ("compressed", "real")
SPEEDS = (1, 20, 100)
READY = ("wire", "http")
BUILDS = ("venv", "npm", "maven", "javac")

Table: TypeAlias = dict[str, Any]
Place: TypeAlias = tuple[str, ...]
Shape: TypeAlias = "Callable[[Document, Place, object], None]"


@dataclass(frozen=True)
class Document:
    """A `service.toml` that was read and found to be in order."""

    path: Path
    text: str
    data: Mapping[str, Any]

    def error(self, place: Place, message: str) -> UsageError:
        """Return the error that says what is wrong with the key at `place`, with file and line."""
        return UsageError(f"{self.path}:{line_of(self.text, place)}: {message}")


def read(path: Path) -> Document:
    """Return the document at `path`. Raises UsageError with file and line for anything that is not as it should be."""
    text = path.read_text(encoding="utf-8")
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r" \(at (?:line (\d+)|end of document).*\)$", str(error))
        line = (found and found.group(1)) or len(text.splitlines())
        message = f"{path}:{line}: {str(error).partition(' (at ')[0]}"
        raise UsageError(message) from error
    document = Document(path, text, data)
    _table(document, (), data, BASE)
    _agreement(document)
    return document


def line_of(text: str, place: Place) -> int:
    """Return the line on which the key at `place` stands: tomllib keeps no positions.

    Each part of `place` is looked for after the one before it, which is the order of every document that lists a table's keys
    below or behind its name.
    """
    body = re.sub(r"^\s*#.*$", lambda comment: " " * len(comment.group()), text, flags=re.MULTILINE)
    at = 0
    for part in place:
        name = re.escape(part)
        found = re.search(rf"(?:^|[\s{{\[.,])[\"']?{name}[\"']?(?=\s*[=.\]])", body[at:], flags=re.MULTILINE)
        if found is not None:
            at += found.end()
    return text.count("\n", 0, at) + 1


def _agreement(document: Document) -> None:
    """Hold what no single key can say: a document has a name, and overlays are told apart by their names alone."""
    data = document.data
    if "name" not in data:
        raise document.error((), "name is missing")
    if "command" not in data and "image" not in data:
        raise document.error((), "command is missing, or the image of a container")
    if data["name"] != document.path.parent.name:
        raise document.error(("name",), f"name is {data['name']!r}, but its folder is {document.path.parent.name!r}")
    versions, variants = data.get("versions", {}), data.get("variants", {})
    for both in sorted(set(versions) & set(variants)):
        raise document.error(("variants", both), f"{both!r} is a version and a variant; one of them needs another name")
    if "default" in data and data["default"] not in versions:
        raise document.error(("default",), f"default is {data['default']!r}, but [versions] has {_listed(versions)}")
    if versions and "default" not in data:
        raise document.error(("versions",), f"default is missing; one of {_listed(versions)}")
    _contained(document)


def _contained(document: Document) -> None:
    """Hold that a service is a container in each of its versions or in none, and what a container cannot have."""
    tables: dict[Place, Mapping[str, Any]] = {
        (): document.data,
        **{(kind, name): table for kind in ("versions", "variants") for name, table in document.data.get(kind, {}).items()},
    }
    for place, table in tables.items():
        if "image" in table and "image" not in document.data:
            raise document.error((*place, "image"), "image stands at the top, and a version or variant may name another")
        if "image" in document.data and "build" in table:
            raise document.error(
                (*place, "build"), "a container has its image, which is built elsewhere; take build or image away"
            )
        if "image" in document.data and table.get("clock") == "compressed":
            raise document.error(
                (*place, "clock"), "a container keeps the machine's clock, so it is 'real' by itself; take it away"
            )


def _table(document: Document, place: Place, value: object, shapes: Mapping[str, Shape]) -> None:
    if not isinstance(value, dict):
        raise document.error(place, f"{_named(place)} is a table")
    for key, one in value.items():
        if key not in shapes:
            raise document.error((*place, key), f"unknown key {key!r}; there are {_listed(shapes)}")
        shapes[key](document, (*place, key), one)


def _text(document: Document, place: Place, value: object) -> None:
    if not isinstance(value, str) or not value:
        raise document.error(place, f"{_named(place)} is a text in quotes, not {value!r}")


def _texts(document: Document, place: Place, value: object) -> None:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise document.error(place, f"{_named(place)} is a list of texts, not {value!r}")


def _command(document: Document, place: Place, value: object) -> None:
    _texts(document, place, value)
    if not value:
        raise document.error(place, f"{_named(place)} is empty")


def _seconds(document: Document, place: Place, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise document.error(place, f"{_named(place)} is a number of seconds above 0, not {value!r}")


def _one_of(words: tuple[str, ...]) -> Shape:
    def shape(document: Document, place: Place, value: object) -> None:
        if value not in words:
            raise document.error(place, f"{_named(place)} is one of {_listed(words)}, not {value!r}")

    return shape


def _step(document: Document, place: Place, value: object) -> None:
    if isinstance(value, bool) or value not in SPEEDS:
        raise document.error(place, f"{_named(place)} is one of {', '.join(map(str, SPEEDS))}, not {value!r}")


def _each(inner: Shape) -> Shape:
    def shape(document: Document, place: Place, value: object) -> None:
        if not isinstance(value, dict):
            raise document.error(place, f"{_named(place)} is a table")
        for key, one in value.items():
            inner(document, (*place, key), one)

    return shape


def _variable(document: Document, place: Place, value: object) -> None:
    # A number would have to be written back as text, and 1.10 is not 1.1.
    if not isinstance(value, str):
        raise document.error(place, f"{_named(place)} is an environment variable: a text in quotes, not {value!r}")


def _call(document: Document, place: Place, value: object) -> None:
    if not isinstance(value, str) or not re.fullmatch(r"(GET|POST|PUT|PATCH|DELETE) /\S*", value):
        raise document.error(place, f"{_named(place)} is a method and a path ('POST /exports'), not {value!r}")


def _of(shapes: Mapping[str, Shape]) -> Shape:
    def shape(document: Document, place: Place, value: object) -> None:
        _table(document, place, value, shapes)

    return shape


def _named(place: Place) -> str:
    return ".".join(place)


def _listed(names: "Mapping[str, object] | tuple[str, ...]") -> str:
    return ", ".join(repr(name) for name in names) or "none"


OVERLAY: dict[str, Shape] = {
    "needs": _texts,
    "libraries": _texts,
    "clock": _one_of(CLOCKS),
    "speed": _step,
    "longest_silence": _seconds,
    "command": _command,
    "image": _text,
    "environment": _each(_variable),
    "build": _of(dict.fromkeys(BUILDS, _text)),
    "ready": _one_of(READY),
    "sends": _each(_of({"http": _call})),
}
BASE: dict[str, Shape] = {
    "name": _text,
    "default": _text,
    **OVERLAY,
    "versions": _each(_of(OVERLAY)),
    "variants": _each(_of(OVERLAY)),
}
