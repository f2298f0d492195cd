"""What set-up knows about one component: where it is, which version, and what to do where it is missing."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

State = Literal["found", "provisioned", "missing"]


@dataclass(frozen=True)
class Program:
    """A program that can be started."""

    state: State
    path: Path
    version: str
    """As the program itself says it."""

    def component(self, name: str) -> "Component":
        """Return it as a line of doctor."""
        return Component(name, self.state, self.version, self.path)


@dataclass(frozen=True)
class Component:
    """One line of `harness doctor`: found on the machine, provisioned into the cache, or missing with the mend."""

    name: str
    state: State
    version: str = ""
    path: Path | None = None
    mend: str = ""
    needed: bool = True
    """A stack cannot be started without it; the others are for some scenarios only."""
