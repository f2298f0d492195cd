"""The command line: `harness COMMAND`. Here are only the application and its exit codes; each command lives in a file of its own.

Exit codes: 0 kept, 1 broken, 2 unknown or vacuous, 3 the harness or its environment. An error is one sentence on stderr.
"""

import importlib
import pkgutil
import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from typer.exceptions import TyperException

from harness.errors import HarnessError, InconclusiveError, StackLostError

BROKEN, UNKNOWN, FAILED, INTERRUPTED = 1, 2, 3, 130
_TRACEBACK = "--traceback"

app = typer.Typer(name="harness", add_completion=False, pretty_exceptions_enable=False)


@app.callback(invoke_without_command=True, epilog="Example: harness doctor")
def harness(
    context: typer.Context,
    *,
    traceback: Annotated[bool, typer.Option(_TRACEBACK, help="Show where an error comes from, not only what it is.")] = False,
) -> None:
    """Contract and chaos tests for services that talk over SQS, RabbitMQ and HTTP."""
    del traceback  # `main` has taken it, wherever it stood; here it is for --help
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def _register() -> None:
    """Let each module of this package that has commands add them; a new command is a new file."""
    for part in pkgutil.iter_modules(__path__, f"{__name__}."):
        module = importlib.import_module(part.name)
        if hasattr(module, "register"):
            module.register(app)


_register()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command that the arguments (default: those of this process) name, and exit with its code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    # Taken wherever it stands: it is thought of after a command has failed, at the end of the line.
    wanted = _TRACEBACK in given
    sys.exit(_run([each for each in given if each != _TRACEBACK], show_traceback=wanted))


def _run(arguments: Sequence[str], *, show_traceback: bool) -> int:
    try:
        code = app(list(arguments), prog_name="harness", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except InconclusiveError as error:
        return _told(str(error), UNKNOWN, show_traceback=show_traceback)
    except TyperException as error:
        return _told(f"{error.format_message().rstrip('.')}; see harness --help", FAILED, show_traceback=show_traceback)
    except (HarnessError, StackLostError) as error:
        return _told(str(error), FAILED, show_traceback=show_traceback)
    except Exception as error:  # noqa: BLE001 (a defect of ours must not look like a broken promise, which is exit code 1)
        text = f"this is a defect of the harness: {type(error).__name__}: {error}; {_TRACEBACK} shows where"
        return _told(text, FAILED, show_traceback=show_traceback)
    return code if isinstance(code, int) else 0


def _told(sentence: str, code: int, *, show_traceback: bool) -> int:
    if show_traceback:
        sys.excepthook(*sys.exc_info())
    typer.echo(f"harness: {sentence}", err=True)
    return code
