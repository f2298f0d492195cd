"""`harness proxy`: one recording link by itself."""

from pathlib import Path
from typing import Annotated

import typer

from harness.address import Address
from harness.errors import UsageError

EXAMPLE = "Example: harness proxy amqp --listen 5673 --upstream 127.0.0.1:5672"
LOOPBACK = ("", "127.0.0.1", "localhost")
UNKNOWN = 2


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(epilog=EXAMPLE)(proxy)


def proxy(
    protocol: Annotated[str, typer.Argument(help="what is spoken there: amqp, sqs or http")],
    *,
    listen: Annotated[str, typer.Option(help="where clients connect: a port of 127.0.0.1, as 127.0.0.1:5673; port 0: any")],
    upstream: Annotated[str, typer.Option(help="what is in front of: a broker or a server, as 127.0.0.1:5672")],
    journal: Annotated[Path, typer.Option(help="the file to write")] = Path("journal.jsonl"),
    key: Annotated[str, typer.Option(help="where the business key of a message stands, as /orderId in its JSON")] = "",
) -> None:
    """Record everything that passes between clients and a broker or server, until Ctrl-C; then say what passed.

    Bytes go on untouched. The journal is that of a scenario. While the upstream refuses connections, so does the proxy.
    Exit status: 0, 2 when it could not follow all that passed, 3 when it cannot listen, find the upstream or write the journal.
    """
    from harness.history.journal import Journal
    from harness.history.passed import Passed
    from harness.model import Key
    from harness.recorder.proxy import Wanted, run

    wanted = Wanted(protocol, _port(listen), _upstream(upstream), journal, Key(key) if key else None)
    run(wanted, lambda line: typer.echo(f"harness proxy: {line}", err=True))
    passed = Passed()
    for batch in Journal(journal).seen():
        passed.take(batch)
    for line in passed.lines():
        typer.echo(line)
    if passed.gaps:
        raise typer.Exit(UNKNOWN)


def _port(listen: str) -> int:
    host, _, port = listen.rpartition(":")
    if host not in LOOPBACK:
        message = f"--listen {listen}: it listens on this machine alone; write 127.0.0.1:{port}"
        raise UsageError(message)
    if not (port.isascii() and port.isdigit() and int(port) < 2**16):
        message = f"--listen {listen}: that is no port; write it as 127.0.0.1:5673"
        raise UsageError(message)
    return int(port)


def _upstream(text: str) -> Address:
    try:
        return Address.parse(text)
    except ValueError as error:
        message = f"--upstream {error}"
        raise UsageError(message) from error
