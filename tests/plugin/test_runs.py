"""One run, however it is driven or ended: by pytest-xdist's workers, or by Ctrl-C."""

import itertools
import signal
import subprocess
from pathlib import Path

from tests.plugin.driven import HEAD, Done, command, environment, pytest_on

FOUR = HEAD + "".join(
    f"""
@scenario("T-{n}", "baseline")
def test_{n}(sandbox):
    require(nothing_dead_lettered(two_jobs(sandbox)))
"""
    for n in range(4)
)
TAKEN = (
    HEAD
    + """
@scenario("T-1", "baseline")
def test_first(sandbox, request):
    runs = request.config.rootpath / "runs" / "latest" / "run.json"
    runs.mkdir()
    require(nothing_dead_lettered(two_jobs(sandbox)))
"""
)
WAITS = (
    HEAD
    + """
@scenario("T-1", "baseline")
def test_first(sandbox):
    require(nothing_dead_lettered(two_jobs(sandbox)))

@scenario("T-2", "baseline")
def test_second(sandbox, capfd):
    queue = sandbox.rabbitmq.queue("jobs")
    with capfd.disabled():
        print("waiting", file=sys.stderr, flush=True)
    sandbox.until(queue.delivered())

@scenario("T-3", "baseline")
def test_third(sandbox):
    raise AssertionError
"""
)

LOST = (
    HEAD
    + """
import os, signal, time
from pathlib import Path
from harness.stack.listeners import listens

@scenario("T-1", "baseline")
def test_first(sandbox, stack):
    pids = [int(one.name) for one in Path("/proc").iterdir() if one.name.isdigit()]
    os.kill(next(pid for pid in pids if listens(pid, stack.toxiproxy.port)), signal.SIGKILL)
    time.sleep(0.5)
    two_jobs(sandbox)

@scenario("T-2", "baseline")
def test_second(sandbox):
    require(nothing_dead_lettered(two_jobs(sandbox)))
"""
)


def test_a_run_json_that_cannot_be_written_is_said_and_is_exit_code_3(tmp_path: Path, addresses: dict[str, str]):
    done = pytest_on(tmp_path, TAKEN, more=addresses)
    said = [line for line in done.printed.splitlines() if line.startswith("harness: ")]
    assert done.status == 3
    text = "run.json cannot be written: is a directory; make room there, or choose another place with --harness-runs=DIR"
    assert said == [f"harness: {(done.runs / 'latest').resolve()}/{text}"]
    assert "1 passed" in done.printed
    assert "Traceback" not in done.printed


def test_the_workers_of_xdist_write_one_run(tmp_path: Path, addresses: dict[str, str]):
    done = pytest_on(tmp_path, FOUR, "-n", "2", more=addresses)
    run = done.run()
    assert done.status == 0, done.printed
    assert sorted(entry.id for entry in run.scenarios) == ["T-0", "T-1", "T-2", "T-3"]
    assert run.stack is not None
    assert [path.name for path in done.runs.iterdir() if not path.is_symlink()] == [run.run]
    assert done.printed.count("= scenarios =") == 1
    assert done.printed.count(f"run: {(done.runs / 'latest').resolve()}") == 1


def test_an_interrupted_run_is_written_too(tmp_path: Path, addresses: dict[str, str]):
    (tmp_path / "test_told.py").write_text(WAITS)
    runs = tmp_path / "runs"
    with subprocess.Popen(
        command(),
        cwd=tmp_path,
        env=environment({**addresses, "HARNESS_RUNS": str(runs)}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        said = list(itertools.takewhile(lambda line: line != "waiting\n", process.stderr or ()))
        process.send_signal(signal.SIGINT)
        printed, _ = process.communicate(timeout=600)
    done = Done(process.returncode, printed, runs)
    assert not [line for line in said if "Error" in line]
    assert done.status == 2, printed
    assert done.run().interrupted
    assert [entry.id for entry in done.run().scenarios] == ["T-1", "T-2"]
    assert done.entry("test_first").passed
    assert not done.entry("test_second").passed
    assert "= scenarios =" in printed


def test_a_server_that_dies_fails_one_scenario_and_the_next_has_a_new_one(tmp_path: Path):
    done = pytest_on(tmp_path, LOST, more={"HARNESS_STACK": "native"})
    assert done.status == 1
    assert done.failure("test_first").startswith("StackLostError: Toxiproxy ended while it was needed (signal 9); ")
    assert "Traceback" not in done.printed
    assert done.entry("test_second").passed, done.printed
    assert done.printed.count("RabbitMQ 3") == 2
