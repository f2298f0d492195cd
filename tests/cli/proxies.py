"""`harness proxy` as a process, for tests."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from harness.clock import eventually


class Ended(NamedTuple):
    """How it ended: what it said that passed, what it told meanwhile, its exit status."""

    passed: list[str]
    told: list[str]
    status: int


class Proxy:
    """A running `harness proxy`, listening on `port`."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self._process = process
        self._log = log
        self.port = int(self.until(r" on 127\.0\.0\.1:(\d+), in front of ")[1])

    def until(self, pattern: str) -> re.Match[str]:
        """Return where it has told something like this."""
        found = eventually(
            lambda: re.search(pattern, self._log.read_text()), awaited=pattern, within=60, last=self._log.read_text
        )
        assert found is not None
        return found

    def interrupt(self) -> Ended:
        self._process.send_signal(signal.SIGINT)
        return self.ended()

    def ended(self) -> Ended:
        passed, _ = self._process.communicate(timeout=60)
        return Ended(passed.splitlines(), self._log.read_text().splitlines(), self._process.returncode)


@contextmanager
def proxy(folder: Path, *arguments: str) -> Iterator[Proxy]:
    """Start one with these arguments; it is killed at the end where it still runs."""
    with ExitStack() as stack:
        log = folder / "told.txt"
        command = [sys.executable, "-c", "from harness.cli import main; main()", "proxy", *arguments]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stack.enter_context(log.open("w")), text=True)
        stack.enter_context(process)
        stack.callback(process.kill)
        yield Proxy(process, log)
