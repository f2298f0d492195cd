"""All scenarios of one pytest process, and the run folder they share with those of other workers: what ends as run.json."""

import contextlib
import os
import platform
import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import msgspec

from harness.clock import now, utc
from harness.errors import HarnessError, StackLostError
from harness.report.cells import Cells, world_of
from harness.report.entries import ENTRY, AskedEntry, Entry, RunEntry, StackEntry, entries, unpaired, write
from harness.report.matrix import lines, matrices
from harness.report.recording import Recording
from harness.report.slowest import slowest
from harness.report.terminal import table
from harness.run import Run, Story, new_folder, to_stderr
from harness.services.cached import fingerprint
from harness.stack.cache import Progress
from harness.stack.cache import folder as cache_folder
from harness.stack.choice import Wanted
from harness.stack.fidelity import known, told
from harness.stack.lending import Lender
from harness.stack.model import Stack
from harness.stack.own import checked

STACK, FIDELITY = "stack.json", "fidelity.json"
ASKED_WITHIN = 60.0
"""Seconds at the end of a run for what the emulator was asked at its beginning; it takes five."""


@dataclass(frozen=True)
class Selection:
    """What was asked of a run: what `RunEntry` says of it."""

    root: Path
    whole: list[str]
    matrix: str
    missed: list[AskedEntry]


NO_CELL: Mapping[str, str] = {}


