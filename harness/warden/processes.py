"""What /proc says about processes: parents, sessions, start times, marks in the environment. Reads only; standard library only.

`program.py` runs without the package, so it loads this file by its folder; that is why nothing of harness is imported here.
"""

import contextlib
import os
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple


class Process(NamedTuple):
    """One line of /proc/PID/stat, as far as it matters; `start` is in clock ticks since boot and tells a recycled pid apart."""

    state: str
    parent: int
    session: int
    start: int


def process(pid: int) -> Process | None:
    """Return what /proc says about one process, None where there is none; a zombie is one, with state Z."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 (pathlib costs the warden a third of its start)
            text = file.read()
    except OSError:
        return None
    fields = text[text.rindex(b")") + 2 :].split()
    return Process(fields[0].decode(), int(fields[1]), int(fields[3]), int(fields[19]))


def processes() -> dict[int, Process]:
    """Return every process of the machine by pid."""
    found = ((int(name), process(int(name))) for name in os.listdir("/proc") if name.isdigit())  # noqa: PTH208 (as above)
    return {pid: one for pid, one in found if one is not None}


def below(roots: Iterable[int], table: Mapping[int, Process]) -> set[int]:
    """Return the pids of all descendants of `roots`, zombies included, the roots themselves not."""
    children: dict[int, list[int]] = {}
    for pid, one in table.items():
        children.setdefault(one.parent, []).append(pid)
    found: set[int] = set()
    todo = list(roots)
    while todo:
        new = [pid for pid in children.get(todo.pop(), ()) if pid not in found]
        found.update(new)
        todo.extend(new)
    return found


def marks(pid: int) -> dict[str, str]:
    """Return the HARNESS_* variables a process was started with; empty where they cannot be read or were overwritten."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123 (as above)
            entries = file.read().split(b"\0")
    except OSError:
        return {}
    pairs = (os.fsdecode(entry).partition("=") for entry in entries if entry.startswith(b"HARNESS_"))
    return {name: value for name, _, value in pairs}


def signalled(find: Callable[[], set[int]], number: int) -> None:
    """Signal all that `find` returns, again and again until it finds nobody new: what does not stand still yet may fork."""
    told: set[int] = set()
    while not (found := find()) <= told:
        for pid in found - told:
            with contextlib.suppress(PermissionError, ProcessLookupError):  # a setuid program; one that has just ended
                os.kill(pid, number)
        told |= found


def worked(pid: int) -> float:
    """Return the seconds that a process and its descendants were on a processor; ended threads do not count."""
    return sum(_scheduled(each) for each in {pid, *below([pid], processes())})


def _scheduled(pid: int) -> float:
    spent = 0
    with contextlib.suppress(OSError):  # it has ended
        for task in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 (as above)
            with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{task}/schedstat", "rb") as file:  # noqa: PTH123 (as above)
                spent += int(file.read().split()[0])
    return spent / 1e9
