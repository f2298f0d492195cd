"""The shape of run.json, and how it is put together from what each scenario left in its folder.

Every scenario writes its own entry.json when it ends: so the workers of a parallel run need no word with each other, and a run
that was interrupted still has what was finished.
"""

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from harness.errors import HarnessError, unwritable

SCHEMA = 1
ENTRY = "entry.json"


class WitnessEntry(msgspec.Struct, kw_only=True):
    """One message that shows what a check found, and the events (`n` in the journal) to look at."""

    message: str
    events: list[int]


class CheckEntry(msgspec.Struct, kw_only=True):
    """What one check concluded; only `definite` cases can break a promise, `possible` ones are said."""

    check: str
    conclusion: str
    label: str | None
    definite: int
    possible: int
    premises: int
    sentence: str
    expected: str | None = None
    waived: dict[str, str] = {}
    witnesses: list[WitnessEntry] = []


class FaultEntry(msgspec.Struct, kw_only=True):
    """One injected fault: seconds on the sandbox's clock, and how many messages or requests it changed."""

    fault: str
    link: str
    began: float | None
    ended: float | None
    bite: int


class ServiceEntry(msgspec.Struct, kw_only=True):
    """One service: seconds until it was ready, its exit status if it ended by itself, and its log below the run folder.

    `name` is that of the instance, `service` that of its `service.toml`; `libraries` is what each version of it ran with.
    """

    name: str
    service: str = ""
    libraries: list[str] = []
    ready: float | None
    exit: int | None
    log: str


class Entry(msgspec.Struct, kw_only=True):
    """One scenario of run.json.

    `cell` is its place in a matrix, what the rows are first; `cached` names the run whose result it is, where it was not run.
    `spent` is where its seconds went, the rest being what the scenario itself did; `waited` is what its longest drain waited for.
    """

    id: str
    variant: str | None
    test: str
    expected: str
    outcome: str
    passed: bool
    speed: float = 1.0
    drained: str = ""
    bypassed: int = 0
    seconds: float = 0.0
    skipped: str | None = None
    error: str | None = None
    journal: str = ""
    faults: list[FaultEntry] = []
    services: list[ServiceEntry] = []
    checks: list[CheckEntry] = []
    started: float = 0.0
    cell: dict[str, str] = {}
    cached: str | None = None
    spent: dict[str, float] = {}
    waited: str = ""


class StackEntry(msgspec.Struct, kw_only=True):
    """What the scenarios ran on."""

    kind: str
    speed: float
    localstack: str
    rabbitmq: str
    toxiproxy: dict[str, str]


class CellEntry(msgspec.Struct, kw_only=True):
    """One cell: `found` and `agreed` are labels, or kept. `cached` names the earlier run that found it, on the same parts."""

    row: str
    column: str
    found: str
    agreed: str
    passed: bool
    cached: str | None = None


class MatrixEntry(msgspec.Struct, kw_only=True):
    """One matrix: what its rows and its columns are, and the cells that ran or are known."""

    scenario: str
    rows: str
    columns: str
    cells: list[CellEntry]


class AskedEntry(msgspec.Struct, kw_only=True):
    """A scenario that was to run, and failed or was skipped: as its marker says, whether or not it got a sandbox."""

    id: str
    variant: str | None
    test: str


class RunEntry(msgspec.Struct, kw_only=True):
    """The whole of run.json.

    Tests are named below `root`. `whole` are the files and folders that were run whole, not a selection of them; `matrix` says
    which cells of a matrix were to run; `missed` are the scenarios of which this run has nothing to tell.
    """

    schema: int = SCHEMA
    run: str
    started: str
    seconds: float
    argv: list[str]
    seed: int
    interrupted: bool
    versions: dict[str, str]
    stack: StackEntry | None
    fidelity: list[dict[str, object]] = []
    root: str = ""
    whole: list[str] = []
    matrix: str = "usual"
    missed: list[AskedEntry] = []
    matrices: list[MatrixEntry] = []
    scenarios: list[Entry] = []


def write(path: Path, value: msgspec.Struct) -> None:
    """Write as indented JSON, atomically: a reader sees the old file or the new one. Raises HarnessError where it cannot."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise unwritable(path, error) from error


def entries(folder: Path) -> list[Entry]:
    """Return what the scenarios of a run folder left, in the order they began."""
    found = [msgspec.json.decode(path.read_bytes(), type=Entry) for path in folder.glob(f"*/{ENTRY}")]
    return sorted(found, key=lambda entry: (entry.started, entry.test))


def read_run(folder: Path) -> RunEntry:
    """Return the run.json of a folder. Raises HarnessError when there is none or it is none."""
    path = folder / "run.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=RunEntry)
    except (OSError, msgspec.DecodeError) as error:
        message = f"{path} cannot be read as a run: {error}"
        raise HarnessError(message) from error


def unpaired(found: Iterable[Entry]) -> list[str]:
    """Return one sentence per incident of which only one half ran: *as it was* without *as fixed*, or the reverse."""
    variants: dict[str, set[str]] = {}
    for entry in found:
        variants.setdefault(entry.id, set()).add(entry.variant or "")
    wanted = {"as it was", "as fixed"}
    return [
        f"{ident} ran only {there.pop()!r}: an incident is told twice, as it was (judged broken) and as fixed (kept)"
        for ident, ran in sorted(variants.items())
        if len(there := ran & wanted) == 1
    ]
