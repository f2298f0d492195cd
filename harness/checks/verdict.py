"""A verdict as a value: which promise, on which history, and what is expected of it. It is worked out when it is first asked."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

from harness.checks.catalogue import CHECKS, Check
from harness.checks.conclusion import Conclusion, Waiver, Word, conclude, matches
from harness.checks.findings import Findings, Witness
from harness.errors import UsageError
from harness.history import History
from harness.history.intervals import Interval


@dataclass(frozen=True)
class Expectation:
    """*Must be* broken as `label`; on exactly the messages `only`, where it is given."""

    label: str
    only: frozenset[str] | None = None


class Verdict:
    """One promise judged on one history. `broken_as` and `waived` return another verdict; a verdict itself never changes."""

    def __init__(
        self,
        history: History,
        check: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        expectation: Expectation | None = None,
        waivers: tuple[Waiver, ...] = (),
    ) -> None:
        self.history = history
        self.check = check
        self.arguments = dict(arguments or {})
        self.expectation = expectation
        self.waivers = waivers

    def broken_as(self, label: str | None, *, only: Iterable[str] | None = None) -> "Verdict":
        """Return the verdict that passes only if this promise is broken as `label`, on exactly the keys `only` if given.

        "duplicated" stands for all its causes; None returns the verdict unchanged. Raises UsageError for an unknown label.
        """
        if label is None:
            return self
        self._known(label)
        expectation = Expectation(label, None if only is None else frozenset(map(str, only)))
        return Verdict(self.history, self.check, self.arguments, expectation=expectation, waivers=self.waivers)

    def waived(self, label: str, *, because: str, at_most: int | None = None) -> "Verdict":
        """Return the verdict that is kept although up to `at_most` messages are broken as `label`; the reason is printed.

        Raises UsageError for an unknown label or without a reason.
        """
        self._known(label)
        if not because:
            message = f"{self.check}(history).waived({label!r}, because=...) needs its reason: it stands in every report"
            raise UsageError(message)
        waivers = (*self.waivers, Waiver(label, because, at_most))
        return Verdict(self.history, self.check, self.arguments, expectation=self.expectation, waivers=waivers)

    def _known(self, label: str) -> None:
        labels = self._check.labels
        if not any(matches(label, one) for one in labels):
            message = f"{self.check} cannot be broken as {label!r}; its labels are: {', '.join(labels)}"
            raise UsageError(message)

    def __repr__(self) -> str:
        arguments = "".join(f", {name}={value!r}" for name, value in self.arguments.items())
        return f"{self.check}({self.history!r}{arguments})"

    # ------------------------------------------------------------------ what it amounts to; raises JournalError

    @property
    def _check(self) -> Check:
        return CHECKS[self.check]

    @cached_property
    def findings(self) -> Findings:
        """Everything the check found, label by label."""
        key = (self.check, repr(sorted(self.arguments.items())))
        return self._once(key, lambda: self._check.findings(self.history.ledger(), self.arguments))

    def _once(self, key: object, work: Callable[[], Findings]) -> Findings:
        if key not in self.history.memo:
            self.history.memo[key] = work()
        return cast("Findings", self.history.memo[key])

    @cached_property
    def concluded(self) -> Conclusion:
        """The word, its reason, and the labels broken for sure."""
        found = conclude(self.history.ledger(), self._check, self.findings, self.waivers)
        expected = self.expectation
        if expected is None or found.word != "kept" or self.premises_of(expected.label):
            return found
        reason = f"no message met what {expected.label} needs, so it could not have shown"
        return Conclusion("vacuous", reason, waived=found.waived)

    @property
    def conclusion(self) -> Word:
        """kept, broken, unknown or vacuous."""
        return self.concluded.word

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels broken for sure, most cases first; waived ones are not among them."""
        return self.concluded.labels

    @property
    def label(self) -> str:
        """The first of the labels; empty where there is none."""
        return self.labels[0] if self.labels else ""

    @property
    def definite(self) -> int:
        """How many cases must have happened."""
        return self.findings.definite

    @property
    def possible(self) -> int:
        """How many cases may have happened, the definite ones included."""
        return self.findings.possible

    @property
    def premises(self) -> int:
        """How often the promise was put to the test."""
        return self.findings.premises

    def premises_of(self, label: str) -> int:
        """Return in how many cases this label could have shown."""
        return sum(count for one, count in self.findings.grounds.items() if matches(label, one))

    @property
    def sentence(self) -> str:
        """The verdict in one sentence."""
        parts = [f"{self.check}: {self.conclusion}: {self.concluded.reason}"]
        if self.witnesses and self.conclusion == "broken":
            parts.append(f"first {moment(self, self.witnesses[0])}")
        for waiver in self.waivers:
            used = any(matches(waiver.label, one) for one in self.concluded.waived)
            parts.append(
                f"waived: {waiver.label}, because {waiver.because}" if used else f"the waiver of {waiver.label} was not used"
            )
        return "; ".join(parts)

    @property
    def witnesses(self) -> tuple[Witness, ...]:
        """Messages that show the labels, at most 32 a label."""
        return tuple(one for label in self.labels for one in self.findings.labels[label].witnesses)


def moment(verdict: Verdict, witness: Witness) -> str:
    """Say what happened to a witness, and when, as seen from the fault."""
    return f"{witness.message}: {witness.said} ({relative(verdict, witness.t)})"


def relative(verdict: Verdict, t: float) -> str:
    """Say when something was: from the beginning or end of the last fault before it, else on the sandbox's clock."""
    before = [one for one in verdict.history.ledger().world.faults.values() if one.began is not None and one.began <= t]
    if not before:
        return f"at {t:.2f} s, before any fault" if verdict.history.ledger().world.faults else f"at {t:.2f} s"
    last = max(before, key=_edge)
    if last.ended is not None and last.ended <= t:
        return f"{t - last.ended:.2f} s after {last} ended"
    return f"{t - (last.began or 0.0):.2f} s after {last} began"


def _edge(interval: Interval) -> float:
    return interval.began or 0.0
