"""Histories as they are spoken: one line an event, `SECONDS [AT] KIND ...`, written as the journal a recorder would have left.

    0.1 harness attempted q a ends=dead-lettered      0.2 delivered q a 1           (far, then near, with this tag)
    0.3 posted a 1                                    0.4 settled q a 1 ack         (near, then far)
    0.3 near requested a 1                            0.5 fault f1 outage svc->place began

A kind without `at` that both taps see is written for both. `posted` is a whole request: begun, complete, effected, answered.
Names that come after the fixed words are `field=value`: fields of the event, else of its data.
"""

from pathlib import Path
from typing import Any

import msgspec

from harness.history import History
from harness.history.events import Declaration, Event, Header

BROKER, PLACE = "svc->rabbitmq", "svc->place"
SEEN_TWICE = {"delivered": ("far", "near"), "settled": ("near", "far"), "confirmed": ("far", "near"), "closed": ("far", "near")}
FIELDS = {field.name: field for field in msgspec.structs.fields(Event)}
POSITIONS: dict[str, tuple[str, ...]] = {
    "attempted": ("queue", "key"),
    "acknowledged": ("queue", "key"),
    "refused": ("queue", "key"),
    "returned": ("queue", "key"),
    "delivered": ("queue", "key", "tag"),
    "settled": ("queue", "key", "tag", "how"),
    "confirmed": ("queue", "key", "tag", "ok"),
    "requested": ("key", "x"),
    "effected": ("key", "x"),
    "answered": ("key", "x", "status"),
    "residue": ("queue", "key"),
    "scanned": ("queue",),
    "subscribed": ("queue",),
    "drained": ("how",),
    "fault": ("fault", "data.fault", "data.link", "how"),
    "bit": ("fault", "queue", "key"),
    "started": ("service",),
    "ready": ("service",),
    "exited": ("service", "status"),
    "closed": ("link", "conn", "how"),
    "gap": ("link", "conn"),
    "repeated": ("queue", "key"),
}
AT = ("near", "far", "resource", "broker", "harness")
ON_PLACE = ("requested", "effected", "answered")


def rabbit(name: str = "q", **more: Any) -> Declaration:
    return Declaration(what="queue", name=name, broker="rabbitmq", **more)


def sqs(name: str = "q", **more: Any) -> Declaration:
    more.setdefault("visibility_timeout", 30.0)
    return Declaration(what="queue", name=name, broker="aws", **more)


def place(name: str = "place") -> Declaration:
    return Declaration(what="resource", name=name, kind="http")


def sink(name: str = "alarms") -> Declaration:
    return Declaration(what="alarms", name=name)


def dead(name: str = "dlq", **more: Any) -> Declaration:
    return Declaration(what="queue", name=name, role="dead-letter", **{"broker": "rabbitmq", **more})


USUAL = (rabbit(effects=(("place",),)), place())
"""One AMQP queue whose messages have to change one place."""


def history(
    folder: Path,
    *lines: str,
    world: tuple[Declaration, ...] = USUAL,
    variant: str = "as fixed",
    speed: float = 1.0,
    fidelity: tuple[str, ...] = (),
    **given: Any,
) -> History:
    return History(journal(folder, *lines, world=world, variant=variant, speed=speed, fidelity=fidelity), **given)


def journal(
    folder: Path,
    *lines: str,
    world: tuple[Declaration, ...] = USUAL,
    variant: str = "as fixed",
    speed: float = 1.0,
    fidelity: tuple[str, ...] = (),
) -> Path:
    header = Header(
        sandbox="s1",
        scenario="T-01",
        variant=variant,
        test="tests/spoken.py::test",
        started="2026-11-21T00:00:00Z",
        speed=speed,
        fidelity=fidelity,
    )
    events = [Event(kind="declared", data=msgspec.to_builtins(one)) for one in world]
    for line in "\n".join(lines).splitlines():
        if line.strip():
            events += spoken(line)
    for number, event in enumerate(events, start=1):
        event.n = number
    path = folder / "journal.jsonl"
    path.write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in [header, *events]))
    return path


def spoken(line: str) -> list[Event]:
    second, *words = line.split()
    at = words.pop(0) if words[0] in AT else ""
    kind, *rest = words
    if kind == "posted":
        return _posted(second, rest)
    seats = (at,) if at else SEEN_TWICE.get(kind, ("",))
    return [_event(second, seat, kind, rest) for seat in seats]


def _posted(second: str, rest: list[str]) -> list[Event]:
    both = [rest[0], rest[1], "wire=POST", *rest[2:]]
    requested = [_event(second, seat, "requested", both) for seat in ("near", "resource")]
    answered = [_event(second, seat, "answered", [*both[:2], "200", *both[2:]]) for seat in ("resource", "near")]
    return [*requested, _event(second, "resource", "effected", both), *answered]


def _event(second: str, seat: str, kind: str, words: list[str]) -> Event:
    values: dict[str, Any] = {"kind": kind, "t": float(second)}
    if seat:
        values["at"] = seat
    fixed = [word for word in words if "=" not in word]
    for name, word in zip(POSITIONS.get(kind, ()), fixed, strict=False):
        _put(values, name, word)
    for name, word in (word.split("=", 1) for word in words if "=" in word):
        _put(values, name if name in FIELDS or name.startswith("data.") else f"data.{name}", word)
    if "link" not in values and values.get("at") in {"near", "far", "resource"}:
        values["link"] = PLACE if kind in ON_PLACE else BROKER
    values.setdefault("conn", 0 if values.get("at", "harness") == "harness" else 1)
    if "data" in values:
        values["data"] = {name: _plain(value) for name, value in values["data"].items()}
    return msgspec.convert(values, Event, strict=False)


def _plain(word: str) -> object:
    """Return a number as a number; a text of several words is written with ~ between them."""
    if word.isdigit():
        return int(word)
    return float(word) if word.replace(".", "", 1).isdigit() else word.replace("~", " ")


def _put(values: dict[str, Any], name: str, word: str) -> None:
    if name.startswith("data."):
        values.setdefault("data", {})[name[5:]] = word
    else:
        values[name] = {"true": True, "false": False}.get(word, word)


def sent(*keys: str, queue: str = "q", t: float = 0.0) -> str:
    """The harness published these, and the broker took them."""
    return "\n".join(f"{t} harness {kind} {queue} {key}" for key in keys for kind in ("attempted", "acknowledged"))


def done(*keys: str, queue: str = "q", t: float = 1.0, first: int = 1, conn: int = 1) -> str:
    """Each was delivered, posted, and acknowledged, on connections of this number: one that was closed is not opened again."""
    return "\n".join(
        line
        for number, key in enumerate(keys, start=first)
        for line in (
            f"{t} delivered {queue} {key} 1:{number} conn={conn}",
            f"{t + 0.1:.3f} posted {key} {number} conn={conn}",
            f"{t + 0.2:.3f} settled {queue} {key} 1:{number} ack conn={conn}",
        )
    )


def over(*left: str, queues: tuple[str, ...] = ("q",), t: float = 50.0, how: str = "quiet") -> str:
    """It drained, was closed and scanned; `left` are `queue key` of what the scan found."""
    found = [f"{t} residue {one}" for one in left]
    return "\n".join([f"{t} drained {how}", f"{t} closing", *found, *(f"{t} scanned {queue}" for queue in queues)])
