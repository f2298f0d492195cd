"""From a running scenario to its entry in run.json: what was injected, started, judged, and whether the test kept the rules."""

import contextlib
import os
import platform
import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import msgspec

from harness.clock import now, utc
from harness.errors import HarnessError, StackLostError, UsageError
from harness.history.journal import Journal
from harness.report.entries import (
    ENTRY,
    CheckEntry,
    Entry,
    FaultEntry,
    RunEntry,
    ServiceEntry,
    StackEntry,
    entries,
    unpaired,
    write,
)
from harness.report.terminal import table
from harness.run import Run, Story, Told, new_folder, to_stderr
from harness.sandbox.sandbox import Sandbox
from harness.stack.cache import Progress
from harness.stack.choice import Wanted
from harness.stack.fidelity import known, told
from harness.stack.lending import Lender
from harness.stack.model import Stack
from harness.stack.own import checked

STACK, FIDELITY = "stack.json", "fidelity.json"
ASKED_WITHIN = 60.0
"""Seconds at the end of a run for what the emulator was asked at its beginning; it takes five."""
WORST = ("broken", "unknown", "vacuous", "kept")


class Recording:
    """One scenario while it runs; `entry` is what becomes of it in run.json."""

    def __init__(self, session: "Session", told: Told, story: Story) -> None:
        self.sandbox: Sandbox = told.sandbox
        self._session = session
        self._folder = told.folder
        self._journal = told.journal
        self._story = story
        self._judged: list[Mapping[str, object]] = []
        self._began, self._started = now(), utc().timestamp()
        self._phases: dict[str, str] = {}
        self._errors: list[str] = []

    # ------------------------------------------------------------------ the rules of a variant

    def hold_to_the_rules(self) -> None:
        """Hold that something was judged, and that *as it was* and *as fixed* say what they mean. Raises UsageError."""
        self._read_judged()
        expected = [one["expectation"] for one in self._judged]
        labels = [str(one["label"]) for one in expected if isinstance(one, Mapping)]
        name, variant = self._story.test, self._story.variant
        problem = ""
        if not self._judged:
            problem = f"{name} required nothing: end it with require(check(history), ...)"
        elif variant == "as it was" and not labels:
            problem = (
                f"{name} is told as it was, so one verdict has to be .broken_as(label): which promise did the incident break?"
            )
        elif variant == "as fixed" and labels:
            problem = f"{name} is told as fixed, so no verdict may be broken: take away broken_as({labels[0]!r})"
        if problem:
            raise UsageError(problem)

    def _read_judged(self) -> None:
        if not self._judged and self._journal.exists():
            self._judged = [event.data or {} for event in Journal(self._journal).events() if event.kind == "judged"]

    # ------------------------------------------------------------------ the entry

    def phase(self, when: str, outcome: str, text: str | None) -> None:
        """Take note of how setup, call or teardown of the test went."""
        self._phases[when] = outcome
        if text is not None:
            self._errors.append(text)

    def write(self) -> None:
        """Write the entry, once the sandbox has ended. What cannot be written is told once: not after the test has failed."""
        try:
            write(self._folder / ENTRY, self._entry())
        except HarnessError:
            if not self._errors:
                raise

    def _entry(self) -> Entry:
        ended = self.sandbox.end()
        self._read_judged()
        checks = [_check(one) for one in self._judged]
        skipped = self._phases.get("call") == "skipped"
        outcome = ended.outcome
        return Entry(
            id=self._story.ident,
            variant=self._story.variant,
            test=self._story.test,
            expected="broken" if any(one.expected for one in checks) else "kept",
            outcome=_worst(checks),
            speed=self._story.speed,
            passed=self._phases.get("call") == "passed",
            drained="" if outcome is None else outcome.how if outcome.how != "no" else f"no: {outcome.reason}",
            bypassed=ended.bypassed,
            seconds=round(now() - self._began, 3),
            skipped=self._errors[0] if skipped and self._errors else None,
            error="\n".join(self._errors) or None if not skipped else None,
            journal=str(self._journal.relative_to(self._session.folder)),
            faults=self._faults(),
            services=self._services(),
            checks=checks,
            started=self._started,
        )

    def _faults(self) -> list[FaultEntry]:
        if not self._journal.exists():
            return []
        intervals = self.sandbox.history.ledger().world.faults.values()
        return [
            FaultEntry(fault=one.name, link=one.link or one.victim, began=one.began, ended=one.ended, bite=one.bites)
            for one in intervals
        ]

    def _services(self) -> list[ServiceEntry]:
        return [
            ServiceEntry(
                name=one.thing_name,
                service=one.service.name,
                libraries=one.libraries,
                ready=None if one.ready_after is None else round(one.ready_after, 3),
                exit=one.exit_of_its_own,
                log=str(one.log.relative_to(self._session.folder)),
            )
            for one in self.sandbox.instances
        ]


def _check(data: Mapping[str, object]) -> CheckEntry:
    return msgspec.convert(data["found"], CheckEntry)


def _worst(checks: Sequence[CheckEntry]) -> str:
    return next((word for word in WORST if any(one.conclusion == word for one in checks)), "none")


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
    ) -> Iterator[Recording]:
        """Give one scenario its sandbox, and write its entry when it is over, however it ends.

        Time passes as fast as it allows by `speed`, capped by what this run wants; brokers named in `alone` are its own.
        """
        allowed = self.run.speed_for(speed)
        if not self._ran:
            self._ran = True
            self._write_stack(allowed)
        file, _, function = test.partition("::")
        # As it is to be typed where this run was started, which need not be pytest's root.
        reproduce = f"pytest '{os.path.relpath(self._root / file, self._here)}::{function}' --harness-seed={self._seed}"
        story = Story(ident, variant, test, reproduce, allowed, rabbitmq, checked(alone))
        recording = None
        try:
            with self.run.scenario(story) as told:
                recording = Recording(self, told, story)
                yield recording
        except StackLostError:
            self.run.end()  # the next scenario gets brokers that live
            raise
        finally:
            if recording is not None:
                recording.write()

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

    def end(self, *, interrupted: bool, whole: bool) -> None:
        """End what was started; with `whole` also write run.json from what all scenarios left."""
        if self._asking is not None:
            self._asking.join(ASKED_WITHIN)
        if self._lender is not None:
            self._lender.end()
        self.run.end()
        found = entries(self.folder)
        if not whole or not found:
            return
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
            scenarios=found,
        )
        write(self.folder / "run.json", made)

    def summary(self) -> list[str]:
        """Return what the terminal shows at the end: the table, half-told incidents, where the run is.

        A test that used a sandbox, judged nothing and passed has no line in it.
        """
        found = [one for one in entries(self.folder) if one.checks or one.skipped or not one.passed]
        if not found:
            return []
        return [*table(found), "", *unpaired(found), f"run: {self.folder}"]
