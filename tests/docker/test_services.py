"""Services under test in containers: the incident of the writer, told on a native stack and on one in containers."""

from collections.abc import Iterator

import pytest

from harness import Sandbox, require
from harness.checks import accounted, effected_once, nothing_dead_lettered, recovered
from harness.faults import kill, outage, pause
from harness.run import Run, Story
from tests.docker.worlds import World, as_fixed, as_it_was


@pytest.fixture
def sandbox(run: Run, request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    told = request.node.get_closest_marker("scenario")
    ident, variant = told.args if told else ("contained", None)
    with run.scenario(Story(ident, variant, request.node.name, "")) as one:
        yield one.sandbox


@pytest.mark.scenario("S2-02", "as it was")
def test_a_short_outage_as_it_was(sandbox: Sandbox, image: str):
    world = World(sandbox, as_it_was(image))
    history = world.told(outage(world.writer.link(world.tcs), begins=world.tcs.answered(5), lasts=3))
    require(accounted(history), nothing_dead_lettered(history).broken_as("transient_dead_lettered"))


@pytest.mark.scenario("S2-02", "as fixed")
def test_a_short_outage_as_fixed(sandbox: Sandbox, image: str):
    world = World(sandbox, as_fixed(image))
    history = world.told(outage(world.writer.link(world.tcs), begins=world.tcs.answered(5), lasts=3))
    require(accounted(history), nothing_dead_lettered(history), effected_once(history), recovered(history, within=30))


def test_a_kill_between_effect_and_ack_restarts_the_same_container(sandbox: Sandbox, image: str):
    world = World(sandbox, as_fixed(image))
    history = world.told(kill(world.writer, begins=world.tcs.effected(5), lasts=1))
    require(accounted(history), nothing_dead_lettered(history), recovered(history, within=30))
    assert world.exits(history)[0] == ("harness", 137)


def test_a_paused_container_stands_still_and_goes_on(sandbox: Sandbox, image: str):
    world = World(sandbox, as_fixed(image))
    history = world.told(pause(world.writer, begins=world.tcs.answered(5), lasts=2))
    require(accounted(history), nothing_dead_lettered(history), effected_once(history))
