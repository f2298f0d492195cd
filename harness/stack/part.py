"""What it takes to start one server and to know that it is ready; the three are described beside this file."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Part:
    """One server: how it is started, which ports it will listen on, and what it must answer before it counts as ready."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    ports: tuple[int, ...]
    version: Callable[[], str]
    """Returns the server's version once it is ready; raises NoAnswerError until then."""
    mend: str


def private(folder: Path) -> dict[str, str]:
    """Return what every program needs, with nothing of the caller's own settings in it."""
    temporary = folder / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    return {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder), "TMPDIR": str(temporary), "LANG": "C.UTF-8"}
