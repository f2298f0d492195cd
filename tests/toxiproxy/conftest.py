"""The Toxiproxy servers these tests run against: our own, so that nobody else's proxies are there."""

from collections.abc import Iterator

import pytest

from harness.toxiproxy.client import Toxiproxy
from tests.toxiproxy.servers import SERVERS, embedded, original


@pytest.fixture(scope="session", params=SERVERS)
def toxiproxy(request: pytest.FixtureRequest) -> Iterator[Toxiproxy]:
    """The original and the embedded server, one after the other."""
    with SERVERS[request.param]() as port:
        yield Toxiproxy("127.0.0.1", port)


@pytest.fixture
def second_toxiproxy() -> Iterator[Toxiproxy]:
    with embedded() as port:
        yield Toxiproxy("127.0.0.1", port)


@pytest.fixture(scope="session")
def original_api() -> Iterator[int]:
    """The port of an original server's API."""
    with original() as port:
        yield port


@pytest.fixture(scope="session")
def embedded_api() -> Iterator[int]:
    """The port of an embedded server's API."""
    with embedded() as port:
        yield port
