"""What the functions that make faults share: arguments are checked, so that a table of faults fails where it is written."""

import math
from collections.abc import Sequence
from typing import TypeGuard

from harness.errors import UsageError
from harness.model import Fault, Link, Moment, Thing

Settings = tuple[tuple[str, object], ...]


def fault_on_link(name: str, link: object, *, begins: object, lasts: object, settings: Settings = ()) -> Fault:
    """Make a fault of a link; UsageError names the call that would be right."""
    if not isinstance(link, Link):
        message = f"{name}({link!r}) needs a link: write {name}(service.link(thing)) or {name}(Link('service', 'thing'))"
        raise UsageError(message)
    start, seconds = _timing(f"{name}(link", begins, lasts)
    return Fault(name, link=link, begins=start, lasts=seconds, settings=settings)


def fault_of_victim(name: str, victim: object, *, begins: object, lasts: object, settings: Settings = ()) -> Fault:
    """Make a fault of a service or broker, given as the thing or by its name; UsageError names the call that would be right."""
    known = victim.thing_name if isinstance(victim, Thing) else victim
    if not isinstance(known, str) or not known:
        message = f"{name}({victim!r}) needs what is to die: write {name}(instance) with what sandbox.start returned, or its name"
        raise UsageError(message)
    start, seconds = _timing(f"{name}(victim", begins, lasts)
    return Fault(name, victim=known, begins=start, lasts=seconds, settings=settings)


def link_of(fault: Fault) -> Link:
    """Return the link of a fault that has one."""
    if fault.link is None:
        message = f"{fault!r} names no link; it was not made by harness.faults.{fault.name}"
        raise UsageError(message)
    return fault.link


def victim_of(fault: Fault) -> str:
    """Return the victim of a fault that has one."""
    if fault.victim is None:
        message = f"{fault!r} names no victim; it was not made by harness.faults.{fault.name}"
        raise UsageError(message)
    return fault.victim


def _timing(call: str, begins: object, lasts: object) -> tuple[Moment | None, float | None]:
    if begins is not None and not isinstance(begins, Moment):
        moments = "begins=queue.delivered(3) or begins=resource.answered(10)"
        message = f"{call}, begins={begins!r}): a fault begins at a moment, such as {moments}"
        raise UsageError(message)
    if lasts is None:
        return begins, None
    if not is_positive(lasts):
        message = f"{call}, lasts={lasts!r}): write {call}, lasts=30) for 30 seconds; without lasts it lasts until heal()"
        raise UsageError(message)
    assert isinstance(lasts, (int, float))  # noqa: S101 (told by is_positive)
    return begins, lasts


def is_number(value: object) -> bool:
    """Tell whether this is a finite number (a bool is not a number of anything)."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def is_whole(value: object) -> TypeGuard[int]:
    """Tell whether this is a whole number."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_positive(value: object) -> bool:
    """Tell whether this is a finite number above 0."""
    return is_number(value) and isinstance(value, (int, float)) and value > 0


def is_word(value: object) -> bool:
    """Tell whether this is a text that is not empty."""
    return isinstance(value, str) and bool(value)


def checked_target(call: str, *, on: object, key: object, times: object) -> Settings:
    """Return the settings that say which messages are meant and how many; UsageError where they mean none."""
    checked_words(call, on=on, key=key)
    checked_times(call, times)
    return (("on", on), ("key", key), ("times", times))


def checked_times(call: str, times: object) -> None:
    """Refuse a number of occurrences that is not at least one."""
    if times is not None and not (isinstance(times, int) and is_positive(times)):
        message = f"{call}, times={times!r}): a fault hits at least once: {call}, times=1); without times it hits every time"
        raise UsageError(message)


def checked_words(call: str, **words: object) -> None:
    """Refuse an operation or key that is not a word: an empty one would never be met, and the fault could not bite."""
    for name, value in words.items():
        if value is not None and not is_word(value):
            message = f"{call}, {name}={value!r}): {name} is a text, as in {call}, {name}={_EXAMPLES[name]!r})"
            raise UsageError(message)


def checked_side(call: str, side: object) -> None:
    """Refuse what is no direction of a link."""
    if side not in ("request", "answer"):
        message = f"{call}, side={side!r}): the sides are 'answer' (what comes back to the service) and 'request'"
        raise UsageError(message)


_EXAMPLES = {"on": "POST", "key": "42"}


def names(call: str, argument: str, given: str | Sequence[str]) -> tuple[str, ...]:
    """Return a sequence of names as a tuple; a single text is refused, as it would be taken letter by letter."""
    if isinstance(given, str):
        message = f"{call}, {argument}={given!r}): {argument} is a sequence of names: {argument}=({given!r},)"
        raise UsageError(message)
    return tuple(given)
