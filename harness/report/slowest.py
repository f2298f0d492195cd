"""The slowest scenarios of a run, each with where its seconds went: what to look at when a suite takes too long."""

from collections.abc import Iterable, Iterator

from harness.report.entries import Entry

MOST = 10
FROM = 2.0
"""Seconds from which on a scenario is one of the slow ones."""
PARTS = 3
SMALL = 0.05
"""The part of a scenario's seconds below which something is not worth a word."""
REST = "acting and judging"


def slowest(found: Iterable[Entry]) -> list[str]:
    """Return one line for each of the slowest scenarios; none where all were quick."""
    slow = sorted((one for one in found if one.seconds >= FROM), key=lambda one: -one.seconds)[:MOST]
    return [f"{one.seconds:>6.1f} s  {_name(one)}: {', '.join(_parts(one))}" for one in slow]


def _name(entry: Entry) -> str:
    return f"{entry.id} {entry.variant}" if entry.variant else entry.id


def _parts(entry: Entry) -> Iterator[str]:
    rest = entry.seconds - sum(entry.spent.values())
    parts = sorted({**entry.spent, REST: rest}.items(), key=lambda part: -part[1])
    for what, seconds in parts[:PARTS]:
        if seconds >= SMALL * entry.seconds:
            why = f" ({entry.waited})" if what == "drain" and entry.waited else ""
            yield f"{what} {seconds:.1f} s{why}"
