import sys
import threading
from pathlib import Path

import pytest

from harness.address import free_port
from harness.clock import eventually, now
from harness.errors import StartError
from harness.services import Launch, Process, Service, expand
from harness.services.process import said
from harness.warden import Warden
from harness.warden.processes import processes

SLEEPS = "import signal, sys; print('up', flush=True); signal.pause()"
FOREVER = 60.0


def python(code: str, **environment: str) -> Launch:
    return Launch("a", (sys.executable, "-c", code), environment)


def started(warden: Warden, launch: Launch, log: Path) -> Process:
    """Start it and wait until it has said `up`."""
    process = Process.start(warden, launch, log)
    process.ready_when(lambda: "up" in process.log_tail(), awaited="the word up", within=FOREVER)
    return process


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "writer-2.log"


def test_a_process_runs_with_its_environment_and_writes_its_log(warden: Warden, log: Path):
    code = "import os; print(os.environ['A'], os.environ['TMPDIR'], 'HOME' in os.environ); " + SLEEPS

    process = started(warden, python(code, A="1"), log)

    assert (process.name, process.log_tail()) == ("writer-2", f"1 {warden.folder} False\nup")
    assert process.pid in processes()
    assert process.status is None
    process.check()


@pytest.mark.parametrize("name", ["exits-at-once"])
def test_a_death_before_ready_is_told_at_once_with_status_and_last_lines(warden: Warden, log: Path, name: str):
    process = Process.start(warden, expand(Service.named(name), {}, {}), log)
    died: list[float] = []
    process.on_exit(lambda _: died.append(now()))

    with pytest.raises(StartError) as raised:  # noqa: PT011 (the text is asserted whole below)
        process.ready_when(lambda: False, awaited="its first Basic.Consume", within=FOREVER)
    told = now()

    expected = f"writer-2 ended before it was ready, with exit status 3; its last lines in {log}:\n"
    assert str(raised.value) == expected + "starting\nreading the configuration\nFATAL: DATABASE_URL is not set"
    assert told - eventually(lambda: died, awaited="the exit", within=FOREVER)[0] < FOREVER / 4


STORY = """
print('Error: Cannot find module \\'amqplib\\'')
for n in range(12): print(f'    at Module._load (node:internal/{n})')
print('Node.js v18.20.4')
raise SystemExit(1)
"""


def test_the_line_that_says_what_is_wrong_is_told_where_a_long_story_follows(warden: Warden, log: Path):
    process = Process.start(warden, python(STORY), log)

    with pytest.raises(StartError) as raised:  # noqa: PT011 (the text is asserted below)
        process.ready_when(lambda: False, awaited="anything", within=FOREVER)
    first, *_, last = str(raised.value).partition("; ")[2].splitlines()
    assert first == "it spoke of errors first:"
    assert "Error: Cannot find module 'amqplib'\nand its last lines in" in str(raised.value)
    assert last == "Node.js v18.20.4"


def test_a_death_by_signal_without_a_word_says_both(warden: Warden, log: Path):
    process = Process.start(warden, python("import os; os.kill(os.getpid(), 11)"), log)

    with pytest.raises(StartError, match=f"^writer-2 ended before it was ready, with SIGSEGV; it wrote nothing to {log}$"):
        process.ready_when(lambda: False, awaited="anything", within=FOREVER)


def test_a_service_that_never_gets_ready_is_told_with_what_was_awaited(warden: Warden, log: Path):
    process = started_never(warden, log)

    with pytest.raises(
        StartError,
        match=r"^writer-2 did not get ready in 0.1 s: its first Basic.Consume did not come; its last lines in .*\nwaiting",
    ):
        process.ready_when(lambda: False, awaited="its first Basic.Consume", within=0.1)


def started_never(warden: Warden, log: Path) -> Process:
    process = Process.start(warden, expand(Service.named("never-ready"), {}, {}), log)
    process.ready_when(lambda: bool(process.log_tail()), awaited="its first line", within=FOREVER)
    return process


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("no-such-command", "x"), "writer-2: there is no command no-such-command"),
        (("/etc/passwd",), "writer-2: /etc/passwd may not be executed"),
    ],
)
def test_a_command_that_cannot_be_run_is_named_and_is_no_skip(warden: Warden, log: Path, command: tuple[str, ...], message: str):
    with pytest.raises(StartError, match=message) as raised:
        Process.start(warden, Launch("a", command, {"PATH": "/usr/bin:/bin"}), log)

    assert type(raised.value) is StartError


