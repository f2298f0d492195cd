"""These tests need a Docker daemon and the images; `tests/docker/stand_ins.py` makes images where none can be pulled."""

from collections.abc import Iterator

import pytest

from harness.run import Run
from harness.stack import containers
from harness.stack.choice import Wanted
from tests.docker import images


@pytest.fixture(autouse=True, scope="session")
def daemon() -> None:
    reason = containers.missing()
    if reason:
        pytest.skip(reason)


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The writer's image."""
    return images.writer(tmp_path_factory.mktemp("image"))


@pytest.fixture(scope="module", params=["native", "containers"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """A run with a stack of its own, of each kind."""
    one = Run(tmp_path_factory.mktemp("runs"), stack=Wanted(request.param))
    yield one
    one.end()
