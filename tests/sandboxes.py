"""Scenarios told in tests: a sandbox with a variant of its own, in a run that the tests of a module share."""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from harness import Sandbox
from harness.run import Run, Story
from harness.stack.choice import Wanted

Tell = Callable[[str], AbstractContextManager[Sandbox]]
"""`with tell("as it was") as sandbox:` gives a world whose journal says that it was told so."""


def telling(folder: Path) -> Iterator[Tell]:
    """Yield what gives sandboxes, and end all of it: to be made a fixture of, where HARNESS_* name an external stack."""
    run = Run(folder, stack=Wanted("external"))

    @contextlib.contextmanager
    def tell(variant: str) -> Iterator[Sandbox]:
        with run.scenario(Story("told", variant, "test", "")) as told:
            yield told.sandbox

    yield tell
    run.end()
