"""The table of scenarios in a folder's README.md: what a run would have stand there, and what does.

A row is a scenario, a variant, the libraries that were run with their versions, and what each check came to. What is
told twice is one row. The cells of a matrix are one row too, and a table of their own below.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import NamedTuple

from harness.report.entries import Entry
from harness.report.matrix import TIMES, cell_of, grid, heads

HEAD = ("scenario", "variant", "library and version", "check: label")
CELLS = "as below"
FIRST = ("baseline", "as it was")
"""Variants that come first in the table, in this order; the others follow by their names, "as fixed" at the end."""
_LINK = re.compile(r"\[(?P<ident>[^\]]+)\]\((?P<file>[^)]+)\)")
_MATRIX = re.compile(rf"^### {_LINK.pattern}: (?P<heads>.+)$")


class Key(NamedTuple):
    """What tells scenarios apart: the file below the folder, the id, and the variant (of a matrix: what it is made of)."""

    file: str
    ident: str
    variant: str

    def __str__(self) -> str:
        return f"{self.ident} {self.variant} in {self.file}"


class Row(NamedTuple):
    """One row of the table."""

    key: Key
    libraries: str
    checks: str

    def line(self) -> str:
        """Return the row as it stands in a README.md."""
        cells = (f"[{self.key.ident}]({self.key.file})", self.key.variant, self.libraries, self.checks)
        return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


class Cell(NamedTuple):
    """One cell of a matrix, by the key of its matrix."""

    key: Key
    row: str
    column: str

    def __str__(self) -> str:
        return f"{self.key.ident} {self.row} x {self.column} in {self.key.file}"


@dataclass
class Told:
    """What is told of the scenarios of a folder, by its README.md or by a run."""

    rows: list[Row] = field(default_factory=list)
    cells: dict[Cell, str] = field(default_factory=dict)

    def text(self) -> str:
        """Return what stands in the README.md from the head of the table on."""
        lines = [*_head(HEAD), *(row.line() for row in sorted(self.rows, key=_place))]
        matrices = dict.fromkeys(cell.key for cell in self.cells)
        for key in sorted(matrices, key=lambda key: (natural_key(key.ident), key)):
            lines += ["", *self._matrix(key)]
        return "\n".join(lines) + "\n"

    def _matrix(self, key: Key) -> Iterator[str]:
        texts = {(cell.row, cell.column): text for cell, text in self.cells.items() if cell.key == key}
        rows, _, columns = key.variant.partition(TIMES)
        yield f"### [{key.ident}]({key.file}): {key.variant}"
        yield ""
        (_, *names), *lines = grid(texts)
        yield from _head((rf"{rows} \ {columns}", *names))
        yield from (f"| {' | '.join(line)} |" for line in lines)


def _head(names: Sequence[str]) -> list[str]:
    return [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]


def natural_key(name: str) -> list[tuple[bool, int | str]]:
    """Return what sorts ids as people would: S2-9 before S2-10."""
    return [(part.isdigit(), int(part) if part.isdigit() else part) for part in re.split(r"(\d+)", name)]


def _place(row: Row) -> tuple[object, ...]:
    variant = row.key.variant
    at = FIRST.index(variant) if variant in FIRST else len(FIRST) + (variant == "as fixed")
    return (natural_key(row.key.ident), at, variant, row.key.file, row.libraries, row.checks)


def ran(entries: Iterable[Entry], folder: PurePosixPath) -> Told:
    """Return what a run tells of the scenarios below a folder (as pytest names it), from those that came out as they should."""
    mine = [entry for entry in entries if entry.checks and entry.passed and key_of(entry, folder)]
    plain = [entry for entry in mine if not entry.cell]
    rows = [Row(_key(entry, folder), _libraries([entry]), _checks(entry)) for entry in plain]
    told = Told(list(dict.fromkeys(rows)))
    cells: dict[Key, list[Entry]] = {}
    for entry in mine:
        if entry.cell:
            cells.setdefault(_key(entry, folder), []).append(entry)
            cell = cell_of(entry)
            told.cells[Cell(_key(entry, folder), cell.row, cell.column)] = cell.found
    told.rows += [Row(key, _libraries(found), f"{', '.join(_names(found))}: {CELLS}") for key, found in cells.items()]
    return told


def key_of(entry: Entry, folder: PurePosixPath) -> Key | None:
    """Return the key of a scenario below a folder; None for another."""
    file = PurePosixPath(entry.test.partition("::")[0])
    return _key(entry, folder) if file.is_relative_to(folder) else None


def _key(entry: Entry, folder: PurePosixPath) -> Key:
    file = PurePosixPath(entry.test.partition("::")[0]).relative_to(folder)
    return Key(str(file), entry.id, TIMES.join(heads(entry)) if entry.cell else entry.variant or "-")


def _libraries(entries: Sequence[Entry]) -> str:
    """Say what was run, service by service; where cells of a matrix differ in the version, that is what it is about."""
    by_service: dict[str, list[str]] = {}
    for entry in entries:
        for service in entry.services:
            told = by_service.setdefault(service.service or service.name, [])
            told += [one for one in service.libraries if one not in told]
    joint, several = (" or ", len(entries) > 1) if entries[0].cell else (", then ", False)
    said = [f"{name}: {joint.join(_plain(told, several=several))}" if told else name for name, told in by_service.items()]
    return "; ".join(said) or "-"


def _plain(told: Sequence[str], *, several: bool) -> list[str]:
    names = dict.fromkeys(one.rpartition(" ")[0] if several and len(told) > 1 else one for one in told)
    return sorted(names) if several else list(names)


def _names(entries: Iterable[Entry]) -> list[str]:
    return list(dict.fromkeys(check.check for entry in entries for check in entry.checks))


def _checks(entry: Entry) -> str:
    broken = [f"{one.check}: {one.label}" for one in entry.checks if one.conclusion == "broken"]
    kept = [one.check for one in entry.checks if one.conclusion == "kept"]
    return "; ".join(dict.fromkeys([*broken, *([f"{', '.join(dict.fromkeys(kept))}: kept"] if kept else [])]))


def read(text: str) -> Told | None:
    """Return what the table in a README.md tells; None where there is no such table."""
    if beginning(text) is None:
        return None
    told, key = Told(), None
    columns: list[str] = []
    for line in text[beginning(text) :].splitlines()[2:]:
        heading = _MATRIX.match(line)
        if heading:
            key, columns = Key(heading["file"], heading["ident"], heading["heads"]), []
            continue
        parts = [part.strip() for part in line.strip().strip("|").split("|")]
        link = _LINK.fullmatch(parts[0])
        if key is None and link and len(parts) == len(HEAD):
            told.rows.append(Row(Key(link["file"], link["ident"], parts[1]), parts[2], parts[3]))
        elif key is not None and not columns:
            columns = parts[1:]
        elif key is not None and not line.startswith("|---"):
            told.cells.update({Cell(key, parts[0], column): cell for column, cell in zip(columns, parts[1:], strict=False)})
    return told


def beginning(text: str) -> int | None:
    """Return where in a README.md the table begins, which goes on to its end; None where there is none."""
    at = text.find(f"{_head(HEAD)[0]}\n")
    return None if at < 0 else at
