"""Judging several promises at once, and saying all that is wrong in at most twelve lines. Then checks are tested themselves."""

from collections.abc import Collection, Iterable, Iterator
from itertools import groupby

from harness.checks.canary import blind
from harness.checks.hints import PROMISES, hint
from harness.checks.outcome import Outcome, judged, outcome
from harness.checks.verdict import Verdict, moment
from harness.errors import HarnessError, InconclusiveError, UsageError, Violation
from harness.history import History

LINES = 12
MOST_FAULTS = 2


def require(*verdicts: Verdict) -> None:
    """Judge all, report all; holds where every verdict is what was required: kept, or broken as it was told.

    Raises Violation where a promise is broken (or was not broken as expected), HarnessError where a check did not notice its
    canary, InconclusiveError where a verdict is unknown or vacuous; in this order. UsageError for no verdict at all.
    """
    if not verdicts:
        message = "require() without a verdict judges nothing; write require(accounted(history), ...)"
        raise UsageError(message)
    outcomes = [outcome(verdict) for verdict in verdicts]
    for history in dict.fromkeys(verdict.history for verdict in verdicts):
        history.judged([judged(verdict) for verdict in verdicts if verdict.history is history])
    failed = [(verdict, one) for verdict, one in zip(verdicts, outcomes, strict=True) if not one.passed]
    if any(one.failure == "violation" for _, one in failed):
        raise Violation(_text(failed, "violation"))
    for verdict in verdicts:
        problem = blind(verdict)
        if problem:
            raise HarnessError(problem)
    if failed:
        raise InconclusiveError(_text(failed, "inconclusive"))


def failing(verdicts: Iterable[Verdict]) -> str:
    """Return what a test would say that expected none of these promises to be broken; empty where none is."""
    plain = [Verdict(one.history, one.check, one.arguments, waivers=one.waivers) for one in verdicts]
    failed = [(one, told) for one in plain if not (told := outcome(one)).passed]
    return _text(failed, "violation") if failed else ""


def _text(failed: Iterable[tuple[Verdict, Outcome]], first: str) -> str:
    """Tell the worst in full, every other in a line; then where to look, and how to see it again."""
    ordered = sorted(failed, key=lambda pair: pair[1].failure != first)
    verdict, one = ordered[0]
    lines = [*_full(verdict, one), *(_short(other, its) for other, its in ordered[1:])]
    tail = list(_where(verdict.history))
    return "\n".join([*lines[: LINES - len(tail)], *tail])


def _full(verdict: Verdict, one: Outcome) -> Iterator[str]:
    yield f"{verdict.check}: {one.word}: {one.problem}"
    yield f"  promise: {PROMISES[verdict.check]}"
    if verdict.conclusion != "broken":
        return
    witness = verdict.witnesses[0]
    yield f"  first: {moment(verdict, witness)}"
    yield f"  events: {'; '.join(_events(verdict.history, witness.events))} of message {witness.message} in queue {witness.queue}"
    queue = verdict.history.ledger().world.queues.get(witness.queue)
    yield f"  look at: {hint(verdict.check, verdict.label, None if queue is None else queue.declaration)}"


def _events(history: History, numbers: Collection[int]) -> Iterator[str]:
    """Say of events what they are, both taps' view of one together: numbers alone send a reader to the journal for every word."""
    words = {event.n: ": ".join(filter(None, (event.kind, event.how))) for event in history.events() if event.n in numbers}
    for word, group in groupby(numbers, key=lambda number: words.get(number, "")):
        yield f"{', '.join(map(str, group))} {word}".rstrip()


def _short(verdict: Verdict, one: Outcome) -> str:
    return f"also {verdict.check}: {one.word}: {one.problem}"


def _faults(history: History) -> Iterator[str]:
    """Say what was done to the system, and when: without it "after the outage began" tells neither its kind nor its length."""
    for one in list(history.ledger().world.faults.values())[:MOST_FAULTS]:
        began = "it never began" if one.began is None else f"from {one.began:.2f} s"
        ended = "" if one.began is None else " to the end" if one.ended is None else f" to {one.ended:.2f} s"
        yield f"  fault: {one.code or one}, {began}{ended}"


def _where(history: History) -> Iterator[str]:
    yield from _faults(history)
    drained = history.ledger().drained_how or "no"
    yield f"  journal: {history.path} ({history.ledger().events} events, drained: {drained})"
    if history.truncated:
        yield "  the journal's last line is cut off: the run was interrupted"
    if history.reproduce:
        yield f"  reproduce: {history.reproduce}"
