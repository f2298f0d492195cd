"""One running service: its pid, its exits and who caused them, starting it again. Being ready on the wire is judged elsewhere.

Whether it is a process of this machine or in a container is told by what starts it; all else is the same.
"""

import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

from harness.clock import eventually
from harness.errors import MissingToolError, StartError, TimedOutError
from harness.services.parts import Launch
from harness.warden import Child, Warden

LOOK_EVERY = 0.02  # s: a death before ready is reported as soon as it can be noticed
LAST_LINES = 10


class _Run:
    """One start of the command, up to its exit."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self.ended_by_harness = False
        self.reported = False


class Process:
    """A service that was started; made by `Process.start`. Every restart has the same command, environment and log.

    Everything it forks belongs to it. Safe to use from several threads.
    """

    def __init__(self, begin: Callable[[], Child], log: Path) -> None:
        """Start it by calling `begin`, which writes its output to `log`; the service is named after that file."""
        self.name = log.stem
        self.log = log
        self._begin = begin
        self._callbacks: list[Callable[[int], None]] = []
        self._lock = threading.Lock()
        self._reports = threading.RLock()
        self._reporting: _Run | None = None
        self._run = self._started()

    @classmethod
    def start(cls, warden: Warden, launch: Launch, log: Path) -> Self:
        """Start it with its output in `log`, after whose file it is named; returns when the command is executing.

        Raises StartError, naming the command, where that does not exist or may not be executed.
        """
        return cls(lambda: _spawned(warden, launch, log), log)

    def _started(self) -> _Run:
        run = _Run(self._begin())
        run.child.on_exit(lambda status: self._report(run, status))
        return run

    @property
    def pid(self) -> int:
        """Its process id; of the last start."""
        return self._run.child.pid

    @property
    def status(self) -> int | None:
        """None while it runs, else its exit status; negative: the signal that ended it."""
        return self._run.child.status

    @property
    def ended_by_harness(self) -> bool:
        """Whether `kill`, `terminate` or `restart` ended it; inside an exit callback: ended that run which is being reported."""
        return (self._reporting or self._run).ended_by_harness

    def on_exit(self, then: Callable[[int], None]) -> None:
        """Have `then(status)` called at each exit, one at a time, from a thread; at once if it has ended already."""
        with self._reports:
            self._callbacks.append(then)
            run = self._run
            if run.reported and run.child.status is not None:
                then(run.child.status)

    def _report(self, run: _Run, status: int) -> None:
        with self._reports:
            run.reported = True
            self._reporting = run
            for then in tuple(self._callbacks):
                then(status)
            self._reporting = None

    def ready_when(self, look: Callable[[], bool], *, awaited: str, within: float) -> None:
        """Return when `look()` is true. Raises StartError with its last log lines when it dies before, or `within` s are over."""
        try:
            eventually(lambda: self.status is not None or look(), awaited=awaited, within=within, every=LOOK_EVERY)
        except TimedOutError as error:
            message = f"{self.name} did not get ready in {within:g} s: {awaited} did not come; {self._last_lines()}"
            raise StartError(message) from error
        self.check()

    def check(self) -> None:
        """Raise StartError, with its exit status and its last log lines, if it has ended."""
        if self.status is not None:
            message = f"{self.name} ended before it was ready, with {said(self.status)}; {self._last_lines()}"
            raise StartError(message)

    def log_tail(self, lines: int = LAST_LINES) -> str:
        """Return the last lines it wrote since it was last started."""
        return self._run.child.log_tail(lines)

    def _last_lines(self) -> str:
        tail = self.log_tail()
        if not tail:
            return f"it wrote nothing to {self.log}"
        earlier = [line for line in self._run.child.log_errors() if line not in tail]
        first = "\n".join(["it spoke of errors first:", *earlier, "and "]) if earlier else ""
        return f"{first}its last lines in {self.log}:\n{tail}"

    def kill(self) -> None:
        """SIGKILL it and everything it forked; when this returns they are gone."""
        run = self._run
        if run.child.status is None:
            run.ended_by_harness = True
        run.child.kill()

    def ask_to_end(self) -> None:
        """SIGTERM it and return at once: it may finish, requeue or delete first."""
        run = self._run
        if run.child.status is None:
            run.ended_by_harness = True
            run.child.signal(signal.SIGTERM)
            run.child.resume()  # a paused one would take the SIGTERM only when it goes on

    def terminate(self, within: float = 10.0) -> int:
        """SIGTERM it and return its exit status; after `within` seconds it is killed. Either way, so is what it forked."""
        run = self._run
        self.ask_to_end()
        try:
            return run.child.wait(within)
        except TimedOutError:
            run.child.kill()
            return run.child.wait(within)
        finally:
            run.child.kill()

    def pause(self) -> None:
        """SIGSTOP it and all it has forked: to its peers as a long garbage collection."""
        self._run.child.pause()

    def resume(self) -> None:
        """SIGCONT it and all it has forked."""
        self._run.child.resume()

    def restart(self) -> None:
        """Kill it if it still runs, and start it anew; returns when the command is executing. Raises what `start` raises."""
        with self._lock:
            self.kill()
            self._run = self._started()


def _spawned(warden: Warden, launch: Launch, log: Path) -> Child:
    # What it leaves in its temporary folder is gone with the run's.
    environment = {"TMPDIR": str(warden.folder), **launch.environment}
    try:
        return warden.spawn(log.stem, launch.command, environment=environment, log=log, cwd=launch.cwd)
    except MissingToolError as error:
        # A tool that the service said it needs is a skip (`build.require`); a command that nobody announced is a mistake,
        # which a skip would hide.
        raise StartError(str(error)) from error


def said(status: int) -> str:
    """Return an exit status as a person would say it."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"
