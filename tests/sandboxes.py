"""Scenarios told in tests: a sandbox with a variant of its own, in a run that the tests of a module share."""

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from harness import Sandbox
from harness.run import Run, Story
from harness.stack.choice import Wanted


class Tell(Protocol):
    """`with tell("as it was") as sandbox:` gives a world whose journal says that it was told so."""

    def __call__(self, variant: str, *, alone: tuple[str, ...] = ()) -> AbstractContextManager[Sandbox]: ...


def telling(folder: Path) -> Iterator[Tell]:
    """Yield what gives sandboxes, and end all of it: to be made a fixture of, where HARNESS_* name an external stack."""
    run = Run(folder, stack=Wanted("external"))

    @contextlib.contextmanager
    def tell(variant: str, *, alone: tuple[str, ...] = ()) -> Iterator[Sandbox]:
        with run.scenario(Story("told", variant, "test", "", alone=alone)) as told:
            yield told.sandbox

    yield tell
    run.end()
