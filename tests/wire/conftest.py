"""Links in front of a socket that plays the broker, in asyncio's own loop and in uvloop; and such to a real RabbitMQ."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import uvloop
from pika.adapters.blocking_connection import BlockingChannel

from harness.history.events import Header
from harness.recorder.client import Recorder
from harness.stack import Stack
from harness.wire.link import Opener, Target
from tests.wire.links import Loop, Passing, Road
from tests.wire.rabbitmq_way import Way


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


@pytest.fixture
def way(stack: Stack, tmp_path: Path) -> Iterator[Way]:
    recorder = Recorder.start(None)
    journal = tmp_path / "journal.jsonl"
    world = recorder.world(Header(sandbox="h1", started="2026-01-01T00:00:00+00:00"), journal)
    made = Way(stack, world, journal)
    yield made
    made.toxiproxy.delete(made.proxy)
    recorder.end()


@pytest.fixture
def channel(way: Way) -> Iterator[BlockingChannel]:
    connection = way.connect()
    made = connection.channel()
    made.queue_declare(way.queue, auto_delete=False)
    yield made
    if connection.is_open:
        connection.channel().queue_delete(way.queue)
        connection.close()
