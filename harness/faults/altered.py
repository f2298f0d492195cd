"""Messages that arrive other than they were sent: a producer of another version, on the wire."""

import base64
import re
from collections.abc import Callable, Mapping, Sequence

from harness.errors import UsageError
from harness.faults.arguments import checked_target, fault_on_link, names
from harness.faults.profiles import TASKS, sent_like
from harness.model import Fault, Link, Moment

SQS_MOST_ATTRIBUTES = 10
_TYPE = re.compile(r"(String|Number|Binary)(\.[^\s]{1,249})?")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")
_SQS_NAME = re.compile(r"(?!\.)(?!.*\.\.)(?!(?i:aws|amazon)\.)[A-Za-z0-9_.-]{1,256}(?<!\.)")


def altered(
    link: Link,
    *,
    attributes: Mapping[str, str | tuple[str, str]] | None = None,
    drop: Sequence[str] = (),
    body: str | None = None,
    like: str | None = None,
    type: str | None = None,  # noqa: A002 (as it is called in a message)
    on: str | None = None,
    key: str | None = None,
    times: int | None = None,
    begins: Moment | None = None,
    lasts: float | None = None,
) -> Fault:
    """Make a fault under which messages change on the link, as if a producer of another version had sent them.

    On the wire: `attributes` are set (SQS message attributes; AMQP headers), those in `drop` are taken away, `body` replaces the
    body; lengths and the MD5 sums that SDKs verify are made right again. A value is a text, which keeps the type that was there
    (else String), or type and text: `("Number.int", "3")`, `("Binary", base64)`. `like` sets and drops what a version of a
    library would ("spring-cloud-aws-3.1.1", with the class as `type`). Sends change before the broker sees them, deliveries
    before the service does. `on` restricts it to one operation (ReceiveMessage, SendMessage, Basic.Deliver), `key` to one
    message, `times` to the first so many.
    Begins: with the next message; one that is held in the moment's barrier is changed already.
    Removing it: messages pass unchanged again; those that were changed on the way to the broker stay so.
    Raises UsageError for what is no link, no moment, no positive number, changes nothing, or breaks the rules of SQS: at most 10
    attributes, names of letters, digits, `_ - .` that do not begin with `AWS.` or `Amazon.`, no empty values. They hold on AMQP
    links too, so that one table of faults fits both brokers.
    """
    given = _attributes(attributes) if attributes else None
    dropped = names("altered(link", "drop", drop)
    _library(like, type)
    _something(given, dropped, body, like)
    target = checked_target("altered(link", on=on, key=key, times=times)
    settings = (("attributes", given), ("drop", dropped), ("body", body), ("like", like), ("type", type), *target)
    return fault_on_link("altered", link, begins=begins, lasts=lasts, settings=settings)


def _library(like: str | None, named: str | None) -> None:
    if like in TASKS:
        message = f"altered(link, like={like!r}): Celery writes the whole message; publish(..., like={like!r}) sends such a one"
        raise UsageError(message)
    if like is not None:
        sent_like("altered(link", like, named)
    elif named is not None:
        message = f"altered(link, type={named!r}): a type goes with the library that names it: like='spring-cloud-aws-3.1.1'"
        raise UsageError(message)


def _something(attributes: Mapping[str, object] | None, dropped: tuple[str, ...], body: str | None, like: str | None) -> None:
    if not (attributes or dropped or like) and body is None:
        message = "altered(link) changes nothing: say attributes={'JavaType': '...'}, drop=('JavaType',) or body='...'"
        raise UsageError(message)
    both = sorted(set(attributes or ()) & set(dropped))
    if both:
        message = f"altered(link) sets and drops {both[0]!r}: one in attributes= replaces what is there, so leave it out of drop="
        raise UsageError(message)


def _attributes(given: Mapping[str, str | tuple[str, str]]) -> dict[str, str | tuple[str, str]]:
    if len(given) > SQS_MOST_ATTRIBUTES:
        message = f"altered(link, attributes=...) has {len(given)} attributes; a message on SQS has at most {SQS_MOST_ATTRIBUTES}"
        raise UsageError(message)
    for name, value in given.items():
        if not _SQS_NAME.fullmatch(name):
            message = (
                f"altered(link, attributes={{{name!r}: ...}}): SQS takes no such name; it has 1 to 256 letters, digits, '_', '-',"
                " '.', does not begin with 'AWS.' or 'Amazon.', nor begin or end with '.', nor have two in a row"
            )
            raise UsageError(message)
        _value(f"altered(link, attributes={{{name!r}: {value!r}}})", name, value)
    return dict(given)


def _value(call: str, name: str, value: object) -> None:
    kind, text = value if isinstance(value, tuple) and len(value) == 2 else ("String", value)  # noqa: PLR2004 (type and text)
    if not isinstance(text, str) or not text:
        message = f"{call}: the value is a text that is not empty; to take the attribute away write drop=({name!r},)"
        raise UsageError(message)
    if not isinstance(kind, str) or not _TYPE.fullmatch(kind):
        message = f"{call}: SQS has no such type; there are String, Number and Binary, each with a label if need be: 'Number.int'"
        raise UsageError(message)
    if not _READABLE[kind.partition(".")[0]](text):
        message = f"{call}: this text is no {kind}; a Number is written in digits, a Binary in base64"
        raise UsageError(message)


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except ValueError:
        return False
    return True


_READABLE: Mapping[str, Callable[[str], object]] = {"String": bool, "Number": _NUMBER.fullmatch, "Binary": _is_base64}
