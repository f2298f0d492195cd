"""What a verdict means for a test: passed or not, and why; and the plain data of it for journals and run.json."""

from dataclasses import dataclass
from typing import Any, Literal

from harness.checks.conclusion import Waiver, matches
from harness.checks.verdict import Expectation, Verdict
from harness.history import History
from harness.history.events import Event

Failure = Literal["", "violation", "inconclusive"]


@dataclass(frozen=True)
class Outcome:
    """Whether the verdict is what was required. `word` is what it came to; `problem` says what is wrong where it failed."""

    word: str
    failure: Failure = ""
    problem: str = ""

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not self.failure


def outcome(verdict: Verdict) -> Outcome:
    """Compare a verdict with what is expected of it: without `broken_as` it has to be kept."""
    word, reason = verdict.conclusion, verdict.concluded.reason
    if word in {"unknown", "vacuous"}:
        return Outcome(word, "inconclusive", reason)
    expected = verdict.expectation
    if expected is None:
        return Outcome(word) if word == "kept" else Outcome(word, "violation", reason)
    if word == "kept":
        return Outcome(word, "violation", f"expected to be broken as {expected.label}, but it was kept: {reason}")
    problem = _other_labels(verdict, expected) or _other_keys(verdict, expected) or _before_the_fault(verdict)
    return Outcome(word, "violation" if problem else "", problem)


def _other_labels(verdict: Verdict, expected: Expectation) -> str:
    others = [label for label in verdict.labels if not matches(expected.label, label)]
    return f"expected {expected.label}, found {', '.join(others)}: {verdict.concluded.reason}" if others else ""


def _other_keys(verdict: Verdict, expected: Expectation) -> str:
    if expected.only is None:
        return ""
    keys = frozenset(key for label in verdict.labels for key in verdict.findings.labels[label].keys)
    more, missing = sorted(keys - expected.only), sorted(expected.only - keys)
    if not (more or missing):
        return ""
    said = [f"{name} {', '.join(which[:5])}" for name, which in (("also", more), ("not", missing)) if which]
    return f"{expected.label} was expected on exactly {len(expected.only)} message(s), but {' and '.join(said)}"


def _before_the_fault(verdict: Verdict) -> str:
    """Say what broke before any fault began: it was not broken by one. Without a fault there is no such condition."""
    began = [one.began_n for one in verdict.history.ledger().world.faults.values() if one.began is not None]
    early = [label for label in verdict.labels if began and verdict.findings.labels[label].first_n < min(began)]
    return f"{early[0]} showed before the first fault began, so it was not the fault" if early else ""


def judged(verdict: Verdict) -> Event:
    """Return the `judged` event of a verdict: what was asked, what was expected, what was found. Enough for `recheck`."""
    expected = verdict.expectation
    data: dict[str, Any] = {
        "check": verdict.check,
        "arguments": verdict.arguments,
        "expectation": None
        if expected is None
        else {"label": expected.label, "only": None if expected.only is None else sorted(expected.only)},
        "waivers": [{"label": one.label, "because": one.because, "at_most": one.at_most} for one in verdict.waivers],
        "until": verdict.history.until,
        "found": entry(verdict),
    }
    return Event(kind="judged", n=verdict.history.ledger().last_n, t=verdict.history.ledger().t, data=data)


def asked(history: History, data: dict[str, Any]) -> Verdict:
    """Return the verdict that a `judged` event was written for, to be worked out anew."""
    expected = data.get("expectation")
    expectation = None if expected is None else Expectation(expected["label"], _keys(expected.get("only")))
    waivers = tuple(Waiver(one["label"], one["because"], one.get("at_most")) for one in data.get("waivers", ()))
    return Verdict(history, data["check"], data.get("arguments"), expectation=expectation, waivers=waivers)


def _keys(only: list[str] | None) -> frozenset[str] | None:
    return None if only is None else frozenset(only)


def entry(verdict: Verdict) -> dict[str, Any]:
    """Return the verdict as it stands in run.json."""
    return {
        "check": verdict.check,
        "conclusion": verdict.conclusion,
        "label": verdict.label or None,
        "definite": verdict.definite,
        "possible": verdict.possible,
        "premises": verdict.premises,
        "sentence": verdict.sentence,
        "expected": None if verdict.expectation is None else verdict.expectation.label,
        "waived": {one.label: one.because for one in verdict.waivers},
        "witnesses": [{"message": one.message, "events": list(one.events)} for one in verdict.witnesses],
    }
