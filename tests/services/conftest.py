from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.warden import Warden

Write = Callable[[str, str], Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write the service.toml of one service into a folder of services that belongs to this test alone."""
    root = tmp_path / "services"
    root.mkdir()
    monkeypatch.setenv("HARNESS_SERVICES", str(root))

    def one(name: str, text: str) -> Path:
        path = root / name / "service.toml"
        path.parent.mkdir()
        path.write_text(text, encoding="utf-8")
        return path

    return one


@pytest.fixture
def warden(tmp_path: Path) -> Iterator[Warden]:
    warden = Warden.start(tmp_path / "run")
    yield warden
    warden.end()
