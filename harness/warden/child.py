"""One process of a run, seen from the run's owner: its status, its end, the last lines it wrote. Starting it is the warden's."""

import os
import re
import signal
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from harness.errors import HarnessError, TimedOutError

GONE_WITHIN = 60.0  # s; between the last process killed and its status here lie microseconds
TAIL_BYTES = 65536
ERROR = re.compile(r"\b(?:[A-Za-z.]*(?:Error|Exception)|ERROR|FATAL|[Ff]atal|panic|[Cc]annot|[Cc]ould not|not found)\b")
Ask = Callable[[dict[str, object]], dict[str, Any]]


class Child:
    """A process of a run, made by `Warden.spawn`."""

    def __init__(self, ask: Ask, ident: int, name: str, log: Path) -> None:
        self.name = name
        self.log = log
        self.pid = 0
        self.status: int | None = None
        """None while it runs, then the exit status; negative: the signal that ended it."""
        self._ask = ask
        self.ident = ident
        self._log_start = log.stat().st_size
        self._lock = threading.Lock()
        self._exited = threading.Event()
        self._callbacks: list[Callable[[int], None]] = []

    def on_exit(self, then: Callable[[int], None]) -> None:
        """Have `then(status)` called once, from a thread, when the process ends; at once if it already has."""
        with self._lock:
            if self.status is None:
                self._callbacks.append(then)
                return
        then(self.status)

    def wait(self, within: float) -> int:
        """Return the exit status; raises TimedOutError after `within` seconds."""
        self._exited.wait(within)
        if self.status is None:
            awaited = f"{self.name} to end"
            raise TimedOutError(awaited, within=within, last=f"process {self.pid} still running")
        return self.status

    def signal(self, number: int) -> None:
        """Send a signal to this process, not to what it forked; nothing happens if it has ended."""
        self._ask({"do": "signal", "child": self.ident, "number": int(number)})

    def pause(self) -> None:
        """SIGSTOP it and everything it ever started; when this returns they stand still, or are about to."""
        self._ask({"do": "signal", "child": self.ident, "number": int(signal.SIGSTOP), "all": True})

    def resume(self) -> None:
        """SIGCONT it and everything it ever started."""
        self._ask({"do": "signal", "child": self.ident, "number": int(signal.SIGCONT), "all": True})

    def kill(self) -> None:
        """SIGKILL it and everything it ever started; when this returns they are gone. Raises HarnessError if some will not go."""
        left = self._ask({"do": "kill", "child": self.ident}).get("left")
        if left:
            message = f"{self.name}: processes {left} are still there after SIGKILL; look at their state in /proc/PID/stack"
            raise HarnessError(message)
        self._exited.wait(GONE_WITHIN)

    def log_tail(self, lines: int = 10) -> str:
        """Return the last lines this process wrote; lines of an earlier process in the same log are left out."""
        with self.log.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(self._log_start, end - TAIL_BYTES))
            text = file.read().decode(errors="replace").rstrip()
        return "\n".join(text.splitlines()[-lines:])

    def log_errors(self, most: int = 3) -> list[str]:
        """Return the first lines that speak of an error: what comes after it is often only where it came from."""
        with self.log.open("rb") as file:
            file.seek(self._log_start)
            text = file.read(TAIL_BYTES).decode(errors="replace")
        return [line.strip() for line in text.splitlines() if ERROR.search(line)][:most]

    def ended(self, status: int) -> None:
        """Take the exit status in; the warden's side calls this."""
        with self._lock:
            if self.status is not None:
                return
            self.status = status
            callbacks, self._callbacks = self._callbacks, []
        self._exited.set()
        if callbacks:  # not in the reading thread: what a callback asks the warden would never be answered
            threading.Thread(target=_call_all, args=(callbacks, status), name=f"exit of {self.name}", daemon=True).start()


def _call_all(callbacks: Sequence[Callable[[int], None]], status: int) -> None:
    for then in callbacks:
        then(status)
