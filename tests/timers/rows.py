"""One row of the table of timers: what a timer was to take, and what it took, on the clock of its world."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

MOST = 1.25
"""How many times as long as wanted a timer may take, as the median of its rounds: a tick of the broker's is part of it."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One timer of one program at one speed; `took` are the rounds, in seconds of the world, like `wanted`.

    Each is measured from what surely came before the timer began to what surely came after it was over, so one that is shorter
    than wanted was early, however slow the machine is.
    """

    timer: str
    by: str
    speed: int
    wanted: float
    took: Sequence[float]

    @property
    def ratio(self) -> float:
        """The median against what was wanted; 0 where nothing was measured."""
        return round(median(self.took) / self.wanted, 3) if self.took else 0.0

    @property
    def early(self) -> bool:
        """Whether the timer was over too soon, in any round."""
        return any(took < self.wanted for took in self.took)

    @property
    def holds(self) -> bool:
        """Whether the timer can be relied on at this speed."""
        return bool(self.took) and not self.early and self.ratio <= MOST


def shown(rows: Sequence[Row], speeds: Sequence[int]) -> list[str]:
    """Return the table in Markdown: a line for each timer and program, a column for each speed."""
    head = ["timer", "program", *(f"speed {speed}" for speed in speeds)]
    lines = [head, ["---"] * len(head)]
    for timer, by in dict.fromkeys((one.timer, one.by) for one in rows):
        at = {one.speed: one for one in rows if (one.timer, one.by) == (timer, by)}
        lines.append([timer, by, *(_cell(at.get(speed)) for speed in speeds)])
    return ["| " + " | ".join(line) + " |" for line in lines]


def _cell(row: Row | None) -> str:
    if row is None:
        return "-"
    if not row.took:
        return "not measured"
    word = "" if row.holds else ", early" if row.early else ", late"
    return f"{row.wanted:g} s: {row.ratio:g}{word}"
