"""The Toxiproxy servers these tests run against: our own, so that nobody else's proxies are there."""

from collections.abc import Iterator

import pytest

from harness.toxiproxy.client import Toxiproxy
from tests.toxiproxy.servers import toxiproxy_server


@pytest.fixture(scope="session")
def toxiproxy() -> Iterator[Toxiproxy]:
    with toxiproxy_server() as client:
        yield client


@pytest.fixture(scope="session")
def second_toxiproxy() -> Iterator[Toxiproxy]:
    with toxiproxy_server() as client:
        yield client
