"""Links in front of a socket that plays the broker, in asyncio's own loop and in uvloop."""

import asyncio
from collections.abc import Callable, Iterator

import pytest
import uvloop

from harness.wire.link import Opener, Target
from tests.wire.links import Loop, Passing, Road


@pytest.fixture(params=["asyncio", "uvloop"])
def loop(request: pytest.FixtureRequest) -> Iterator[Loop]:
    one = Loop(asyncio.new_event_loop() if request.param == "asyncio" else uvloop.new_event_loop())
    yield one
    one.close()


@pytest.fixture
def make_road(loop: Loop) -> Iterator[Callable[..., Road]]:
    made: list[Road] = []

    def make(target: Target | None = None, *, direct: bool = False, session: Opener = Passing) -> Road:
        made.append(Road(loop, session, target, direct=direct))
        return made[-1]

    yield make
    for road in made:
        road.close()


@pytest.fixture
def road(make_road: Callable[..., Road]) -> Road:
    return make_road()
