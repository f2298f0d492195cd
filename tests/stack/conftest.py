from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.stack import Stack, native
from harness.stack.provision import provisioned
from harness.warden import Warden


@pytest.fixture(scope="session")
def brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, Warden, Path]]:
    """The three real servers, started once for this folder's tests, with their warden and the folder of their logs."""
    logs = tmp_path_factory.mktemp("logs")
    warden = Warden.start()
    yield native.start(warden, provisioned(), logs=logs, ports={}), warden, logs
    warden.end()
