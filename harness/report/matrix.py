"""Matrices: the scenarios that are one story told for every pair of two things, as versions of a producer and of a consumer.

A cell says what was found there, and what the scenario's own table had agreed on. Nothing here judges.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from harness.report.entries import CellEntry, CheckEntry, Entry, MatrixEntry

TIMES = " x "
"""What stands between the parts of a cell's name, as in "3.4.2 x 3.1.1": the row, then the column (which may have parts, too)."""
NOWHERE = "."
"""A cell that did not run."""


def lines(matrix: MatrixEntry) -> list[str]:
    """Return a matrix as a terminal shows it: rows and columns in the order of their versions."""
    table = grid({(cell.row, cell.column): _shown(cell) for cell in matrix.cells})
    widths = [max(len(line[i]) for line in table) for i in range(len(table[0]))]
    shown = ["  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in table]
    return [f"{matrix.scenario}, rows: {matrix.rows}, columns: {matrix.columns}{_legend(matrix)}", *shown]


def _legend(matrix: MatrixEntry) -> str:
    marks = [
        "* from an earlier run on the same parts" if any(cell.cached for cell in matrix.cells) else "",
        "! not as agreed" if any(not cell.passed for cell in matrix.cells) else "",
    ]
    said = "; ".join(mark for mark in marks if mark)
    return f" ({said})" if said else ""


def grid(texts: Mapping[tuple[str, str], str]) -> list[list[str]]:
    """Return these texts of cells, by row and column, as lines of a table with its heads."""
    rows = natural({row for row, _ in texts})
    columns = natural({column for _, column in texts})
    return [["", *columns], *([row, *(texts.get((row, column), NOWHERE) for column in columns)] for row in rows)]


def matrices(entries: Iterable[Entry]) -> list[MatrixEntry]:
    """Return the matrix of every scenario that has cells, in the order in which they began; of a cell told twice the worse."""
    found: dict[tuple[str, str, str], dict[tuple[str, str], CellEntry]] = {}
    for entry in entries:
        if not entry.cell or entry.skipped:
            continue
        rows, columns = heads(entry)
        cell = cell_of(entry)
        cells = found.setdefault((entry.id, rows, columns), {})
        known = cells.get((cell.row, cell.column))
        if known is None or known.passed:
            cells[cell.row, cell.column] = cell
    return [
        MatrixEntry(scenario=ident, rows=rows, columns=columns, cells=list(cells.values()))
        for (ident, rows, columns), cells in found.items()
    ]


def heads(entry: Entry) -> tuple[str, str]:
    """Return what the rows and what the columns of a cell's matrix are."""
    rows, *columns = entry.cell
    return rows, TIMES.join(columns)


def cell_of(entry: Entry) -> CellEntry:
    """Return an entry as a cell."""
    row, *columns = entry.cell.values()
    return CellEntry(
        row=row,
        column=TIMES.join(columns),
        found=_found(entry),
        agreed=", ".join(dict.fromkeys(one.expected for one in entry.checks if one.expected)) or "kept",
        passed=entry.passed,
        cached=entry.cached,
    )


def _found(entry: Entry) -> str:
    if not entry.checks:
        return "failed"
    return ", ".join(dict.fromkeys(_words(entry.checks))) or "kept"


def _words(checks: Sequence[CheckEntry]) -> Iterator[str]:
    for one in checks:
        if one.conclusion == "broken":
            yield one.label or "broken"
        elif one.conclusion != "kept":
            yield one.conclusion


def _shown(cell: CellEntry) -> str:
    differs = "" if cell.passed else f", agreed {cell.agreed} !" if cell.agreed != cell.found else " !"
    return f"{cell.found}{differs}{'*' if cell.cached else ''}"


def natural(names: Iterable[str]) -> list[str]:
    """Return names in the order people would give them: 3.4 before 3.10."""
    return sorted(
        names, key=lambda name: [(part.isdigit(), int(part) if part.isdigit() else part) for part in re.split(r"(\d+)", name)]
    )
