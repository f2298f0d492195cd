"""What services under test may need from the machine: nothing here is fetched, and a stack does without all of it."""

import re
import shutil
from pathlib import Path
from typing import NamedTuple

from harness.stack.commands import said
from harness.stack.found import Component


class Runtime(NamedTuple):
    """How a runtime is asked for its version, and from which version on it is of use."""

    name: str
    command: tuple[str, ...]
    oldest: int
    mend: str


RUNTIMES = (
    Runtime(
        "docker", ("docker", "version", "--format", "{{.Server.Version}}"), 20, "start a Docker daemon this user may talk to"
    ),
    Runtime("java", ("java", "-version"), 17, "install a JDK 17 or newer and put java on PATH"),
    Runtime("node", ("node", "--version"), 20, "install Node.js 20 or newer and put node on PATH"),
    Runtime("go", ("go", "version"), 1, "install Go; without it, one is fetched to build Toxiproxy with"),
)


def inspect() -> list[Component]:
    """Return what there is of each runtime."""
    return [_inspected(runtime) for runtime in RUNTIMES]


def _inspected(runtime: Runtime) -> Component:
    program = shutil.which(runtime.command[0])
    match = re.search(r"\d+(\.\d+)*", said(runtime.command) or "") if program else None
    version = match.group() if match else ""
    if program and version and int(version.split(".")[0]) >= runtime.oldest:
        return Component(runtime.name, "found", version, Path(program), needed=False)
    return Component(runtime.name, "missing", version, mend=runtime.mend, needed=False)
