"""A run whose owner lives: starting, exits, killing, and what is left after the end."""

import os
import shutil
import signal
import threading
from pathlib import Path

import pytest

from harness import clock
from harness.errors import HarnessError, MissingToolError, StartError, TimedOutError, UsageError
from harness.warden import Child, Warden, running_in
from harness.warden.leavings import SHARED, memory_of
from harness.warden.processes import below, process, processes

ENVIRONMENT = {"PATH": os.environ["PATH"]}
# A service that forks: a worker, a worker in a session of its own, and a daemon that its parent has abandoned.
PREFORK = "sleep 600 & setsid sleep 600 & (setsid sleep 600 &); wait"


def spawn(warden: Warden, tmp_path: Path, *command: str) -> Child:
    return warden.spawn("service", command, environment=ENVIRONMENT, log=tmp_path / "service.log")


def prefork(warden: Warden, tmp_path: Path) -> Child:
    child = spawn(warden, tmp_path, "sh", "-c", PREFORK)
    clock.eventually(lambda: len(running_in(warden.run_id)) == 5, awaited="three forks", within=10)
    return child


def test_a_child_has_the_given_environment_and_the_marks_and_nothing_else(warden: Warden, tmp_path: Path):
    child = warden.spawn("env", ["env"], environment={"PATH": os.environ["PATH"], "A": "ü b"}, log=tmp_path / "log")
    assert child.wait(10) == 0
    lines = set(child.log_tail(99).splitlines()) - {f"PATH={os.environ['PATH']}"}
    assert lines == {"A=ü b", f"HARNESS_RUN={warden.run_id}", f"HARNESS_CHILD={warden.run_id}.0"}


def test_a_child_runs_in_the_folder_it_was_given(warden: Warden, tmp_path: Path):
    child = warden.spawn("pwd", ["pwd", "-P"], environment=ENVIRONMENT, log=tmp_path / "log", cwd=tmp_path)
    assert child.wait(10) == 0
    assert child.log_tail() == str(tmp_path.resolve())


def test_passed_descriptors_become_3_and_4_and_no_other_is_open(warden: Warden, tmp_path: Path):
    (tmp_path / "a").write_text("first")
    (tmp_path / "b").write_text("second")
    with (tmp_path / "a").open() as a, (tmp_path / "b").open() as b:
        child = warden.spawn(
            "fds",
            ["sh", "-c", "cat <&3; cat <&4; ls /proc/self/fd | wc -l"],
            environment=ENVIRONMENT,
            log=tmp_path / "log",
            pass_fds=[a.fileno(), b.fileno()],
        )
        child.wait(10)
    assert child.log_tail() == "firstsecond6"  # 0 to 4, and ls's own look


def test_signals_that_python_ignores_are_not_ignored_in_a_child(warden: Warden, tmp_path: Path):
    child = spawn(warden, tmp_path, "grep", "SigIgn", "/proc/self/status")
    child.wait(10)
    ignored = int(child.log_tail().split()[1], 16)
    assert ignored & (1 << signal.SIGPIPE - 1 | 1 << signal.SIGINT - 1 | 1 << signal.SIGXFSZ - 1) == 0


def test_a_child_leads_a_session_of_its_own_so_that_the_terminals_ctrl_c_does_not_reach_it(warden: Warden, tmp_path: Path):
    child = spawn(warden, tmp_path, "sleep", "600")
    found = process(child.pid)
    assert found is not None
    assert found.session == child.pid


def test_the_log_is_appended_to_and_the_tail_is_this_childs_own(warden: Warden, tmp_path: Path):
    first = spawn(warden, tmp_path, "sh", "-c", "echo one; echo two >&2; echo three")
    first.wait(10)
    second = spawn(warden, tmp_path, "true")
    second.wait(10)
    assert first.log_tail(2) == "two\nthree"
    assert second.log_tail() == ""


@pytest.mark.parametrize(("command", "status"), [("exit 3", 3), ("kill -15 $$", -15)])
def test_an_exit_is_reported_with_its_status(warden: Warden, tmp_path: Path, command: str, status: int):
    assert spawn(warden, tmp_path, "sh", "-c", command).wait(10) == status


def test_an_exit_is_reported_to_who_asked_before_and_after(warden: Warden, tmp_path: Path):
    seen: list[int] = []
    told = threading.Event()
    child = spawn(warden, tmp_path, "sh", "-c", "read line <&0; sleep 0.05; exit 4")
    child.on_exit(seen.append)
    child.on_exit(lambda _: told.set())
    told.wait(10)
    child.on_exit(seen.append)
    assert seen == [4, 4]


