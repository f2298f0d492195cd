"""The languages services under test are written in: how each is asked for its version, and from which on it is of use.

Nothing is fetched here. The harness itself does without all of them.
"""

import functools
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple


class Runtime(NamedTuple):
    """How a runtime is asked for its version, the oldest that will do, and what to do where there is none."""

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
_KNOWN = {runtime.name: runtime for runtime in RUNTIMES}


def version(runtime: Runtime) -> tuple[Path | None, str]:
    """Return where the runtime is and the version it says; None and an empty text for what is not known."""
    program = shutil.which(runtime.command[0])
    return (None, "") if program is None else (Path(program), _said(program, runtime.command[1:]))


def does(runtime: Runtime, said: str) -> bool:
    """Whether a version that was said is new enough."""
    return bool(said) and int(said.partition(".")[0]) >= runtime.oldest


def problem(tool: str) -> str:
    """Return why this tool cannot be used, with the mend; empty where it can.

    A tool that is none of these runtimes only has to be on PATH.
    """
    runtime = _KNOWN.get(tool)
    if runtime is None:
        return "" if shutil.which(tool) else "which is not on PATH; install it, or leave these scenarios out"
    program, said = version(runtime)
    if does(runtime, said):
        return ""
    there = f"of which {said or 'no version'} is there" if program else "which is not on PATH"
    return f"{there}; {runtime.mend}, or leave these scenarios out"


@functools.cache
def _said(program: str, arguments: tuple[str, ...]) -> str:
    """Return the first version in what the program prints; asked once a process, because a JVM takes its time."""
    try:
        done = subprocess.run(
            [program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = re.search(r"\d+(\.\d+)*", done.stdout) if done.returncode == 0 else None
    return found.group() if found else ""