def test_exits_are_told_with_who_caused_them(warden: Warden, log: Path):
    process = started(warden, python(SLEEPS), log)
    exits: list[tuple[int, bool]] = []
    process.on_exit(lambda status: exits.append((status, process.ended_by_harness)))

    process.kill()
    process.restart()
    process.ready_when(lambda: "up" in process.log_tail(), awaited="the word up", within=FOREVER)
    process.terminate()
    eventually(lambda: len(exits) == 2, awaited="two exits", within=FOREVER)

    assert exits == [(-9, True), (-15, True)]
    assert process.status == -15


def test_an_exit_of_its_own_is_not_ours_even_if_it_was_told_late(warden: Warden, log: Path):
    process = Process.start(warden, python("raise SystemExit(4)"), log)
    eventually(lambda: process.status is not None, awaited="the exit", within=FOREVER)
    exits: list[tuple[int, bool]] = []

    process.on_exit(lambda status: exits.append((status, process.ended_by_harness)))
    eventually(lambda: exits, awaited="the exit to be told", within=FOREVER)
    process.kill()

    assert exits == [(4, False)]
    assert process.ended_by_harness is False


def test_a_slow_listener_still_hears_of_the_run_that_ended(warden: Warden, log: Path):
    process = started(warden, python(SLEEPS), log)
    restarted, exits = threading.Event(), []

    def slow(status: int) -> None:
        restarted.wait(FOREVER)
        exits.append((status, process.ended_by_harness))

    process.on_exit(slow)
    process.restart()
    restarted.set()
    eventually(lambda: exits, awaited="the exit to be told", within=FOREVER)

    assert exits == [(-9, True)]
    assert process.status is None
    assert process.ended_by_harness is False


def test_a_restart_has_the_same_command_and_a_new_pid(warden: Warden, log: Path):
    process = started(warden, python(SLEEPS), log)
    before = process.pid

    process.restart()
    process.ready_when(lambda: "up" in process.log_tail(), awaited="the word up", within=FOREVER)

    assert process.pid != before
    assert log.read_text() == "up\nup\n"
    assert before not in processes()


def test_a_paused_process_does_nothing_until_it_is_resumed(warden: Warden, log: Path):
    process = started(warden, python(SLEEPS), log)

    process.pause()
    eventually(lambda: processes()[process.pid].state == "T", awaited="it to stop", within=FOREVER)
    process.resume()
    eventually(lambda: processes()[process.pid].state == "S", awaited="it to go on", within=FOREVER)

    assert process.status is None


def test_a_paused_process_is_terminated_too(warden: Warden, log: Path):
    process = started(warden, python(SLEEPS), log)
    process.pause()

    assert process.terminate(FOREVER) == -15


def test_a_process_that_ignores_sigterm_is_killed(warden: Warden, log: Path):
    process = started(warden, python("import signal; signal.signal(15, signal.SIG_IGN); " + SLEEPS), log)

    assert process.terminate(0.1) == -9


def test_terminating_what_has_ended_returns_its_status(warden: Warden, log: Path):
    process = Process.start(warden, python("raise SystemExit(4)"), log)
    eventually(lambda: process.status is not None, awaited="the exit", within=FOREVER)

    assert process.terminate() == 4
    assert process.ended_by_harness is False


@pytest.mark.parametrize("act", [Process.kill, Process.terminate])
def test_workers_in_sessions_of_their_own_end_with_their_master(warden: Warden, log: Path, act):
    process = Process.start(warden, expand(Service.named("prefork"), {}, {"port": str(free_port())}), log)
    process.ready_when(lambda: process.log_tail().count("worker ") == 2, awaited="two workers", within=FOREVER)
    workers = [int(line.split()[1]) for line in process.log_tail().splitlines() if line.startswith("worker")]
    alive = set(workers) & processes().keys()

    act(process)

    assert alive == set(workers)
    assert not {process.pid, *workers} & {pid for pid, one in processes().items() if one.state not in "ZX"}


@pytest.mark.parametrize(("status", "words"), [(0, "exit status 0"), (3, "exit status 3"), (-9, "SIGKILL"), (-99, "signal 99")])
def test_a_status_is_said_in_words(status: int, words: str):
    assert said(status) == words
