"""A pytest that is ended at some moment of its run, and what is then looked for: processes, listening ports, files.

Everything a run starts has its HARNESS_RUN; so that the run is found at all, its pytest is given a mark that the warden inherits.
"""

import contextlib
import os
import re
import signal
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

from harness import clock
from harness.errors import HarnessError
from harness.stack.listeners import LISTEN, _sockets, _table
from harness.warden.processes import marks, processes
from tests.plugin.driven import command, environment

WITHIN = 5.0
"""Seconds after the end of pytest in which the rest of the run is gone on a machine that does nothing else."""
SERVICES = Path(__file__).parents[2] / "fixtures" / "services"
MARK = "HARNESS_LEAK_MARK"
WORLD = """
import sys

import pytest

from harness import Service, require
from harness.checks import accounted
from harness.faults import outage


@pytest.mark.scenario("leaks", "baseline")
def test_a_world_with_forks(sandbox, capfd):
    def told(line):
        with capfd.disabled():
            print(line, file=sys.stderr, flush=True)

    told("the sandbox is there")
    tcs = sandbox.http("tcs", key="/placementId")
    exported = sandbox.rabbitmq.queue("placement-exported", key="/placementId", effect=tcs, dead_letter="placement-exported.dlq")
    sandbox.rabbitmq.queue("placement-exported.retry", key="/placementId", ttl=1, dead_letter="placement-exported")
    sandbox.start(Service.named("prefork"), uses={})
    writer = sandbox.start(Service.named("esr-writer")["as fixed"], uses={"AMQP_URL": sandbox.rabbitmq, "TCS_URL": tcs})
    sandbox.inject(outage(writer.link(tcs), begins=tcs.answered(10), lasts=4))
    told("the services run")
    exported.publish({"placementId": n} for n in range(1, 21))
    told("the drain begins")
    require(accounted(sandbox.drain()))
    told("the verdict is there")
"""
MOMENTS = (
    r"Toxiproxy \S+ is ready",
    r"the sandbox is there",
    r"the services run",
    r"the drain begins",
    r"the verdict is there",
)
"""What the run of WORLD says of its progress, in order."""


class Victim:
    """A pytest on one file (WORLD), in a folder of its own, with a temporary folder of its own."""

    def __init__(self, folder: Path, given: Mapping[str, str], text: str = WORLD) -> None:
        self.temporary = folder / "tmp"
        self.temporary.mkdir(parents=True)
        (folder / "test_world.py").write_text(text)
        self._mark = uuid.uuid4().hex
        own = {
            "HARNESS_RUNS": str(folder / "runs"),
            "HARNESS_SERVICES": str(SERVICES),
            "TMPDIR": str(self.temporary),
            MARK: self._mark,
        }
        self._said = folder / "stderr"
        with self._said.open("wb") as said:
            self.process = subprocess.Popen(
                command("-q", "test_world.py"),
                cwd=folder,
                env=environment({**given, **own}),
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
        self.runs: set[str] = set()
        """The marks of its processes, as far as they were seen."""
        self._ports: set[str] = set()

    def await_said(self, pattern: str, within: float = 600) -> None:
        """Return when it has said this; TimedOutError with its last words."""
        over = clock.eventually(
            lambda: re.search(pattern, self.said) or self.process.poll() is not None,
            awaited=pattern,
            within=within,
            last=lambda: self.said[-2000:],
        )
        if over is True and not re.search(pattern, self.said):
            message = f"pytest ended before it said {pattern}: {self.said[-2000:]}"
            raise HarnessError(message)

    @property
    def said(self) -> str:
        """What it has printed so far."""
        return self._said.read_text()

    def end(self, *signals: signal.Signals) -> None:
        """Send the signals, 0.1 s apart, having noted what the run had; return when pytest is gone."""
        self._note()
        for number in signals:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number) if number == signal.SIGINT else self.process.send_signal(number)
            clock.pause(0.1)
        self.process.wait(600)

    def _note(self) -> None:
        for pid in self.processes():
            self._ports |= listening(pid)

    def processes(self) -> list[int]:
        """Return the living processes of this run, pytest itself included."""
        found = {pid: marks(pid) for pid, one in processes().items() if one.state not in "ZX"}
        self.runs |= {said["HARNESS_RUN"] for said in found.values() if said.get(MARK) == self._mark and "HARNESS_RUN" in said}
        return [pid for pid, said in found.items() if said.get(MARK) == self._mark or said.get("HARNESS_RUN") in self.runs]

    def left(self) -> list[str]:
        """Return what is still there of the run, in words."""
        return [
            *(f"process {pid}: {command_of(pid)}" for pid in self.processes()),
            *(f"listening socket {inode}" for inode in sorted(self._ports & listening())),
            *(f"file {path}" for path in sorted(self.temporary.iterdir())),
        ]

    def left_after(self, within: float = WITHIN) -> list[str]:
        """Return what is still there `within` seconds from now; at once when it is nothing."""
        end = clock.now() + within
        while self.left() and clock.now() < end:
            clock.pause(0.05)
        return self.left()


def listening(pid: int | None = None) -> set[str]:
    """Return the listening TCP sockets of this machine, or of one process."""
    all_ = {inode for state, _, inode in _table() if state == LISTEN}
    return all_ if pid is None else all_ & _sockets(pid)


def command_of(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    return "gone meanwhile"


@contextlib.contextmanager
def victim(folder: Path, given: Mapping[str, str], text: str = WORLD) -> Iterator[Victim]:
    """Give a pytest under way; it is killed afterwards, if it still runs."""
    one = Victim(folder, given, text)
    try:
        yield one
    finally:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()
