"""The repository's scenarios again and again, idle and busy, alone and side by side: whether each says the same every time."""

import contextlib
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from harness.clock import now
from harness.report.entries import Entry, read_run

BUSY = (sys.executable, "-c", "while True: pass")
Said = list[tuple[str, str, str, str]]
"""What a run said: (id, variant, conclusion, label) of each check, ordered."""


class Round(msgspec.Struct, kw_only=True):
    """One run of all scenarios. `differences` is what it said and most runs did not (+), or they did and it did not (-)."""

    how: str
    status: int
    seconds: float
    run: str
    said: Said
    differences: list[str] = []


def said(entries: Sequence[Entry]) -> Said:
    """Return what a run said; a scenario without a verdict says its outcome."""
    found: Said = []
    for entry in entries:
        for check in entry.checks:
            found.append((entry.id, entry.variant or "", f"{check.check} {check.conclusion}", check.label or ""))
        if not (entry.checks and entry.passed):
            found.append((entry.id, entry.variant or "", "passed" if entry.passed else "failed", entry.error or ""))
    return sorted(found)


@contextlib.contextmanager
def busy(cores: int) -> Iterator[None]:
    """Keep so many cores busy with programs that do nothing else."""
    programs = [subprocess.Popen(BUSY) for _ in range(cores)]
    try:
        yield
    finally:
        for one in programs:
            one.kill()
            one.wait()


def again(how: str, number: int, folder: Path) -> Round:
    """Run all scenarios once: how = plain, `-n 2`, or busy."""
    runs = folder / f"{number}"
    options = ["-n", "2", "--dist", "worksteal"] if how == "-n 2" else []
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--harness-runs={runs}", *options, "scenarios"]
    began = now()
    with busy((os.cpu_count() or 2) if how == "busy" else 0), (folder / f"{number}.log").open("wb") as log:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False)
    seconds = round(now() - began, 1)
    found = said(read_run(runs / "latest").scenarios) if (runs / "latest" / "run.json").exists() else []
    return Round(how=how, status=done.returncode, seconds=seconds, run=str((runs / "latest").resolve()), said=found)


def ways(times: int, two: int | None = None, busied: int | None = None) -> list[str]:
    """Return how each of so many rounds is run: `two` with two workers, `busied` with every core busy (both: three of ten)."""
    two = round(times * 0.3) if two is None else two
    busied = round(times * 0.3) if busied is None else busied
    return ["plain"] * (times - two - busied) + ["-n 2"] * two + ["busy"] * busied


def rounds(planned: Sequence[str], folder: Path, shown: Callable[[str], None]) -> list[Round]:
    """Run all scenarios once in each of these ways; say how each round differs from most."""
    found: list[Round] = []
    for number, how in enumerate(planned, start=1):
        found.append(again(how, number, folder))
        shown(f"{number} of {len(planned)}: {how}: exit status {found[-1].status}, {found[-1].seconds} s")
    compare(found)
    return found


def compare(found: Sequence[Round]) -> None:
    """Write into each round how it differs from what most rounds said."""
    usual: Said = list(Counter(tuple(one.said) for one in found).most_common(1)[0][0]) if found else []
    for one in found:
        more = [f"+ {' | '.join(line)}" for line in one.said if line not in usual]
        less = [f"- {' | '.join(line)}" for line in usual if line not in one.said]
        one.differences = [*more, *less]