class Session:
    """All scenarios of one pytest process, and the run folder they share with those of other workers."""

    def __init__(
        self,
        *,
        runs: Path,
        folder: Path | None,
        stack: Wanted,
        recorder: str,
        seed: str | None,
        argv: Sequence[str],
        root: Path,
        here: Path,
        progress: Progress = to_stderr,
        lent: int | None = None,
    ) -> None:
        self.folder = folder if folder is not None else new_folder(runs if runs.is_absolute() else root / runs)
        self.run = Run(self.folder, stack=stack, recorder=recorder, progress=progress, lent=lent)
        self._argv = list(argv)
        self._root, self._here = root, here
        self._seed = int(seed) if seed is not None else secrets.randbelow(1_000_000)
        self._started = utc()
        self._began = now()
        self._ran = False
        self._lender: Lender | None = None
        self._cells = Cells(cache_folder())
        self._asking: threading.Thread | None = None

    def lend(self) -> int:
        """Return the port at which other processes of this run get its stack, which is started when the first of them asks."""
        if self._lender is None:
            self._lender = Lender(self.run.living_stack)
        return self._lender.port

    @contextlib.contextmanager
    def scenario(
        self,
        ident: str,
        variant: str | None,
        test: str,
        *,
        speed: int = 1,
        rabbitmq: str | None = None,
        alone: tuple[str, ...] = (),
        cell: Mapping[str, str] = NO_CELL,
        sources: Sequence[Path] = (),
    ) -> Iterator[Recording]:
        """Give one scenario its sandbox, and write its entry when it is over, however it ends.

        Time passes as fast as it allows by `speed`, capped by what this run wants; brokers named in `alone` are its own. `cell`
        is its place in a matrix; with `sources`, the files it is told in, what it comes to is kept for `known_cell`.
        """
        began = now()
        allowed = self.run.speed_for(speed)
        if not self._ran:
            self._ran = True
            self._write_stack(allowed)
        file, _, function = test.partition("::")
        # As it is to be typed where this run was started, which need not be pytest's root.
        reproduce = f"pytest '{os.path.relpath(self._root / file, self._here)}::{function}' --harness-seed={self._seed}"
        story = Story(ident, variant, test, reproduce, allowed, rabbitmq, checked(alone), cell, speed)
        recording = None
        try:
            with self.run.scenario(story) as told:
                recording = Recording(told, story, self.folder, began)
                yield recording
        except StackLostError:
            self.run.end()  # the next scenario gets brokers that live
            raise
        finally:
            if recording is not None:
                entry = recording.write()
                if sources and entry is not None and entry.passed:
                    services = [service for one in recording.sandbox.instances for service in one.deployed_so_far]
                    self._cells.keep(test, world_of(sources, self.run.stack_at(allowed)), services, entry, self.folder.name)

    def known_cell(self, test: str, sources: Sequence[Path], *, speed: int) -> str:
        """Return what to say where a cell of a matrix need not run, because nothing it is made of has changed since it did.

        Then it has an entry in this run, too. Empty where it has to run.
        """
        stack = self.run.living_stack(self.run.speed_for(speed))
        known = self._cells.known(test, world_of(sources, stack))
        if known is None:
            return ""
        write(self.folder / fingerprint(test.encode()) / ENTRY, known)
        return f"known from run {known.cached}: nothing that {known.id} {known.variant} is made of has changed since"

    def _write_stack(self, speed: int) -> None:
        stack = self.run.stack_at(speed)
        toxiproxy: dict[str, str] = {"kind": stack.toxiproxy_kind, "version": stack.versions["toxiproxy"]}
        made = StackEntry(
            kind=stack.kind,
            speed=speed,
            localstack=stack.versions["localstack"],
            rabbitmq=stack.versions["rabbitmq"],
            toxiproxy=toxiproxy,
        )
        write(self.folder / STACK, made)
        # A version that was not asked yet takes seconds, which scenarios need not wait for.
        self._asking = threading.Thread(target=self._ask_emulator, args=(stack,), name="fidelity", daemon=True)
        self._asking.start()

    def _ask_emulator(self, stack: Stack) -> None:
        try:
            probes = known(stack)
            (self.folder / FIDELITY).write_bytes(msgspec.json.encode(told(probes)))
        except (HarnessError, OSError) as error:
            self.run.progress(f"stack: what the emulator does is not known: {error}")

    def _fidelity(self) -> list[dict[str, object]]:
        file = self.folder / FIDELITY
        return msgspec.json.decode(file.read_bytes(), type=list[dict[str, object]]) if file.exists() else []

    def end(self, *, interrupted: bool, asked: Selection | None) -> RunEntry | None:
        """End what was started; write run.json from what all scenarios left, unless somebody else does (`asked` is None)."""
        if self._asking is not None:
            self._asking.join(ASKED_WITHIN)
        if self._lender is not None:
            self._lender.end()
        self.run.end()
        found = entries(self.folder)
        if asked is None or not found:
            return None
        stack = self.folder / STACK
        made = RunEntry(
            run=self.folder.name,
            started=f"{self._started:%Y-%m-%dT%H:%M:%S}Z",
            seconds=round(now() - self._began, 3),
            argv=self._argv,
            seed=self._seed,
            interrupted=interrupted,
            versions={"harness": version("message-chaos-harness"), "python": platform.python_version()},
            stack=msgspec.json.decode(stack.read_bytes(), type=StackEntry) if stack.exists() else None,
            fidelity=self._fidelity(),
            root=str(asked.root),
            whole=asked.whole,
            matrix=asked.matrix,
            missed=asked.missed,
            matrices=matrices(found),
            scenarios=found,
        )
        write(self.folder / "run.json", made)
        return made

    def summary(self) -> list[str]:
        """Return what the terminal shows at the end: the table, the matrices, half-told incidents, the slowest, where the run is.

        A test that used a sandbox, judged nothing and passed has no line in it; a cell of a matrix has one where it failed.
        """
        every = entries(self.folder)
        found = [one for one in every if one.checks or one.skipped or not one.passed]
        if not found:
            return []
        shown = [one for one in found if not (one.cell and one.passed)]
        blocks = [table(shown) if shown else [], *map(lines, matrices(found)), unpaired(found), _slow(every)]
        return [line for block in blocks if block for line in (*block, "")] + [f"run: {self.folder}"]


def _slow(found: Sequence[Entry]) -> list[str]:
    slow = slowest(found)
    return ["slowest, with what they waited for:", *slow] if slow else []
