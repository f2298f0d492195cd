"""The form of an AWS query call (SQS before 2023, SNS, SES): read into nested members, and written again where changed.

`Entry.1.Attribute.2.Name=x` is `{"Entry": {"1": {"Attribute": {"2": {"Name": "x"}}}}}`. A form stands in the body of a POST, or
behind the `?` of a GET.
"""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import parse_qsl, quote_plus

from harness.wire.aws import Attribute, UnreadableCallError
from harness.wire.messages import Message

Nested = dict[str, "str | Nested"]
MOST_FIELDS = 20_000
"""Fields of a form: ten entries with ten attributes each have 330."""
DEEPEST = 8
_NUMBER = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,9})?")
_BYTES = ("utf-8", "surrogateescape")  # what is no UTF-8 comes out as it went in


class Form:
    """One query call: its fields in order, which may be changed, and what they say."""

    def __init__(self, request: Message) -> None:
        self._request = request
        path, _, query = request.target.partition("?")
        self.path = path
        self._in_body = bool(request.body)
        raw = request.body.decode(*_BYTES) if self._in_body else query
        try:
            self.fields = parse_qsl(raw, keep_blank_values=True, encoding="utf-8", errors=_BYTES[1], max_num_fields=MOST_FIELDS)
        except ValueError as error:
            reason = f"a form that cannot be read: {error}"
            raise UnreadableCallError(reason) from error

    def get(self, name: str) -> str:
        """Return the value of a field; empty where there is none."""
        return next((value for one, value in self.fields if one == name), "")

    def nested(self) -> Nested:
        """Return the fields by the parts of their names. Raises UnreadableCallError where they contradict each other."""
        whole: Nested = {}
        for name, value in self.fields:
            parts = name.split(".", DEEPEST)
            place = whole
            for part in parts[:-1]:
                inner = place.setdefault(part, {})
                if isinstance(inner, str):
                    reason = f"a form in which {name!r} is below a value"
                    raise UnreadableCallError(reason)
                place = inner
            place[parts[-1]] = value
        return whole

    def without(self, prefix: str) -> None:
        """Take away the fields whose names begin so."""
        self.fields = [one for one in self.fields if not one[0].startswith(prefix)]

    def rename(self, prefix: str, new: str) -> None:
        """Have the fields whose names begin so begin in another way."""
        self.fields = [
            (new + name.removeprefix(prefix) if name.startswith(prefix) else name, value) for name, value in self.fields
        ]

    def put(self, name: str, value: str) -> None:
        """Set one field, where it was or at the end."""
        names = [one for one, _ in self.fields]
        if name in names:
            self.fields[names.index(name)] = (name, value)
        else:
            self.fields.append((name, value))

    def written(self, *, without: tuple[str, ...] = ()) -> bytes:
        """Return the request with the fields as they are now."""
        form = "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in self.fields)
        if self._in_body:
            return self._request.with_body(form.encode(), without=without)
        line, _, rest = self._request.head.lstrip(b"\r\n").partition(b"\r\n")
        method, _, version = line.split(b" ", 2)
        return b" ".join([method, f"{self.path}?{form}".encode("latin-1"), version]) + b"\r\n" + rest


def _quoted(text: str) -> str:
    return quote_plus(text.encode(*_BYTES))


def listed(found: Nested, name: str) -> Iterator[tuple[str, Nested]]:
    """Yield the numbered members `name.1`, `name.2` ... in the order of their numbers, with the number as text."""
    inner: str | Nested = found
    for part in name.split("."):
        inner = inner.get(part, {}) if isinstance(inner, dict) else {}
    if isinstance(inner, dict):
        for number in sorted((one for one in inner if one.isascii() and one.isdigit()), key=lambda one: (len(one), one)):
            member = inner[number]
            yield number, member if isinstance(member, dict) else {"": member}


def text(found: Nested, name: str) -> str:
    """Return one value; empty where there is none."""
    value = found.get(name, "")
    return value if isinstance(value, str) else ""


def number(found: Nested, name: str) -> float | None:
    """Return one value as a number, None where it is none."""
    value = text(found, name)
    return float(value) if _NUMBER.fullmatch(value) else None


def attributes(found: Nested, name: str) -> dict[str, Attribute]:
    """Return the message attributes that stand under this name."""
    return dict(_attribute(one) for _, one in listed(found, name))


def _attribute(found: Nested) -> tuple[str, Attribute]:
    value = found.get("Value")
    inner = value if isinstance(value, dict) else {}
    kind = text(inner, "DataType") or "String"
    return text(found, "Name"), Attribute(kind, text(inner, "StringValue") or text(inner, "BinaryValue"))


def put_attributes(form: Form, prefix: str, given: Mapping[str, Attribute]) -> None:
    """Write message attributes into a form in place of those that stand there under this prefix."""
    form.without(f"{prefix}.")
    for place, (name, one) in enumerate(given.items(), 1):
        member = "BinaryValue" if one.binary else "StringValue"
        form.fields += [
            (f"{prefix}.{place}.Name", name),
            (f"{prefix}.{place}.Value.DataType", one.type),
            (f"{prefix}.{place}.Value.{member}", one.value),
        ]
