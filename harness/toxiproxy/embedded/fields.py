"""Values into fields as Go does it: keys in any case, null is no value; all that fits is set, then the first complaint raised."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, cast

from harness.toxiproxy.embedded.text import Number, Pairs, TextError, Value, single

Kind = Literal["string", "bool", "int", "int64", "float32"]
Filled = dict[str, object]

_LIMIT = 2**63
_LONGEST = len(str(-_LIMIT))


@dataclass(frozen=True)
class Shape:
    """A Go struct: what its type is called, what a struct of that type is called in complaints, and its fields."""

    go: str
    name: str
    fields: Mapping[str, "Kind | Shape"]
    embedded: Mapping[str, str] | None = None
    """Fields that Go finds in an embedded struct, and what it calls them in complaints."""


class _Complaint:
    """The first thing that did not fit."""

    def __init__(self) -> None:
        self.text = ""

    def say(self, what: str, where: str) -> None:
        if not self.text:
            self.text = f"json: cannot unmarshal {what} into Go {where}"


def fill(value: Value, shape: Shape, into: Filled) -> None:
    """Set what `value` says of the fields of `shape`; afterwards, raise TextError for the first that did not fit."""
    complaint = _Complaint()
    if isinstance(value, Pairs):
        _object(value, shape, into, "", complaint)
    elif value is not None:
        complaint.say(_called(value), f"value of type {shape.go}")
    _raise(complaint)


def fill_each(value: Value, shape: Shape, fresh: Callable[[], Filled]) -> list[Filled]:
    """Return what a list of objects says, each into what `fresh` returns; raise TextError for the first that did not fit."""
    complaint, found = _Complaint(), list[Filled]()
    if isinstance(value, list):
        for one in value:
            found.append(fresh())
            if isinstance(one, Pairs):
                _object(one, shape, found[-1], "", complaint)
            elif one is not None:
                complaint.say(_called(one), f"value of type {shape.go}")
    elif value is not None:
        complaint.say(_called(value), f"value of type []{shape.go}")
    _raise(complaint)
    return found


def _raise(complaint: _Complaint) -> None:
    if complaint.text:
        raise TextError(complaint.text)


def _object(value: Pairs, shape: Shape, into: Filled, path: str, complaint: _Complaint) -> None:
    known = {name.casefold(): name for name in shape.fields}
    for key, given in value.pairs:
        name = known.get(key.casefold())
        if name is None or given is None:
            continue
        kind = shape.fields[name]
        called = (shape.embedded or {}).get(name, name)
        where = f"struct field {shape.name}.{path}{called} of type "
        if not isinstance(kind, Shape):
            fitting, what = _fitting(given, kind)
            if what:
                complaint.say(what, where + kind)
            else:
                into[name] = fitting
        elif isinstance(given, Pairs):
            _object(given, kind, cast("Filled", into.setdefault(name, {})), f"{path}{called}.", complaint)
        else:
            complaint.say(_called(given), where + kind.go)


def _fitting(given: Value, kind: Kind) -> tuple[object, str]:
    """Return the value for a field, or what it is that does not fit."""
    wanted = {"string": str, "bool": bool}.get(kind, Number)
    if not isinstance(given, wanted):
        return None, _called(given)
    if not isinstance(given, Number):
        return given, ""
    number = single(given.text) if kind == "float32" else _whole(given.text)
    return number, f"number {given.text}" if number is None else ""


def _whole(text: str) -> int | None:
    """Return the whole number of 64 bits; None for what is written with a point or an exponent, or does not fit."""
    if len(text) > _LONGEST or not text.removeprefix("-").isdigit():
        return None
    number = int(text)
    return number if -_LIMIT <= number < _LIMIT else None


def _called(value: Value) -> str:
    match value:
        case bool():
            return "bool"
        case Number():
            return "number"
        case str():
            return "string"
        case Pairs():
            return "object"
        case _:
            return "array"
