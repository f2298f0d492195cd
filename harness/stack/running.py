"""A stack that outlives the command that started it: `up`, `down`, and finding it. One per cache folder, so one per user.

It is kept by a warden of its own, told to outlive its owner. Where it is stands in a file of the cache folder; the file is
believed only while the very process it names is alive, told from a recycled pid by its start time and by the mark of the run.
"""

import contextlib
import fcntl
import json
import os
import shutil
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness import clock
from harness.errors import StackError
from harness.stack import cache, external, native
from harness.stack.cache import Progress
from harness.stack.model import Stack
from harness.stack.provision import provisioned
from harness.stack.tools import Tools
from harness.warden import Warden, kill_running_in, running_in
from harness.warden.leavings import remove
from harness.warden.processes import marks, process

DOWN_WITHIN = 30.0  # s; killing takes 0.2 s


@dataclass(frozen=True)
class Running:
    """What the file says: the stack, and the warden that keeps it."""

    stack: Stack
    run_id: str
    warden: int
    started: int
    folder: Path

    @property
    def alive(self) -> bool:
        """Whether that very warden lives."""
        found = process(self.warden)
        return (
            found is not None
            and found.state not in "ZX"
            and found.start == self.started
            and marks(self.warden).get("HARNESS_RUN") == self.run_id
        )


def up(progress: Progress = lambda _: None, *, tools: Tools | None = None, speed: int = 1, toxiproxy: str = "auto") -> Stack:
    """Return the stack of this speed that is kept running, started if there was none; it stays when this process ends.

    `toxiproxy` is server, embedded, or auto: whichever can be had. Raises StackError where one cannot be had, or has the other
    Toxiproxy; then nothing more is left running.
    """
    with _alone(speed):
        found = _known(speed)
        if found is not None:
            try:
                external.answering(found.stack)
            except StackError as error:
                progress(f"the stack that was up is started anew, because {error}")
                _end(found)
            else:
                return _with(toxiproxy, found.stack)
        return _start(progress, tools or provisioned(progress, toxiproxy=toxiproxy), speed)


def _with(toxiproxy: str, stack: Stack) -> Stack:
    if toxiproxy in {"auto", stack.toxiproxy_kind}:
        return stack
    message = (
        f"the stack that is up has the {stack.toxiproxy_kind} Toxiproxy, not the {toxiproxy} one; end it with `harness down`"
    )
    raise StackError(message)


def _start(progress: Progress, tools: Tools, speed: int) -> Stack:
    logs = cache.folder() / ("logs" if speed == 1 else f"logs-x{speed}")
    shutil.rmtree(logs, ignore_errors=True)
    warden = Warden.start()
    try:
        stack = native.start(warden, tools, progress=progress, logs=logs, speed=speed)
        _write(stack, warden)
        warden.keep()
    except BaseException:
        warden.end()
        _file(speed).unlink(missing_ok=True)
        raise
    return stack


def down(speed: int = 1) -> bool:
    """End the stack of this speed that is kept running, with its processes, ports and folder; False where there was none."""
    with _alone(speed):
        found = _known(speed)
        if found is None:
            return False
        _end(found)
        return True


def find_running(speed: int = 1) -> Stack | None:
    """Return the stack of this speed that `up` keeps, None where there is none.

    Raises StackError where one of its servers does not answer any more.
    """
    found = _known(speed)
    if found is None:
        return None
    try:
        external.answering(found.stack)
    except StackError as error:
        message = f"the stack that is up is not whole: {error}; run `harness up` again, or `harness down`"
        raise StackError(message) from error
    return found.stack


@contextlib.contextmanager
def _alone(speed: int) -> Iterator[None]:
    """Let no other process start or end the kept stack meanwhile; clears away what is left of one whose warden was killed."""
    with (cache.folder() / "running.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        said = _said(speed)
        if said is not None and not said.alive:
            clock.eventually(
                lambda: not kill_running_in(said.run_id), awaited="the end of a stack without its warden", within=DOWN_WITHIN
            )
            remove(str(said.folder), said.run_id)
        if said is None or not said.alive:
            _file(speed).unlink(missing_ok=True)  # last: nobody else knows where its folder is
        yield


def _said(speed: int) -> Running | None:
    """Return what the file says; None where there is none, or one that says nothing."""
    try:
        return _read(json.loads(_file(speed).read_text()))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def _known(speed: int) -> Running | None:
    """Return what is running by the file, if it lives."""
    found = _said(speed)
    return found if found is not None and found.alive else None


def _end(found: Running) -> None:
    os.kill(found.warden, signal.SIGTERM)
    clock.eventually(
        lambda: not running_in(found.run_id),
        awaited="the end of the stack",
        within=DOWN_WITHIN,
        last=lambda: f"processes {running_in(found.run_id)}",
    )
    with contextlib.suppress(ChildProcessError):  # only whoever started it has to collect it
        os.waitpid(found.warden, 0)
    _file(found.stack.speed).unlink(missing_ok=True)


def _file(speed: int) -> Path:
    return cache.folder() / ("running.json" if speed == 1 else f"running-x{speed}.json")


def _write(stack: Stack, warden: Warden) -> None:
    found = process(warden.pid)
    started = 0 if found is None else found.start
    data = {
        "schema": 1,
        "warden": warden.pid,
        "started": started,
        "run": warden.run_id,
        "folder": str(warden.folder),
        "stack": stack.to_json(),
    }
    half = _file(stack.speed).with_suffix(".half")
    half.write_text(json.dumps(data, indent=1) + "\n")
    half.replace(_file(stack.speed))


def _read(data: Mapping[str, object]) -> Running:
    stack = data["stack"]
    if not isinstance(stack, dict):
        message = "stack is not an object"
        raise TypeError(message)
    return Running(
        stack=Stack.from_json(stack),
        run_id=str(data["run"]),
        warden=int(str(data["warden"])),
        started=int(str(data["started"])),
        folder=Path(str(data["folder"])),
    )