def test_who_is_told_of_an_exit_may_ask_the_warden(warden: Warden, tmp_path: Path):
    told = threading.Event()
    other = spawn(warden, tmp_path, "sleep", "600")
    child = spawn(warden, tmp_path, "sh", "-c", "sleep 0.05")

    def kill_other(_: int) -> None:
        other.kill()
        told.set()

    child.on_exit(kill_other)
    assert told.wait(10)
    assert other.status == -signal.SIGKILL


def test_waiting_for_an_exit_that_does_not_come_says_so(warden: Warden, tmp_path: Path):
    child = spawn(warden, tmp_path, "sleep", "600")
    with pytest.raises(TimedOutError, match=r"waited 0\.05 s for service to end; last saw process \d+ still running"):
        child.wait(0.05)


def test_a_signal_reaches_a_child_and_a_dead_one_is_left_alone(warden: Warden, tmp_path: Path):
    child = spawn(warden, tmp_path, "sleep", "600")
    child.signal(signal.SIGTERM)
    assert child.wait(10) == -signal.SIGTERM
    child.signal(signal.SIGTERM)


@pytest.mark.parametrize("command", ["no-such-command", "/no/such/command", "/etc/passwd/command"])
def test_a_command_that_does_not_exist_is_named(warden: Warden, tmp_path: Path, command: str):
    with pytest.raises(MissingToolError, match=f"service: there is no command {command}; install it"):
        spawn(warden, tmp_path, command)


def test_a_command_that_may_not_be_executed_is_named(warden: Warden, tmp_path: Path):
    (tmp_path / "run.py").write_text("print()")
    with pytest.raises(MissingToolError, match=r"run\.py may not be executed; chmod \+x it"):
        spawn(warden, tmp_path, str(tmp_path / "run.py"))


def test_a_script_whose_interpreter_does_not_exist_is_not_called_missing(warden: Warden, tmp_path: Path):
    script = tmp_path / "script"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o700)
    with pytest.raises(MissingToolError, match=r"the interpreter named in the first line of .*script does not exist"):
        spawn(warden, tmp_path, str(script))


@pytest.mark.parametrize(("command", "why"), [("nothing", "exec format error"), ("a\0b", "invalid argument")])
def test_a_command_that_cannot_be_started_is_named_with_the_reason(warden: Warden, tmp_path: Path, command: str, why: str):
    (tmp_path / "nothing").write_bytes(b"\x7fELF")
    (tmp_path / "nothing").chmod(0o700)
    with pytest.raises(StartError, match=f"cannot be started: {why}"):
        spawn(warden, tmp_path, str(tmp_path / command))


def test_a_folder_that_does_not_exist_is_named(warden: Warden, tmp_path: Path):
    log = tmp_path / "log"
    with pytest.raises(StartError, match="service cannot be started in the folder /no/such: no such file or directory"):
        warden.spawn("service", ["true"], environment=ENVIRONMENT, log=log, cwd=Path("/no/such"))


def test_killing_a_service_kills_all_that_it_forked(warden: Warden, tmp_path: Path):
    other = prefork(warden, tmp_path)
    child = spawn(warden, tmp_path, "sh", "-c", PREFORK)
    clock.eventually(lambda: len(running_in(warden.run_id)) == 9, awaited="six forks", within=10)
    child.kill()
    assert child.status == -signal.SIGKILL
    assert len(running_in(warden.run_id)) == 5
    assert other.status is None


def test_killing_a_service_that_has_ended_kills_the_daemons_it_left(warden: Warden, tmp_path: Path):
    child = spawn(warden, tmp_path, "sh", "-c", "setsid sleep 600 & sleep 600 & (env -i sleep 600 &) & exit 0")
    assert child.wait(10) == 0
    child.kill()
    assert [pid for pid in below([warden.pid], processes()) if process(pid)] == []


def test_what_is_still_there_after_a_kill_is_named(tmp_path: Path):
    log = tmp_path / "log"
    log.touch()
    child = Child(lambda _: {"left": [4711]}, 0, "service", log)
    with pytest.raises(HarnessError, match=r"service: processes \[4711\] are still there after SIGKILL"):
        child.kill()


