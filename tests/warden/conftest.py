import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import warden as warden_module
from harness.warden import Warden


@pytest.fixture(autouse=True)
def measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let coverage into the warden process: it comes in by site-packages, which -S leaves out."""
    flags = ("-I",) if "COVERAGE_PROCESS_CONFIG" in os.environ else ("-I", "-S")
    monkeypatch.setattr(warden_module, "FLAGS", flags)


@pytest.fixture
def warden(tmp_path: Path) -> Iterator[Warden]:
    one = Warden.start(tmp_path / "run")
    yield one
    one.end()
