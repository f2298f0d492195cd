from pathlib import Path

import pytest

from tests.runtimes import absent
from tests.stack.programs import bare_path, program


def test_where_a_runtime_is_missing_its_tests_are_not_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = bare_path(tmp_path, monkeypatch)
    program(folder / "node", "echo v20.1.0")

    assert absent() == ["tests/java/*", "tests/full_disk/*"]
