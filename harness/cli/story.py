"""`harness story`: what happened to one message, told from a stored journal."""

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.errors import UsageError

if TYPE_CHECKING:
    from harness.history import History

EXAMPLE = "Example: harness story .harness/runs/latest 11"
JOURNAL = "journal.jsonl"
NEAREST, LISTED = 5, 10


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(epilog=EXAMPLE)(story)


def story(
    run: Annotated[Path, typer.Argument(help="a run folder, the folder of one scenario in it, or a journal")],
    key: Annotated[str, typer.Argument(help="the message's key, as a failure names it")],
) -> None:
    """Tell the life of one message: every event of it, with the faults and exits between them, one line each.

    In a run folder, each scenario that knows such a message tells its own. Exit status 3 when no journal knows it.
    """
    from harness.history import History

    known: set[str] = set()
    told = False
    for path in journals(run):
        history = History(path)
        lines = history.story(key)
        if lines:
            typer.echo(f"{'' if not told else chr(10)}{_named(history)}\n{lines}")
            told = True
        else:
            known |= {event.key for event in history.events() if event.key}
    if not told:
        raise UsageError(_unknown(run, key, known))


def journals(run: Path) -> Iterator[Path]:
    """Yield the journals of a run, of a scenario, or the one that was named. Raises UsageError where there is none."""
    if run.is_file():
        yield run
        return
    found = [path for path in (run / JOURNAL, *sorted(run.glob(f"*/{JOURNAL}"))) if path.is_file()]
    if not found:
        message = f"{run} has no {JOURNAL} in it, nor has a folder in it; name a run folder, such as .harness/runs/latest"
        raise UsageError(message)
    yield from found


def _named(history: "History") -> str:
    header = history.header
    return " ".join(part for part in (header.scenario or header.sandbox, header.variant) if part)


def _unknown(run: Path, key: str, known: set[str]) -> str:
    near = difflib.get_close_matches(key, sorted(known), n=NEAREST, cutoff=0.5)
    if near:
        return f"{run} knows no message {key!r}; near it are {', '.join(near)}"
    some = sorted(known)[:LISTED]
    more = f" and {len(known) - len(some)} more" if len(known) > len(some) else ""
    return f"{run} knows no message {key!r}; it knows {', '.join(some) or 'none at all'}{more}"
