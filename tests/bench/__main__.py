"""`python -m tests.bench [ROWS...]`: measures on this machine, shows the table, writes .harness/bench/latest.json.

ROWS are patterns such as `amqp.*`; without any, everything is measured. The only exit code is 0: a target that is not met is
shown, it is no error.
"""

import os
import platform
import shutil
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from harness.clock import now, utc
from tests.bench.measures import inside, starting, wires
from tests.bench.measures.stage import Stage
from tests.bench.rows import Row, concerned, document, shown, wanted

FOLDER = Path(".harness/bench")
WIDE = 140  # columns from which the notes are shown too; they are always in the file
MEASURES: tuple[tuple[tuple[str, ...], Callable[[Stage], list[Row]]], ...] = (
    (("amqp.tap.", "amqp.link.", "amqp.idle."), wires.amqp),
    (("amqp.e2e.",), wires.amqp_flood),
    (("amqp.decode.",), inside.decode),
    (("sqs.tap.", "sqs.link.", "sqs.idle."), wires.sqs),
    (("latency.",), wires.delays),
    (("sandbox.",), inside.sandbox),
    (("stack.",), starting.stack),
    (("scenario.",), starting.scenario),
    (("checker.",), inside.judging),
    (("amqp.busy.",), wires.amqp_busy),
    (("sqs.busy.",), wires.sqs_busy),
    (("record.",), inside.record),
    (("drain.",), inside.drain),
)
"""In the order of the targets; what has none comes last."""


def measured(patterns: Sequence[str], stage: Stage, console: Console) -> list[Row]:
    """Return the rows that the patterns ask for; says what it is at."""
    rows: list[Row] = []
    for prefixes, measure in MEASURES:
        if any(concerned(prefix, patterns) for prefix in prefixes):
            began = now()
            console.print(f"{', '.join(f'{prefix}*' for prefix in prefixes)} ...", end=" ")
            rows += measure(stage)
            console.print(f"{now() - began:.0f} s")
    return [one for one in rows if wanted(one.name, patterns)]


def machine(stage: Stage) -> dict[str, object]:
    """Return what the figures depend on."""
    return {
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "uvloop": version("uvloop"),
        **stage.run.stack.versions,
    }


def show(rows: Sequence[Row], console: Console) -> None:
    """Print the table."""
    table = Table()
    for title in ("row", "value", "target", ""):
        table.add_column(title, no_wrap=True)
    has_room = console.width >= WIDE
    if has_room:
        table.add_column("what it is")
    for one in rows:
        table.add_row(*shown(one), *([one.note] if has_room else []))
    console.print(table)
    met = [one.met for one in rows if one.met is not None]
    console.print(f"{met.count(True)} of {len(met)} targets met")


def main(patterns: Sequence[str]) -> None:
    """Measure, show, write."""
    console = Console()
    started = f"{utc():%Y-%m-%dT%H:%M:%SZ}"
    folder = FOLDER / started.replace(":", "-")
    folder.mkdir(parents=True)
    stage = Stage(folder)
    try:
        about = machine(stage)
        rows = measured(patterns, stage, console)
    finally:
        stage.end()
    shutil.rmtree(folder)  # journals of 200 MB; logs are kept where something went wrong
    latest = FOLDER / "latest.json"
    latest.write_text(document(rows, started=started, machine=about) + "\n")
    show(rows, console)
    console.print(f"written to {latest}; load {about['load']} on {about['cores']} cores when it began")


if __name__ == "__main__":
    main(sys.argv[1:])
