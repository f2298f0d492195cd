"""These tests need a Docker daemon and the images; `tests/docker/stand_ins.py` makes images where none can be pulled."""

import pytest

from harness.stack import containers


@pytest.fixture(autouse=True, scope="session")
def daemon() -> None:
    reason = containers.missing()
    if reason:
        pytest.skip(reason)