def test_the_end_leaves_no_process_and_no_folder(tmp_path: Path):
    warden = Warden.start(tmp_path / "run")
    outside = tmp_path / "outside"
    outside.mkdir(0o755)
    locked = warden.folder / "a" / "b"
    (locked / "c").mkdir(parents=True)
    (locked / "c" / "file").touch()
    (locked / "link").symlink_to(outside)
    for folder in (locked / "c", locked, locked.parent):
        folder.chmod(0)
    child = prefork(warden, tmp_path)
    warden.end()
    warden.end()
    assert child.status == -signal.SIGKILL
    assert running_in(warden.run_id) == []
    assert not warden.folder.exists()
    assert outside.stat().st_mode & 0o777 == 0o755


def test_a_folder_that_somebody_else_removed_is_no_trouble(tmp_path: Path):
    tmp_path.chmod(0o755)
    warden = Warden.start(tmp_path / "run")
    shutil.rmtree(warden.folder)
    warden.end()
    assert tmp_path.stat().st_mode & 0o777 == 0o755


def test_nothing_can_be_started_after_the_end(tmp_path: Path):
    warden = Warden.start(tmp_path / "run")
    warden.end()
    with pytest.raises(HarnessError, match="the run has ended"):
        spawn(warden, tmp_path, "true")


def test_a_folder_with_something_in_it_is_not_taken(tmp_path: Path):
    (tmp_path / "precious").touch()
    with pytest.raises(UsageError, match="is not an empty folder"):
        Warden.start(tmp_path)
    assert (tmp_path / "precious").exists()


def test_without_a_folder_given_one_is_made_and_removed():
    warden = Warden.start()
    assert warden.folder.is_dir()
    assert warden.folder.stat().st_mode & 0o77 == 0
    warden.end()
    assert not warden.folder.exists()


def test_a_warden_that_is_killed_takes_its_run_with_it(tmp_path: Path):
    warden = Warden.start(tmp_path / "run")
    child = prefork(warden, tmp_path)
    os.kill(warden.pid, signal.SIGKILL)
    assert child.wait(10) == -signal.SIGKILL
    clock.eventually(lambda: not running_in(warden.run_id), awaited="nothing of the run", within=10)
    with pytest.raises(HarnessError, match="the run has ended, or its warden was killed"):
        child.kill()
    warden.end()
    assert not warden.folder.exists()


def test_a_warden_that_is_killed_while_its_owner_ends_the_run_leaves_nothing(tmp_path: Path):
    warden = Warden.start(tmp_path / "run")
    child = prefork(warden, tmp_path)
    shared = Path(SHARED) / f"{memory_of(warden.run_id)}clock"
    shared.touch()
    warden.at_end(["touch", str(tmp_path / "will")])
    os.kill(warden.pid, signal.SIGSTOP)  # so that the end is asked for, and not begun
    ending = threading.Thread(target=warden.end)
    ending.start()
    clock.eventually(lambda: warden.ending, awaited="the owner to be ending the run", within=60)
    os.kill(warden.pid, signal.SIGKILL)
    ending.join()
    left = running_in(warden.run_id), warden.folder.exists(), shared.exists()
    shared.unlink(missing_ok=True)
    assert left == ([], False, False)
    assert child.status == -signal.SIGKILL
    assert (tmp_path / "will").exists()


def test_a_request_under_way_when_the_warden_is_killed_is_answered(tmp_path: Path):
    warden = Warden.start(tmp_path / "run")
    os.kill(warden.pid, signal.SIGSTOP)
    killer = threading.Timer(0.1, os.kill, (warden.pid, signal.SIGKILL))
    killer.start()
    with pytest.raises(HarnessError, match=r"the warden \(process \d+\) was killed"):
        spawn(warden, tmp_path, "true")
    killer.join()
    warden.end()


def test_a_warden_that_does_not_answer_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    warden = Warden.start(tmp_path / "run")
    os.kill(warden.pid, signal.SIGSTOP)
    monkeypatch.setattr("harness.warden.ANSWER_WITHIN", 0.05)
    with pytest.raises(HarnessError, match=r"has not answered within 0\.05 s; see .*warden\.log"):
        spawn(warden, tmp_path, "true")
    with pytest.raises(HarnessError, match=r"has not ended within 0\.05 s"):
        warden.end()
    os.kill(warden.pid, signal.SIGCONT)
    monkeypatch.undo()
    warden.end()
    assert not warden.folder.exists()


def test_two_runs_do_not_touch_each_other(warden: Warden, tmp_path: Path):
    mine = spawn(warden, tmp_path, "sleep", "600")
    other = Warden.start(tmp_path / "other")
    theirs = spawn(other, tmp_path, "sleep", "600")
    theirs.kill()
    other.end()
    assert mine.status is None
