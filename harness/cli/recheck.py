"""`harness recheck`: judge a stored run again, from its journals alone."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

EXAMPLE = "Example: harness recheck .harness/runs/latest"


def register(app: typer.Typer) -> None:
    """Add the command to the application."""

    @app.command(epilog=EXAMPLE)
    def recheck(
        run: Annotated[Path, typer.Argument(help="a run folder, or the folder of one scenario in it")],
        *,
        as_json: Annotated[bool, typer.Option("--json", help="print the scenarios part of run.json")] = False,
    ) -> None:
        """Judge a stored run again: no services, no brokers, only its journals.

        Exit status: 0 all as required, 1 a promise is broken, 2 unknown or vacuous, 3 a journal cannot be read.
        """
        from harness.checks.recheck import exit_status, recheck
        from harness.errors import HarnessError

        try:
            scenarios = recheck(run)
        except HarnessError as error:
            typer.echo(f"harness recheck: {error}", err=True)
            raise typer.Exit(3) from error
        typer.echo(json.dumps(scenarios, indent=1) if as_json else "\n".join(line for one in scenarios for line in lines(one)))
        raise typer.Exit(exit_status(scenarios))


def lines(scenario: dict[str, Any]) -> list[str]:
    """Return a scenario in lines: what was required of it, and one sentence for each check."""
    name = " ".join(part for part in (scenario["id"], scenario["variant"]) if part) or scenario["journal"]
    mark = "passed" if scenario["passed"] else "FAILED"
    return [f"{name}: {scenario['outcome']}, {mark}", *(f"  {check['sentence']}" for check in scenario["checks"])]
