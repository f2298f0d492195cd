"""`harness toxiproxy`: the embedded Toxiproxy-compatible server by itself."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: harness toxiproxy --seed 7 --config proxies.json")(toxiproxy)


def toxiproxy(
    *,
    host: Annotated[str, typer.Option(help="Address that the API listens on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of the API; 0 is any free one.", min=0, max=65535)] = 8474,
    seed: Annotated[
        int | None, typer.Option(help="What jitter, toxicity and slices are drawn from; a new one by itself.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="A file of proxies to begin with, as POST /populate takes them.")] = None,
) -> None:
    """Serve Toxiproxy's API and proxies, for any of its clients, until Ctrl-C.

    It does what Toxiproxy 2.12 does, and draws the same again with the same seed. Exit code 0 after Ctrl-C or SIGTERM, 3 when the
    port is taken or the file cannot be used.
    """
    import secrets

    from harness.toxiproxy.embedded.server import run

    drawn = secrets.randbelow(1_000_000) if seed is None else seed
    run(host, port, seed=drawn, config=config, tell=lambda line: typer.echo(f"{line}; Ctrl-C ends it", err=True))
