"""Holding what a folder's README.md and texts say of its scenarios equal to what ran; and writing both anew from a run."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from harness.errors import UsageError
from harness.report.entries import RunEntry, read_run
from harness.report.rows import HEAD, Key, Row, Told, beginning, ran, read
from harness.report.texts import differing, rewritten

FILE = "README.md"


def folders(run: RunEntry) -> list[PurePosixPath]:
    """Return the folders with a table that were run whole, as pytest names them."""
    below = {PurePosixPath(one.test.partition("::")[0]).parent for one in run.scenarios}
    ways = {folder for start in below for folder in (start, *start.parents)}
    return sorted(folder for folder in ways if _whole(run, folder) and _table(run, folder) is not None)


def _whole(run: RunEntry, path: PurePosixPath) -> bool:
    return any(path.is_relative_to(one) for one in map(PurePosixPath, run.whole))


def _readme(run: RunEntry, folder: PurePosixPath) -> Path:
    return Path(run.root) / folder / FILE


def _table(run: RunEntry, folder: PurePosixPath) -> Told | None:
    path = _readme(run, folder)
    return read(path.read_text(encoding="utf-8")) if path.is_file() else None


# ---------------------------------------------------------------------------------------------------------------- holding


def problems(run: RunEntry, run_folder: Path) -> dict[str, list[str]]:
    """Return what differs, by the file that says it: each names its row, and what to put there; then how it is written anew."""
    return {
        file: [*said, f"Have it written anew: harness table {folder}"]
        for folder in folders(run)
        for file, said in _problems(run, run_folder, folder)
    }


def _problems(run: RunEntry, run_folder: Path, folder: PurePosixPath) -> Iterator[tuple[str, list[str]]]:
    table, told = _table(run, folder) or Told(), ran(run.scenarios, folder)
    missed = _missed(run, folder)
    said = [*_rows(table, told, missed), *_cells(table, told, missed, whole=run.matrix == "whole")]
    if said:
        yield str(folder / FILE), said
    yield from differing(run, run_folder, folder).items()


def _missed(run: RunEntry, folder: PurePosixPath) -> set[tuple[str, str]]:
    """Return file and id of each scenario of which not every test told something: nothing of its rows can be called wrong."""
    files = ((PurePosixPath(one.test.partition("::")[0]), one.id) for one in run.missed)
    return {(str(file.relative_to(folder)), ident) for file, ident in files if file.is_relative_to(folder)}


def _rows(table: Told, told: Told, missed: set[tuple[str, str]]) -> Iterator[str]:
    stands, belongs = _by_key(table.rows), _by_key(told.rows)
    for key in dict.fromkeys([*stands, *belongs]):
        wrong = [row for row in stands.get(key, []) if row not in belongs.get(key, [])]
        right = [row for row in belongs.get(key, []) if row not in stands.get(key, [])]
        if (key.file, key.ident) in missed:
            wrong = []
        yield from _said(key, wrong, right)


def _by_key(rows: Iterable[Row]) -> Mapping[Key, list[Row]]:
    found: dict[Key, list[Row]] = {}
    for row in rows:
        found.setdefault(row.key, []).append(row)
    return found


def _said(key: Key, wrong: list[Row], right: list[Row]) -> Iterator[str]:
    if wrong and right:
        yield "\n".join([f"{key} differs; instead of", *_lines(wrong), "put there", *_lines(right)])
    elif right:
        yield "\n".join([f"{key} ran and has no row; put there", *_lines(right)])
    elif wrong:
        yield "\n".join([f"{key} never ran; take away", *_lines(wrong)])


def _lines(rows: Iterable[Row]) -> list[str]:
    return [row.line() for row in rows]


def _cells(table: Told, told: Told, missed: set[tuple[str, str]], *, whole: bool) -> Iterator[str]:
    for cell, found in told.cells.items():
        stands = table.cells.get(cell, ".")
        if stands != found:
            yield f"{cell} differs; instead of {stands} put into its matrix: {found}"
    for cell, stands in table.cells.items():
        if whole and stands != "." and cell not in told.cells and (cell.key.file, cell.key.ident) not in missed:
            yield f"{cell} never ran; instead of {stands} put into its matrix: ."


# ---------------------------------------------------------------------------------------------------------------- writing


def last_run(runs: Path, folder: Path) -> Path:
    """Return the newest run that has scenarios of this folder. Raises UsageError where there is none."""
    for path in sorted(runs.glob("[0-9]*/run.json"), reverse=True):
        run = read_run(path.parent)
        if ran(run.scenarios, _inside(run, folder)).rows:
            return path.parent
    message = f"there is no run of {folder} below {runs}; run pytest {folder} first, or name the run's folder"
    raise UsageError(message)


def _inside(run: RunEntry, folder: Path) -> PurePosixPath:
    """Return a folder as pytest names it in this run; one that is none of its own is below nothing."""
    root, whole = Path(run.root).resolve(), folder.resolve()
    return PurePosixPath(whole.relative_to(root)) if whole.is_relative_to(root) else PurePosixPath("..")


def write_anew(run: RunEntry, run_folder: Path, folder: Path) -> list[Path]:
    """Write the table and the texts of a folder anew from a run; return the files that changed.

    Of files that were not run whole only what ran is changed. Raises UsageError where there is no table to write, or the run has
    nothing of this folder.
    """
    inside = _inside(run, folder)
    told = ran(run.scenarios, inside)
    path = folder / FILE
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    at, table = beginning(text), read(text)
    if at is None or table is None:
        message = f"{path} has no table of scenarios; begin one there with the line | {' | '.join(HEAD)} |"
        raise UsageError(message)
    if not told.rows:
        message = f"the run {run_folder} has no scenario below {folder} that came out as it should; run pytest {folder} first"
        raise UsageError(message)
    new = text[:at] + _merged(run, inside, table, told).text()
    changed = [path] if new != text else []
    path.write_text(new, encoding="utf-8")
    return changed + rewritten(run, run_folder, inside)


def _merged(run: RunEntry, folder: PurePosixPath, table: Told, told: Told) -> Told:
    missed = _missed(run, folder)

    def stays(key: Key) -> bool:
        return (key.file, key.ident) in missed or not _whole(run, folder / key.file)

    rows = dict.fromkeys([*(row for row in table.rows if stays(row.key)), *told.rows])
    keys = {row.key for row in rows}
    # Which cells are told depends on the run: those that were not are as they were, where there is still such a matrix.
    old = {cell: text for cell, text in table.cells.items() if cell.key in keys and (run.matrix != "whole" or stays(cell.key))}
    return Told([*rows], {**old, **told.cells})
