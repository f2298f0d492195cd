"""From a running scenario to its entry in run.json: what was injected, started, judged, and whether the test kept the rules."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from harness.clock import now, utc
from harness.errors import HarnessError, UsageError
from harness.history.journal import Journal
from harness.report.entries import ENTRY, CheckEntry, Entry, FaultEntry, ServiceEntry, write
from harness.run import Story, Told
from harness.sandbox.sandbox import Sandbox
from harness.services.libraries import said as libraries_of

WORST = ("broken", "unknown", "vacuous", "kept")


class Recording:
    """One scenario while it runs; `entry` is what becomes of it in run.json."""

    def __init__(self, told: Told, story: Story, run: Path, began: float) -> None:
        self.sandbox: Sandbox = told.sandbox
        self._run = run
        self._folder = told.folder
        self._journal = told.journal
        self._story = story
        self._judged: list[Mapping[str, object]] = []
        self._began, self._started = began, utc().timestamp()
        self.sandbox.spent.add("stack", now() - began)
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

    def write(self) -> Entry | None:
        """Write the entry, once the sandbox has ended, and return it. What cannot be written is told once.

        So not after the test has failed: then there is no entry.
        """
        try:
            entry = self._entry()
            write(self._folder / ENTRY, entry)
        except HarnessError:
            if not self._errors:
                raise
            return None
        return entry

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
            journal=str(self._journal.relative_to(self._run)),
            faults=self._faults(),
            services=self._services(),
            checks=checks,
            started=self._started,
            cell=dict(self._story.cell),
            spent={what: round(seconds, 3) for what, seconds in self.sandbox.spent.seconds.items()},
            waited=self.sandbox.spent.reason,
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
                libraries=[said for each in one.deployed_so_far if (said := libraries_of(each))],
                ready=None if one.ready_after is None else round(one.ready_after, 3),
                exit=one.exit_of_its_own,
                log=str(one.log.relative_to(self._run)),
            )
            for one in self.sandbox.instances
        ]


def _check(data: Mapping[str, object]) -> CheckEntry:
    return msgspec.convert(data["found"], CheckEntry)


def _worst(checks: Sequence[CheckEntry]) -> str:
    return next((word for word in WORST if any(one.conclusion == word for one in checks)), "none")
