"""Messages that arrive other than they were sent: a producer of another version, on the wire."""

import re
from collections.abc import Mapping, Sequence

from harness.errors import UsageError
from harness.faults.arguments import checked_times, checked_words, fault_on_link, is_word, names
from harness.model import Fault, Link, Moment

SQS_MOST_ATTRIBUTES = 10
_SQS_NAME = re.compile(r"(?!\.)(?!.*\.\.)(?!(?i:aws|amazon)\.)[A-Za-z0-9_.-]{1,256}(?<!\.)")


def altered(
    link: Link,
    *,
    attributes: Mapping[str, str] | None = None,
    drop: Sequence[str] = (),
    body: str | None = None,
    on: str | None = None,
    key: str | None = None,
    times: int | None = None,
    begins: Moment | None = None,
    lasts: float | None = None,
) -> Fault:
    """Make a fault under which messages change on the link, as if a producer of another version had sent them.

    On the wire: `attributes` are set (SQS message attributes of type String; AMQP headers), those in `drop` are taken away,
    `body` replaces the body; lengths and the MD5 sums that SDKs verify are made right again. Sends change before the broker sees
    them, deliveries before the service does. `on` restricts it to one operation (ReceiveMessage, SendMessage, Basic.Deliver),
    `key` to one message, `times` to the first so many.
    Begins: with the next message; one that is held in the moment's barrier is changed already.
    Removing it: messages pass unchanged again; those that were changed on the way to the broker stay so.
    Raises UsageError for what is no link, no moment, no positive number, changes nothing, or breaks the rules of SQS: at most 10
    attributes, names of letters, digits, `_ - .` that do not begin with `AWS.` or `Amazon.`, no empty values. They hold on AMQP
    links too, so that one table of faults fits both brokers.
    """
    given = _attributes(attributes) if attributes else None
    dropped = names("altered(link", "drop", drop)
    _something(given, dropped, body)
    checked_words("altered(link", on=on, key=key)
    checked_times("altered(link", times)
    settings = (("attributes", given), ("drop", dropped), ("body", body), ("on", on), ("key", key), ("times", times))
    return fault_on_link("altered", link, begins=begins, lasts=lasts, settings=settings)


def _something(attributes: dict[str, str] | None, dropped: tuple[str, ...], body: str | None) -> None:
    if not (attributes or dropped or body is not None):
        message = "altered(link) changes nothing: say attributes={'JavaType': '...'}, drop=('JavaType',) or body='...'"
        raise UsageError(message)
    both = sorted(set(attributes or ()) & set(dropped))
    if both:
        message = f"altered(link) sets and drops {both[0]!r}: one in attributes= replaces what is there, so leave it out of drop="
        raise UsageError(message)


def _attributes(given: Mapping[str, str]) -> dict[str, str]:
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
        if not is_word(value):
            call = f"altered(link, attributes={{{name!r}: {value!r}}})"
            message = f"{call}: the value is a text that is not empty; to take the attribute away write drop=({name!r},)"
            raise UsageError(message)
    return dict(given)
