"""What a benchmark says: rows with a value, a target and what they are, from figures taken in rounds. Nothing is measured here.

Values are medians over rounds. A ratio is taken inside each round, between roads that were measured side by side in it: the
machine drifts by more than what is to be seen.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from statistics import median
from typing import Literal, TypeVar

T = TypeVar("T")
SCHEMA = 1
Round = Mapping[str, Sequence[float]]
"""What one round measured: by road, its values."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure; `low` and `high` are the quartiles over its rounds. Without a target it is there to be compared."""

    name: str
    value: float | None
    unit: str
    better: Literal["lower", "higher"]
    target: float | None
    stretch: float | None
    rounds: int
    low: float | None
    high: float | None
    note: str

    @property
    def met(self) -> bool | None:
        """Tell whether the target is met; None where there is none."""
        return self._reaches(self.target)

    @property
    def stretched(self) -> bool | None:
        """Tell whether the stretch target is met; None where there is none."""
        return self._reaches(self.stretch)

    def _reaches(self, wanted: float | None) -> bool | None:
        if wanted is None:
            return None
        if self.value is None:
            return False
        return self.value <= wanted if self.better == "lower" else self.value >= wanted


def percentile(values: Iterable[float], share: float) -> float:
    """Return the smallest value that is not below `share` (0 to 1) of all; the median of an odd number at 0.5."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def row(
    name: str,
    values: Sequence[float],
    *,
    unit: str,
    note: str,
    better: Literal["lower", "higher"] = "lower",
    target: float | None = None,
    stretch: float | None = None,
) -> Row:
    """Return the row of these per-round values; without any, one that has no value and meets no target."""
    found = [_short(x) for x in (median(values), percentile(values, 0.25), percentile(values, 0.75))] if values else [None] * 3
    value, low, high = found
    return Row(
        name=name, value=value, unit=unit, better=better, target=target, stretch=stretch, rounds=len(values), low=low, high=high,
        note=note,
    )  # fmt: skip


def _short(value: float) -> float:
    return float(f"{value:.4g}")


def ratios(rounds: Sequence[Round], road: str, base: str, *, share: float = 0.5) -> list[float]:
    """Return, for each round, a road's percentile as a multiple of another's."""
    return [percentile(one[road], share) / percentile(one[base], share) for one in rounds]


def added_ratios(rounds: Sequence[Round], road: str, other: str, base: str, *, share: float = 0.5) -> list[float]:
    """Return, for each round, what a road adds to `base` as a multiple of what `other` adds.

    A round in which `other` adds nothing says nothing, and is left out.
    """
    pairs = (tuple(percentile(one[name], share) - percentile(one[base], share) for name in (road, other)) for one in rounds)
    return [mine / theirs for mine, theirs in pairs if theirs > 0]


def percentiles(rounds: Sequence[Round], road: str, *, share: float = 0.5, unit: float = 1.0) -> list[float]:
    """Return, for each round, a road's percentile in a `unit` (1e-6: microseconds)."""
    return [percentile(one[road], share) / unit for one in rounds]


def turned(things: Sequence[T], by: int) -> list[T]:
    """Return the same things beginning with another, every second time backwards: no road always follows the same one."""
    at = by % len(things)
    found = [*things[at:], *things[:at]]
    return found[::-1] if by % 2 else found


def wanted(name: str, patterns: Sequence[str]) -> bool:
    """Tell whether a row is asked for; no pattern asks for all."""
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)


def concerned(prefix: str, patterns: Sequence[str]) -> bool:
    """Tell whether rows with this prefix may be asked for, so that they have to be measured."""
    heads = [pattern.translate({ord("?"): "*", ord("["): "*"}).partition("*")[0] for pattern in patterns]
    return not patterns or any(head.startswith(prefix) or prefix.startswith(head) for head in heads)


def document(rows: Sequence[Row], *, started: str, machine: Mapping[str, object]) -> str:
    """Return what stands in latest.json."""
    return json.dumps({"schema": SCHEMA, "started": started, "machine": machine, "rows": [asdict(one) for one in rows]}, indent=1)


def shown(one: Row) -> tuple[str, str, str, str]:
    """Return name, value, target, met or not, as the terminal shows them."""
    value = "-" if one.value is None else f"{one.value:g} {one.unit}"
    sign = "<=" if one.better == "lower" else ">="
    target = "" if one.target is None else f"{sign} {one.target:g}"
    verdict = {None: "", True: "met", False: "NOT MET"}[one.met]
    return one.name, value, target, f"{verdict}, stretch too" if one.met and one.stretched else verdict
