"""`harness table`: what a folder says of its scenarios, written anew from a run."""

from pathlib import Path
from typing import Annotated

import typer

EXAMPLE = "Example: pytest scenarios && harness table scenarios"


def register(app: typer.Typer) -> None:
    """Add the command to the application."""

    @app.command(epilog=EXAMPLE)
    def table(
        folder: Annotated[Path, typer.Argument(help="a folder of scenarios whose README.md has a table of them")],
        run: Annotated[
            Path | None, typer.Argument(help="a run folder; default: the newest with scenarios of that folder")
        ] = None,
        *,
        runs: Annotated[Path, typer.Option(help="where run folders are")] = Path(".harness/runs"),
    ) -> None:
        """Write the table of scenarios in a folder's README.md anew from a run, and its texts.

        What ran whole is as it ran; of files of which only a part ran, rows are added. Exit status: 0, or 3 where there is no
        table or the run has nothing of this folder.
        """
        from harness.report.entries import read_run
        from harness.report.held import last_run, write_anew

        chosen = run or last_run(runs, folder)
        changed = write_anew(read_run(chosen), chosen, folder)
        typer.echo("\n".join(f"written: {path}" for path in changed) or f"{folder} says what the run says: nothing to write")
