"""Many tellings of S2-02, each with an outage that begins after another answer: one process, one stack, a sandbox each."""

import contextlib
import hashlib
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import msgspec

from harness import History, Verdict
from harness.checks import accounted, effected_once, nothing_dead_lettered, recovered
from harness.checks.outcome import outcome
from harness.clock import now
from harness.errors import HarnessError, StackLostError
from harness.run import Run, Story, Told
from harness.stack.choice import Wanted
from tests.incidents import told_in

PLACEMENTS = 50
WORST = ("error", "broken", "unknown", "vacuous", "kept")


class Telling(msgspec.Struct, kw_only=True):
    """One run of S2-02: after how many answers the outage began, what each check said, and where to look."""

    variant: str
    number: int
    after: int
    word: str
    as_told: bool
    checks: dict[str, str]
    problems: list[str]
    drained: str
    seconds: float
    journal: str


class Case(NamedTuple):
    """What is told, how often, and the promises that are judged."""

    variant: str
    times: int
    asked: Callable[[History], Sequence[Verdict]]


def as_fixed(history: History) -> Sequence[Verdict]:
    # What is tried just before the outage ends waits once more for the whole 10 s of the delay, and then its work takes time.
    return accounted(history), nothing_dead_lettered(history), effected_once(history), recovered(history, within=15)


def as_it_was(history: History) -> Sequence[Verdict]:
    return accounted(history), nothing_dead_lettered(history).broken_as("transient_dead_lettered")


def drawn(seed: int, variant: str, number: int) -> int:
    """Return after how many answers this telling's outage begins: 1 to one less than there are placements."""
    digest = hashlib.sha256(f"{seed}/{variant}/{number}".encode()).digest()
    return 1 + int.from_bytes(digest[:8]) % (PLACEMENTS - 1)


class Teller:
    """Tells cases in the sandboxes of one run; `seed` draws when their outages begin."""

    def __init__(self, run: Run, seed: int) -> None:
        self._run = run
        self._seed = seed
        self._world = told_in("test_esr_placements")
        self._lock = threading.Lock()

    def tell(self, case: Case, number: int) -> Telling:
        """Return what became of one telling; an error of the harness is a result like any other."""
        began = now()
        made = Telling(
            variant=case.variant,
            number=number,
            after=drawn(self._seed, case.variant, number),
            word="error",
            as_told=False,
            checks={},
            problems=[],
            drained="",
            seconds=0.0,
            journal="",
        )
        try:
            with contextlib.ExitStack() as open_:
                self._judge(self._sandbox(open_, made), case, made)
        except (HarnessError, StackLostError) as error:
            made.checks["error"] = "error"
            made.problems.append(f"{type(error).__name__}: {error}")
        words = [said.partition(":")[0] for said in made.checks.values()]
        made.word = next(word for word in WORST if word in words)
        made.as_told = not made.problems
        made.seconds = round(now() - began, 2)
        return made

    def _sandbox(self, open_: contextlib.ExitStack, made: Telling) -> Told:
        reproduce = f"python -m tests.stability 20 --seed {self._seed}"
        story = Story("S2-02", made.variant, f"telling[{made.number}]", reproduce)
        with self._lock:  # a run gives out sandboxes one at a time
            return open_.enter_context(self._run.scenario(story))

    def _judge(self, told: Told, case: Case, made: Telling) -> None:
        made.journal = str(told.journal)
        writer = self._world.WRITER[case.variant]
        history = self._world.momentary_outage(told.sandbox, writer, placements=PLACEMENTS, after=made.after)
        for verdict in case.asked(history):
            judged = outcome(verdict)
            made.checks[verdict.check] = f"{verdict.conclusion}: {verdict.label}".rstrip(": ")
            if not judged.passed:
                made.problems.append(f"{verdict.check}: {judged.word}: {judged.problem}")
        made.drained = history.ledger().drained_how or "no"


def tell_all(cases: Sequence[Case], *, seed: int, folder: Path, side_by_side: int, shown: Callable[[str], None]) -> list[Telling]:
    """Return every telling; `side_by_side` of them run at a time, most of which wait for the end of their outage."""
    run = Run(folder, stack=Wanted("native"))  # one that nobody else can end
    try:
        shown(f"stack: {run.stack.kind}; recorder: {run.recorder is not None}")
        teller, found = Teller(run, seed), []
        todo = [(case, number) for case in cases for number in range(1, case.times + 1)]
        with ThreadPoolExecutor(side_by_side, thread_name_prefix="telling") as pool:
            for telling in pool.map(lambda asked: teller.tell(*asked), todo):
                found.append(telling)
                shown(f"{len(found)} of {len(todo)}: {telling.variant}, outage after {telling.after}: {said(telling)}")
        return found
    finally:
        run.end()


def said(telling: Telling) -> str:
    """Return a telling in a few words; all that is wrong, if something is."""
    return f"{telling.word}, {telling.seconds:g} s" if telling.as_told else f"! {telling.word}: {'; '.join(telling.problems)}"
