"""Which stack a run gets; the native and the kept one are tested where they are made."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.stack.choice import choose
from harness.stack.model import Stack
from harness.warden import Warden


@pytest.fixture
def warden(tmp_path: Path) -> Iterator[Warden]:
    one = Warden.start(tmp_path / "run")
    yield one
    one.end()


def test_a_stack_that_there_is_not_is_refused(warden: Warden, tmp_path: Path):
    with pytest.raises(UsageError, match="--harness-stack=cloud: there is no such stack; there are: auto, native, external"):
        choose("cloud", warden, logs=tmp_path, progress=print, lost=print)


def test_an_external_stack_is_attached_to(stack: Stack, warden: Warden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name, value in stack.environment().items():
        monkeypatch.setenv(name, value)
    found = choose("external", warden, logs=tmp_path, progress=print, lost=print)
    assert (found.kind, found.localstack, found.toxiproxy) == ("external", stack.localstack, stack.toxiproxy)
