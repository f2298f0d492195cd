"""Scenarios on a compressed clock: their timers are production's, their journals too, and the wall clock sees a twentieth."""

from pathlib import Path

from tests.plugin.driven import HEAD, pytest_on

TOLD = (
    HEAD
    + """
def left_lying(sandbox):
    place = sandbox.http("place", key="/id")
    jobs = sandbox.rabbitmq.queue("jobs", key="/id", effect=place)
    later = sandbox.rabbitmq.queue("jobs.later", key="/id", ttl=30, dead_letter="jobs")
    later.publish([{"id": 1}])
    return sandbox.drain()

@scenario("X-1", speed=20)
def test_quick(sandbox):
    require(nothing_dead_lettered(left_lying(sandbox)))

@scenario("X-2")
def test_real(sandbox):
    require(nothing_dead_lettered(two_jobs(sandbox)))
"""
)
SPEEDS = {"between": "7", "none": "0", "backwards": "-20", "words": "'fast'"}
WRONG = HEAD + "".join(
    f"""
@scenario("X-3", speed={speed})
def test_{name}(sandbox):
    require(nothing_dead_lettered(two_jobs(sandbox)))
"""
    for name, speed in SPEEDS.items()
)


def test_time_passes_as_fast_as_a_scenario_allows(tmp_path: Path):
    done = pytest_on(tmp_path, TOLD, "--harness-stack=native", "-k", "quick", more={})

    quick, stack = done.entry("test_quick"), done.run().stack
    assert done.status == 0, done.printed
    assert stack is not None
    assert (quick.speed, stack.speed) == (20, 20)
    assert quick.drained == "quiet"
    assert 30 / 20 < quick.seconds < 30


def test_the_run_caps_the_speed(tmp_path: Path, addresses: dict[str, str]):
    done = pytest_on(tmp_path, TOLD, "--harness-speed=1", "-k", "real", more=addresses)

    assert done.entry("test_real").speed == 1


def test_scenarios_of_one_speed_come_together(tmp_path: Path):
    done = pytest_on(tmp_path, TOLD, "--collect-only", "-q", more={})

    assert done.printed.index("test_real") < done.printed.index("test_quick")


def test_a_speed_that_is_none_of_the_steps_is_refused(tmp_path: Path, addresses: dict[str, str]):
    done = pytest_on(tmp_path, WRONG, more=addresses)

    assert {name: done.failure(f"test_{name}") for name in SPEEDS} == {
        name: f"UsageError: speed={speed}: a scenario allows one of 1, 20, 100" for name, speed in SPEEDS.items()
    }
