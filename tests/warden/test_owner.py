"""A run whose owner does not live to end it: killed, terminated, interrupted twice, or gone while a fork holds the socket."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness import clock
from harness import warden as warden_module
from harness.warden import Warden, running_in
from harness.warden.processes import process

# What pytest is in a run. FORK is a fork of it, as multiprocessing makes them, which keeps its sockets open.
OWNER = """
import json, os, sys, time
from pathlib import Path
from harness import warden
warden.FLAGS = tuple(sys.argv[4:])
run = warden.Warden.start(Path(sys.argv[1]))
command = ["sh", "-c", "sleep 600 & setsid sleep 600 & (setsid sleep 600 &); echo forked; wait"]
child = run.spawn("service", command, environment=dict(os.environ), log=Path(sys.argv[2]))
while not ("forked" in child.log_tail() and len(warden.running_in(run.run_id)) == 5):
    time.sleep(0.01)
fork = os.fork() if sys.argv[3] == "fork" else -1
if fork == 0:
    time.sleep(600)
if sys.argv[3] == "keep":
    run.keep()
try:
    print(json.dumps({"run": run.run_id, "warden": run.pid, "fork": fork}), flush=True)
    time.sleep(600 if sys.argv[3] != "keep" else 0)
finally:
    time.sleep(600 if sys.argv[3] != "keep" else 0)
"""


class Owner:
    """A process that owns a run of five processes: the warden, a service, and what that forked."""

    def __init__(self, folder: Path, how: str) -> None:
        self.folder = folder / "run"
        command = [sys.executable, "-c", OWNER, str(self.folder), str(folder / "log"), how, *warden_module.FLAGS]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
        assert self.process.stdout is not None
        said = json.loads(self.process.stdout.readline())
        self.run, self.warden, self.fork = said["run"], said["warden"], said["fork"]
        self.process.stdout.close()

    def assert_nothing_left(self) -> None:
        clock.eventually(lambda: not running_in(self.run), awaited="no process of the run", within=60, last=self.left)
        assert not self.folder.exists()

    def left(self) -> list[int]:
        return running_in(self.run)


@contextmanager
def owner(folder: Path, how: str = "") -> Iterator[Owner]:
    one = Owner(folder, how)
    try:
        yield one
    finally:
        one.process.kill()
        one.process.wait()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV], ids=lambda number: number.name)
def test_an_owner_that_a_signal_ends_leaves_nothing(tmp_path: Path, number: signal.Signals):
    with owner(tmp_path) as one:
        one.process.send_signal(number)
        one.process.wait()
    one.assert_nothing_left()


def test_ctrl_c_twice_leaves_nothing(tmp_path: Path):
    with owner(tmp_path) as one:
        os.killpg(one.process.pid, signal.SIGINT)
        clock.pause(0.2)
        running = one.left()
        os.killpg(one.process.pid, signal.SIGINT)
        one.process.wait()
    assert len(running) == 5  # the terminal's signal is for the owner alone
    one.assert_nothing_left()


def test_a_fork_of_the_owner_that_lives_on_does_not_keep_the_run_alive(tmp_path: Path):
    with owner(tmp_path, "fork") as one:
        one.process.kill()
        one.process.wait()
    one.assert_nothing_left()
    fork = process(one.fork)
    os.kill(one.fork, signal.SIGKILL)
    assert fork is not None
    assert fork.state == "S"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT], ids=lambda number: number.name)
def test_a_warden_that_a_signal_ends_leaves_nothing(tmp_path: Path, number: signal.Signals):
    warden = Warden.start(tmp_path / "run")
    child = warden.spawn("sleep", ["sleep", "600"], environment=dict(os.environ), log=tmp_path / "log")
    os.kill(warden.pid, number)
    assert child.wait(60) == -signal.SIGKILL
    clock.eventually(lambda: not running_in(warden.run_id), awaited="no process of the run", within=60)
    assert not warden.folder.exists()
    warden.end()


def test_the_wardens_own_interrupt_is_ignored(tmp_path: Path):
    warden = Warden.start(tmp_path / "run")
    os.kill(warden.pid, signal.SIGINT)
    child = warden.spawn("true", ["true"], environment=dict(os.environ), log=tmp_path / "log")
    assert child.wait(60) == 0
    warden.end()


def test_a_warden_told_to_keep_outlives_its_owner_and_ends_by_a_signal(tmp_path: Path):
    with owner(tmp_path, "keep") as one:
        status = one.process.wait()
        kept = one.left()
        os.kill(one.warden, signal.SIGTERM)
    assert (status, len(kept)) == (0, 5)
    one.assert_nothing_left()


def test_nothing_is_asked_of_a_kept_warden_and_end_leaves_it_alone(tmp_path: Path):
    warden = Warden.start(tmp_path / "run")
    warden.keep()
    warden.end()
    assert running_in(warden.run_id) == [warden.pid]
    os.kill(warden.pid, signal.SIGTERM)
    os.waitpid(warden.pid, 0)
    assert not warden.folder.exists()


def test_a_warden_whose_owner_died_during_its_start_removes_its_folder_and_goes(tmp_path: Path):
    program = Path(__file__).parents[2] / "harness/warden/program.py"
    ours, theirs = socket.socketpair()
    dead = subprocess.Popen(["true"])
    dead.wait()
    with ours, theirs:
        command = [sys.executable, *warden_module.FLAGS, str(program), str(tmp_path / "run"), str(dead.pid)]
        status = subprocess.call(command, stdin=theirs.fileno(), env={**os.environ, "HARNESS_RUN": "x"}, timeout=60)
    assert status == 0
    assert not (tmp_path / "run").exists()
