"""The values a scenario is made of: links, moments, faults, keys. Standard library only; nothing here acts.

A value's `repr` is the code that makes it, and `to_json` / `from_json` carry it into journals and replay files unchanged.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property

from harness.errors import UsageError

EVENTS: dict[str, tuple[str, ...]] = {
    "queue": ("sent", "delivered", "settled", "dead_lettered"),
    "topic": ("sent",),
    "resource": ("requested", "effected", "answered"),
    "service": ("exited",),
}


class Thing:
    """Whatever a service can use: a broker, a queue, a resource, another instance. One base class, so `uses` dicts type-check."""

    @property
    def thing_name(self) -> str:
        """The name of this thing in links, journals and reports."""
        raise NotImplementedError


@dataclass(frozen=True)
class Link:
    """The road between one service and one thing it uses; `str` is `esr-writer->tcs`."""

    service: str
    thing: str

    def __str__(self) -> str:
        return f"{self.service}->{self.thing}"

    def __repr__(self) -> str:
        return f"Link({self.service!r}, {self.thing!r})"

    @staticmethod
    def parse(text: str) -> "Link":
        """Read `service->thing` back."""
        service, arrow, thing = text.partition("->")
        if not (service and arrow and thing):
            message = f"{text!r} is not the name of a link; a link is written service->thing"
            raise UsageError(message)
        return Link(service, thing)


@dataclass(frozen=True, repr=False)
class Moment:
    """The nth time something happens to a thing: a barrier, whose bytes are held until what begins there is in place.

    `a & b` is when both have happened, `a | b` when either has, `a + 60` sixty seconds after (no barrier: time passed).
    `key` restricts it to one message.
    """

    thing: str
    event: str
    nth: int = 1
    key: str | None = field(default=None, kw_only=True)
    plus: float = field(default=0.0, kw_only=True)
    parts: tuple["Moment", ...] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        if self.event in ("all", "any"):
            return
        known = list(dict.fromkeys(event for events in EVENTS.values() for event in events))
        if self.event not in known:
            message = f"there is no moment {self.event!r}; there are: {', '.join(known)}"
            raise UsageError(message)
        if self.nth < 1:
            message = f"{self.thing}.{self.event}({self.nth}): moments are counted from 1"
            raise UsageError(message)

    def __and__(self, other: "Moment") -> "Moment":
        return Moment("", "all", parts=(self, other))

    def __or__(self, other: "Moment") -> "Moment":
        return Moment("", "any", parts=(self, other))

    def __add__(self, seconds: float) -> "Moment":
        if seconds < 0:
            message = f"a moment cannot begin {-seconds:g} s before its event; use an earlier event"
            raise UsageError(message)
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return Moment(**{**values, "plus": self.plus + seconds})

    def __repr__(self) -> str:
        return f"{self._core()} + {self.plus:g}" if self.plus else self._core()

    def _core(self) -> str:
        if self.parts:
            sign = " & " if self.event == "all" else " | "
            return "(" + sign.join(map(repr, self.parts)) + ")"
        nth = "" if self.nth == 1 else f", {self.nth}"
        key = "" if self.key is None else f", key={self.key!r}"
        return f"Moment({self.thing!r}, {self.event!r}{nth}{key})"

    def __str__(self) -> str:
        if self.parts:
            word = " and " if self.event == "all" else " or "
            text = word.join(map(str, self.parts))
        else:
            key = "" if self.key is None else f" of {self.key}"
            text = f"{self.thing} {self.event}{key} ({self.nth})"
        return f"{text} + {self.plus:g} s" if self.plus else text

    def leaves(self) -> Iterator["Moment"]:
        """Yield the single events this moment is made of."""
        if not self.parts:
            yield self
        for part in self.parts:
            yield from part.leaves()

    def to_json(self) -> dict[str, object]:
        """Return plain data; `from_json` makes an equal value of it."""
        data: dict[str, object] = {"event": self.event, "plus": self.plus}
        if self.parts:
            return {**data, "parts": [part.to_json() for part in self.parts]}
        return {**data, "thing": self.thing, "nth": self.nth, "key": self.key}

    @staticmethod
    def from_json(data: Mapping[str, object]) -> "Moment":
        """Make the moment that `to_json` wrote."""
        parts = data.get("parts", ())
        assert isinstance(parts, (list, tuple))  # noqa: S101 (shape of our own JSON)
        key = data.get("key")
        return Moment(
            str(data.get("thing", "")),
            str(data["event"]),
            int(str(data.get("nth", 1))),
            key=None if key is None else str(key),
            plus=float(str(data.get("plus", 0.0))),
            parts=tuple(Moment.from_json(part) for part in parts),
        )


@dataclass(frozen=True, repr=False)
class Fault:
    """One thing that goes wrong, as a value: what, where, when it begins and how long it lasts (seconds; None: until `heal`).

    Made by the functions of `harness.faults`; `settings` are the keyword arguments that function was given.
    Exactly one of `link` and `victim` is set.
    """

    name: str
    link: Link | None = None
    victim: str | None = None
    begins: Moment | None = None
    lasts: float | None = None
    settings: tuple[tuple[str, object], ...] = ()

    def __hash__(self) -> int:
        """Hash without the settings, which may hold a mapping (attributes)."""
        return hash((self.name, self.link, self.victim, self.begins, self.lasts))

    def get(self, name: str) -> object:
        """Return one setting, None where it was not given."""
        return dict(self.settings).get(name)

    def __repr__(self) -> str:
        first = repr(self.link) if self.link is not None else repr(self.victim)
        given = [f"{name}={value!r}" for name, value in self.settings if value not in (None, ())]
        timing = [f"{name}={value!r}" for name, value in (("begins", self.begins), ("lasts", self.lasts)) if value is not None]
        return f"{self.name}({', '.join([first, *given, *timing])})"

    def __str__(self) -> str:
        where = self.link if self.link is not None else self.victim
        given = [f"{name}={value}" for name, value in self.settings if value not in (None, ())]
        timing = [] if self.begins is None else [f"begins={self.begins}"]
        timing += [] if self.lasts is None else [f"lasts={self.lasts:g}"]
        return " ".join([self.name, str(where), *given, *timing])

    def to_json(self) -> dict[str, object]:
        """Return plain data; `from_json` makes an equal value of it."""
        return {
            "name": self.name,
            "link": None if self.link is None else str(self.link),
            "victim": self.victim,
            "begins": None if self.begins is None else self.begins.to_json(),
            "lasts": self.lasts,
            "settings": {name: _plain(value) for name, value in self.settings},
        }

    @staticmethod
    def from_json(data: Mapping[str, object]) -> "Fault":
        """Make the fault that `to_json` wrote."""
        link, victim, begins, lasts = data.get("link"), data.get("victim"), data.get("begins"), data.get("lasts")
        settings = data.get("settings") or {}
        assert isinstance(settings, Mapping)  # noqa: S101 (shape of our own JSON)
        return Fault(
            str(data["name"]),
            link=None if link is None else Link.parse(str(link)),
            victim=None if victim is None else str(victim),
            begins=Moment.from_json(begins) if isinstance(begins, Mapping) else None,
            lasts=None if lasts is None else float(str(lasts)),
            settings=tuple((name, _frozen(value)) for name, value in settings.items()),
        )


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return value


def _frozen(value: object) -> object:
    if isinstance(value, list):
        return tuple(_frozen(one) for one in value)
    if isinstance(value, dict):
        return {name: _frozen(one) for name, one in value.items()}
    return value


@dataclass(frozen=True)
class Key:
    r"""Where the business key of a message or request stands: a JSON pointer, or `FIELD ~ REGEX` with one group.

    `/placementId` reads the decoded body; `path ~ /placements/(\d+)/` and `X-Key ~ (.+)` read the path or a header (attribute).
    """

    spec: str

    def __post_init__(self) -> None:
        if self.spec.startswith("/"):
            return
        if "~" not in self.spec:
            message = f"key={self.spec!r} is neither a JSON pointer (/placementId) nor FIELD ~ REGEX (path ~ /jobs/(\\d+))"
            raise UsageError(message)
        try:
            groups = re.compile(self._regex_text).groups
        except re.error as error:
            message = f"key={self.spec!r}: the regular expression does not compile: {error}"
            raise UsageError(message) from error
        if groups != 1:
            message = f"key={self.spec!r}: the regular expression needs exactly one group, it has {groups}"
            raise UsageError(message)

    @property
    def _regex_text(self) -> str:
        return self.spec.partition("~")[2].strip()

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        return re.compile(self._regex_text)

    def find(self, body: bytes | str, *, path: str = "", fields: Mapping[str, str] | None = None) -> str | None:
        """Return the key, or None where it is not there. `fields` are headers or attributes, looked up without case."""
        if self.spec.startswith("/"):
            return pointed_at(self.spec, body)
        name = self.spec.partition("~")[0].strip()
        found = self._regex.search(_field(name, body, path, fields or {}))
        return found.group(1) if found else None


def _field(name: str, body: bytes | str, path: str, fields_: Mapping[str, str]) -> str:
    if name == "path":
        return path
    if name == "body":
        return body if isinstance(body, str) else body.decode("utf-8", "replace")
    return next((value for field_, value in fields_.items() if field_.lower() == name.lower()), "")


def pointed_at(pointer: str, body: bytes | str) -> str | None:
    """Follow a JSON pointer (RFC 6901) into a JSON text; None where text or place is missing."""
    try:
        value: object = json.loads(body)
    except (ValueError, RecursionError):  # UnicodeDecodeError is a ValueError
        return None
    for token in pointer[1:].split("/") if pointer != "/" else [""]:
        name = token.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and name in value:
            value = value[name]
        elif isinstance(value, list) and name.isdigit() and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value if isinstance(value, str) else json.dumps(value)
