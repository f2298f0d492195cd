"""`harness up`, `harness down`, `harness status`: a stack kept running between runs, so that each run starts at once."""

import json
import shlex
from typing import Annotated

import typer

from harness.errors import StackError, UsageError
from harness.stack.model import Stack

AsJson = Annotated[bool, typer.Option("--json", help="Print it for a program.")]
TOXIPROXIES = ("server", "embedded", "auto")
_NONE = "no stack is up; `harness up` starts one"


def register(app: typer.Typer) -> None:
    """Add the three commands."""
    app.command(epilog='Example: eval "$(harness up)" && pytest')(up)
    app.command(epilog="Example: harness down")(down)
    app.command(epilog="Example: harness status --json")(status)


def up(
    *,
    as_json: AsJson = False,
    speed: Annotated[
        int, typer.Option(help="How many times faster time passes in it: 1, 20 or 100; each is kept beside the others.")
    ] = 1,
    toxiproxy: Annotated[
        str, typer.Option(help="Which Toxiproxy: server, embedded, or auto, the server where it can be had.")
    ] = "auto",
) -> None:
    """Start LocalStack, RabbitMQ and Toxiproxy and keep them running; pytest attaches to them by itself.

    Prints the variables by which other programs reach them. A stack that is up already is left as it is. HARNESS_LOCALSTACK_PORT,
    HARNESS_RABBITMQ_PORT, HARNESS_RABBITMQ_MANAGEMENT_PORT and HARNESS_TOXIPROXY_PORT fix ports.
    """
    from harness.stack import running, tempo

    if speed not in tempo.STEPS:
        message = f"--speed={speed}: choose one of {', '.join(map(str, tempo.STEPS))}"
        raise UsageError(message)
    if toxiproxy not in TOXIPROXIES:
        message = f"--toxiproxy={toxiproxy}: choose one of {', '.join(TOXIPROXIES)}"
        raise UsageError(message)
    stack = running.up(_progress, speed=speed, toxiproxy=toxiproxy)
    if as_json:
        typer.echo(_json(stack))
        return
    for name, value in stack.environment().items():
        typer.echo(f"export {name}={shlex.quote(value)}")


def down(*, as_json: AsJson = False) -> None:
    """End what `harness up` keeps, at every speed; nothing of it is left. No error when there is none."""
    from harness.stack import running, tempo

    ended = True in [running.down(speed) for speed in tempo.STEPS]  # each of them, not only the first
    if as_json:
        typer.echo(json.dumps({"schema": 1, "ended": ended}))
    else:
        typer.echo("the stack has ended" if ended else "no stack was up")


def status(*, as_json: AsJson = False) -> None:
    """Say whether a stack is up, where it listens and in which versions. Exit code 3 when none is up, or not all of one."""
    from harness.stack import running

    stack = running.find_running()
    if as_json:
        typer.echo(_json(stack))
    elif stack is not None:
        _show(stack)
    if stack is None:
        if as_json:
            raise typer.Exit(3)
        raise StackError(_NONE)


def _json(stack: Stack | None) -> str:
    if stack is None:
        return json.dumps({"schema": 1, "up": False})
    return json.dumps({"schema": 1, "up": True, "stack": stack.to_json(), "environment": stack.environment()}, indent=2)


def _show(stack: Stack) -> None:
    toxiproxy = f"{stack.toxiproxy}{' (embedded)' if stack.toxiproxy_kind == 'embedded' else ''}"
    rows = [
        ("LocalStack", stack.versions.get("localstack", ""), stack.localstack),
        ("RabbitMQ", stack.versions.get("rabbitmq", ""), stack.rabbitmq),
        ("management", "", stack.management),
        ("Toxiproxy", stack.versions.get("toxiproxy", ""), toxiproxy),
    ]
    for name, version, address in rows:
        typer.echo(f"{name:<12}{version:<10}{address}")


def _progress(line: str) -> None:
    typer.echo(line, err=True)
