"""The owner's side of the warden: every process of a run is started by one warden process, which lets none outlive the run.

What happens in the warden process itself is in `program.py`; processes are started there and nowhere else.
"""

import contextlib
import errno
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from pathlib import Path
from typing import Any

from harness.clock import pause
from harness.errors import HarnessError, MissingToolError, StartError, UsageError, unwritable
from harness.warden.child import Child
from harness.warden.leavings import remove
from harness.warden.processes import marks, processes

__all__ = ["Child", "Warden", "kill_running_in", "running_in"]

PROGRAM = Path(__file__).with_name("program.py")
FLAGS: tuple[str, ...] = ("-I", "-S")  # no site-packages: up in 30 ms, and nothing a project installs can break it
ANSWER_WITHIN = 60.0  # s; answers take milliseconds, only killing what sleeps uninterruptibly takes longer
LOOK_AGAIN = 0.005
KILLED = -int(signal.SIGKILL)
Answer = Future[dict[str, Any]]


class Warden:
    """One run's processes and its temporary folder; made by `Warden.start`.

    Safe to use from several threads. After the end of this process, however it ends, nothing of the run is left.
    """

    def __init__(self, folder: Path, run_id: str, pid: int, connection: socket.socket) -> None:
        self._wills: dict[tuple[str, ...], dict[str, str]] = {}
        self.folder = folder
        self.run_id = run_id
        self.pid = pid
        self._socket = connection
        self._lock = threading.Lock()
        self._asked = 0
        self._answers: dict[int, Answer] = {0: Future()}
        self._children: list[Child] = []
        self._ending = False
        self._over = False
        self._reader = threading.Thread(target=self._read, name="warden", daemon=True)
        started = self._answers[0]
        self._reader.start()
        self._result(started)

    @classmethod
    def start(cls, folder: Path | None = None) -> "Warden":
        """Start the warden process, which makes `folder` and removes it at the end; default: a new temporary one.

        Raises UsageError where the folder has something in it: it would be removed.
        """
        run_id = uuid.uuid4().hex[:12]
        folder = (folder or Path(tempfile.gettempdir()) / f"harness-{run_id}").absolute()
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            message = f"{folder} is not an empty folder; a run's temporary folder is removed at its end, so name a new one"
            raise UsageError(message)
        ours, theirs = socket.socketpair()
        command = [sys.executable, *FLAGS, str(PROGRAM), str(folder), str(os.getpid())]
        stdio = [(os.POSIX_SPAWN_DUP2, theirs.fileno(), 0), (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
        with theirs:  # not Popen, which takes a warden told to `keep` for a leak
            pid = os.posix_spawn(sys.executable, command, {**os.environ, "HARNESS_RUN": run_id}, file_actions=stdio, setsid=True)
        return cls(folder, run_id, pid, ours)

    def spawn(
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        log: Path,
        cwd: Path | None = None,
        pass_fds: Sequence[int] = (),
    ) -> Child:
        """Start `command` with exactly this environment (and two marks); output is appended to `log`, `pass_fds` become 3, 4, ...

        When this returns the command is executing, in a session of its own. Raises MissingToolError where it does not exist or
        may not be executed, StartError where it cannot be started otherwise.
        """
        try:
            log.parent.mkdir(parents=True, exist_ok=True)
            output = log.open("ab")
        except OSError as error:
            raise unwritable(log, error, "") from error
        with output:
            with self._lock:
                child = Child(self._ask, len(self._children), name, log)
                self._children.append(child)
            marked = {**environment, "HARNESS_RUN": self.run_id, "HARNESS_CHILD": f"{self.run_id}.{child.ident}"}
            request = {"child": child.ident, "command": list(command), "environment": marked, "cwd": cwd and str(cwd)}
            answer = self._ask({"do": "spawn", **request}, [output.fileno(), *pass_fds])
        if "errno" in answer:
            child.ended(127)
            raise _start_error(name, command[0], environment, cwd, answer)
        child.pid = answer["pid"]
        return child

    @property
    def ending(self) -> bool:
        """Whether the end of the run was asked for; processes that end now do so because of it."""
        return self._ending

    def at_end(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        """Have this command run when everything else of the run has ended, however it ends: it removes what no process holds.

        Its environment is this process's own with these variables added.
        """
        self._wills[tuple(command)] = {**os.environ, **(environment or {})}
        self._will(command)

    def not_at_end(self, command: Sequence[str]) -> None:
        """Take back an `at_end`: there is nothing left to be removed. Harmless where it was carried out already."""
        if tuple(command) in self._wills:
            self._will(command, off=True)
            del self._wills[tuple(command)]

    def _will(self, command: Sequence[str], *, off: bool = False) -> None:
        environment = self._wills[tuple(command)]
        self._ask({"do": "will", "command": list(command), "environment": environment, "not": off})

    def keep(self) -> None:
        """Let the warden outlive this process: from now on it ends with SIGTERM to `pid`, and nothing can be asked of it."""
        self._ending = True
        self._ask({"do": "keep"})
        self._close()

    def end(self) -> None:
        """Kill every process of the run and remove its folder; when this returns they are gone. May be called again."""
        with self._lock:
            self._ending = True
            if self._socket.fileno() < 0:
                return
            if not self._over:
                self._socket.shutdown(socket.SHUT_WR)  # not close: a fork of this process may hold the socket open
        self._close()
        if os.waitpid(self.pid, 0)[1]:  # killed after the end was asked for, or failed over it
            self._clear_up()

    def _close(self) -> None:
        self._reader.join(ANSWER_WITHIN)
        if self._reader.is_alive():
            message = f"the warden (process {self.pid}) has not ended within {ANSWER_WITHIN:g} s; see {self.folder}/warden.log"
            raise HarnessError(message)
        self._socket.close()

    # --- requests and answers ---

    def _ask(self, request: dict[str, object], fds: Sequence[int] = ()) -> dict[str, Any]:
        answer: Answer = Future()
        with self._lock:
            if self._over or (self._ending and request["do"] != "keep"):
                message = "the run has ended, or its warden was killed; processes are started and signalled within a run"
                raise HarnessError(message)
            self._asked += 1
            self._answers[self._asked] = answer
            line = json.dumps({**request, "ask": self._asked, "fds": len(fds)}).encode() + b"\n"
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # then the reader fails the answer
                sent = socket.send_fds(self._socket, [line], fds) if fds else 0
                self._socket.sendall(line[sent:])
        return self._result(answer)

    def _result(self, answer: Answer) -> dict[str, Any]:
        try:
            return answer.result(ANSWER_WITHIN)
        except FutureTimeoutError:
            message = f"the warden (process {self.pid}) has not answered within {ANSWER_WITHIN:g} s; see {self.folder}/warden.log"
            raise HarnessError(message) from None

    def _read(self) -> None:
        """Take in what the warden says until it closes the socket; runs in a thread."""
        with self._socket.makefile("rb") as lines, contextlib.suppress(ConnectionResetError):
            for line in lines:
                said = json.loads(line)
                if "exited" in said:
                    self._children[said["exited"]].ended(said["status"])
                else:
                    self._answers.pop(said.get("answer", 0)).set_result(said)
        with self._lock:
            self._over = True
            lost = not self._ending
        if lost:
            self._clear_up()
        for answer in self._answers.values():
            answer.set_exception(HarnessError(f"the warden (process {self.pid}) was killed or failed; so its run was ended"))

    def _clear_up(self) -> None:
        """Do what a killed warden cannot: its children died with it (parent-death signal), theirs are found by their mark."""
        while kill_running_in(self.run_id, but=self.pid):
            pause(LOOK_AGAIN)
        while self._wills:  # each is carried out once, also where the end comes after the loss
            command, environment = self._wills.popitem()
            subprocess.run(command, env=environment, check=False)
        remove(str(self.folder), self.run_id)
        for child in self._children:
            child.ended(KILLED)


def running_in(run_id: str) -> list[int]:
    """Return the pids of all processes, zombies excluded, that carry the mark of a run; its warden is one of them."""
    return [pid for pid, one in processes().items() if one.state not in "ZX" and marks(pid).get("HARNESS_RUN") == run_id]


def kill_running_in(run_id: str, *, but: int = 0) -> list[int]:
    """Kill all processes of a run but one, as far as there are any; return which there were, some of them not gone yet."""
    found = [pid for pid in running_in(run_id) if pid != but]
    for pid in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return found


def _start_error(
    name: str, program: str, environment: Mapping[str, str], cwd: Path | None, answer: Mapping[str, Any]
) -> StartError:
    number = answer["errno"]
    why = os.strerror(number).lower()
    if answer["at"] == "folder":
        return StartError(f"{name} cannot be started in the folder {cwd}: {why}")
    if number == errno.ENOENT and Path(cwd or ".", program).exists() and "/" in program:
        return MissingToolError(f"{name}: the interpreter named in the first line of {program} does not exist; mend that line")
    # A folder of PATH that may not be searched gives "permission denied" for a command that is nowhere.
    nowhere = "/" not in program and shutil.which(program, os.F_OK, environment.get("PATH", os.defpath)) is None
    if nowhere or number in (errno.ENOENT, errno.ENOTDIR):
        return MissingToolError(f"{name}: there is no command {program}; install it, or give its full path")
    if number == errno.EACCES:
        return MissingToolError(f"{name}: {program} may not be executed; chmod +x it, or name its interpreter in the command")
    return StartError(f"{name}: {program} cannot be started: {why}")
