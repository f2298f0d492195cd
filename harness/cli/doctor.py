"""`harness doctor` and `harness provision`: what this machine has, and fetching what it has not."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from harness.errors import StackError, UsageError
from harness.stack.found import Component

_COLOURS = {"found": "green", "provisioned": "green", "missing": "red"}


def register(app: typer.Typer) -> None:
    """Add the two commands."""
    app.command(epilog="Example: harness doctor --require java,node")(doctor)
    app.command(epilog="Example: HARNESS_CACHE=/var/cache/harness harness provision")(provision)


def doctor(
    *,
    require: Annotated[str, typer.Option(help="Components that must be there too: java,node,docker,go.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print it for a program.")] = False,
) -> None:
    """Say of each component whether it is there, in which version and where, and what to do if not.

    Exit code 3 when something is missing that a stack needs, or that --require names.
    """
    from harness.stack import cache, provision, runtimes

    folder = cache.folder()
    components = required(
        [*provision.inspect(), *provision.inspect_optional(), *runtimes.inspect()],
        [name for name in require.split(",") if name.strip()],
    )
    if as_json:
        listed = [{**asdict(one), "path": str(one.path) if one.path else None} for one in components]
        typer.echo(json.dumps({"schema": 1, "cache": str(folder), "components": listed}, indent=2))
    else:
        for one in components:
            _show(one)
        typer.echo(f"cache: {folder}")
    missing = [one for one in components if one.needed and one.state == "missing"]
    if missing:
        message = "; ".join(f"{one.name} is missing: {one.mend}" for one in missing)
        raise StackError(message)


def required(components: list[Component], names: list[str]) -> list[Component]:
    """Return the components with those named made needed; UsageError for a name that is none of theirs."""
    wanted = {name.strip() for name in names}
    known = {one.name for one in components}
    if wanted - known:
        message = f"--require does not know {', '.join(sorted(wanted - known))}; it knows {', '.join(sorted(known))}"
        raise UsageError(message)
    return [one if one.needed or one.name not in wanted else _needed(one) for one in components]


def _needed(component: Component) -> Component:
    from dataclasses import replace

    return replace(component, needed=True)


def _show(component: Component) -> None:
    state = typer.style(f"{component.state:<12}", fg=_COLOURS[component.state] if component.needed else None)
    where = " ".join(str(part) for part in (component.path, component.mend) if part)
    typer.echo(f"{state}{component.name:<15}{component.version:<10}{where}")


def provision() -> None:
    """Fetch and build into the cache what a native stack and the services found here need; a second time it is there at once."""
    from harness.services import build
    from harness.stack import cache, provision
    from harness.stack.choice import compressible

    provision.provisioned(_progress)
    compressible(_progress)
    build.build_all(cache.folder(), _progress)


def _progress(line: str) -> None:
    # One write a line: it is called from several threads.
    typer.echo(line, err=True)
