"""One compressed clock for several processes, with the real library; nothing of it is left when its run ends."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from harness import clock
from harness.address import Address
from harness.errors import StackError
from harness.stack import Stack, provision_faketime, tempo
from harness.stack.probe import hold_to_clock
from harness.stack.provision import silent
from harness.warden import Warden
from harness.warden.leavings import memory_of

SHOW = "import time; print(time.time())"
SPEED = 100


def left(run_id: str) -> list[str]:
    return [path.name for path in tempo.MEMORY.iterdir() if run_id in path.name]


def shown(environment: dict[str, str]) -> float:
    done = subprocess.run([sys.executable, "-S", "-c", SHOW], env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout)


def test_processes_started_one_after_the_other_share_the_clock(tmp_path: Path):
    library = provision_faketime.provided(silent).path
    warden = Warden.start(tmp_path / "run")
    environment = tempo.faked({"PATH": os.defpath}, tempo.begun(warden.run_id, library, SPEED))
    began, first = clock.now(), shown(environment)
    clock.pause(0.5)
    second, ended = shown(environment), clock.now()
    there = left(warden.run_id)
    warden.end()

    # Whatever the two starts took, the clock did not begin anew, and did not run faster than it may.
    assert 0 < second - first <= (ended - began) * SPEED
    assert second - first > 0.45 * SPEED
    assert len(there) == 2
    assert left(warden.run_id) == []


def test_the_time_that_processes_see_is_known_to_who_began_their_clock(tmp_path: Path):
    library = provision_faketime.provided(silent).path
    warden = Warden.start(tmp_path / "run")
    environment = tempo.begun(warden.run_id, library, SPEED)
    before = tempo.shown(environment)
    seen = shown(tempo.faked({"PATH": os.defpath}, environment))
    after = tempo.shown(environment)
    warden.end()

    assert before.timestamp() < seen < after.timestamp()


def test_without_a_clock_of_their_own_processes_see_the_machine_s():
    before, seen, after = clock.utc(), tempo.shown({}), clock.utc()

    assert before <= seen <= after


def test_a_killed_warden_s_shared_memory_is_removed_by_its_owner(tmp_path: Path):
    library = provision_faketime.provided(silent).path
    warden = Warden.start(tmp_path / "run")
    tempo.begun(warden.run_id, library, SPEED)
    os.kill(warden.pid, signal.SIGKILL)
    clock.eventually(lambda: not left(warden.run_id), awaited="the removal of the shared memory", within=60)
    warden.end()

    assert left(warden.run_id) == []


def test_a_clock_is_begun_once_per_run_and_speed():
    library = Path("/nowhere/libfaketime.so")
    warden = Warden.start()
    tempo.begun(warden.run_id, library, SPEED)
    with pytest.raises(StackError, match=r"^time cannot be compressed: no shared memory .* can be made \(File exists\)$"):
        tempo.begun(warden.run_id, library, SPEED)
    (tempo.MEMORY / f"{memory_of(warden.run_id)}{SPEED}").unlink()
    with pytest.raises(StackError, match="File exists"):
        tempo.begun(warden.run_id, library, SPEED)
    warden.end()

    assert left(warden.run_id) == []


def test_a_broker_that_has_another_clock_than_its_stack_is_noticed(stack: Stack, tmp_path: Path):
    warden = Warden.start(tmp_path / "run")
    begun = tempo.begun(warden.run_id, Path("/nowhere/libfaketime.so"), SPEED)
    clock.pause(0.5)
    with pytest.raises(StackError, match=r"^time does not pass \d+ times faster in LocalStack at 127\.0\.0\.1:\d+: it shows "):
        hold_to_clock(replace(stack, speed=SPEED, clock=begun))
    warden.end()


def test_a_broker_that_is_gone_before_it_is_asked_for_its_clock_is_named(stack: Stack, tmp_path: Path):
    warden = Warden.start(tmp_path / "run")
    begun = tempo.begun(warden.run_id, Path("/nowhere/libfaketime.so"), SPEED)
    nobody = Address("127.0.0.1", 1)
    with pytest.raises(StackError, match=r"^LocalStack at 127\.0\.0\.1:1 was ready, and does not answer: ConnectionRefused"):
        hold_to_clock(replace(stack, localstack=nobody, speed=SPEED, clock=begun))
    warden.end()


def test_what_a_service_preloads_itself_stays():
    both = tempo.faked({"LD_PRELOAD": "/own.so"}, {"LD_PRELOAD": "/fake.so", "FAKETIME": "+0 x20"})

    assert both == {"LD_PRELOAD": "/fake.so /own.so", "FAKETIME": "+0 x20"}
    assert tempo.faked({"A": "b"}, {}) == {"A": "b"}
