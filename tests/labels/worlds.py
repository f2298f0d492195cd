"""One world for each broker in which everything happens at once that a promise can be broken by: one message, one thing."""

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.checks.catalogue import CHECKS
from harness.history import History
from harness.history.causes import CAUSES
from harness.run import Run, Story
from harness.sandbox.sandbox import Sandbox
from harness.services.service import Service
from harness.stack import Stack
from harness.stack.choice import Wanted

PROGRAMS = Path(__file__).parents[2] / "fixtures" / "programs"


def scripted(broker: str, name: str = "scripted") -> Service:
    """Return a consumer that does what its messages say."""
    return Service(name, command=[sys.executable, str(PROGRAMS / f"scripted_{broker}.py")])


@dataclass(frozen=True)
class Case:
    """One message: where it is sent, what its consumer does with it each time, and what is to be found.

    `accounted` and `effected` are the labels it shows, empty where it is kept; `causes` why it was delivered again, each once.
    """

    queue: str
    do: tuple[str, ...]
    accounted: str = ""
    effected: str = ""
    causes: tuple[str, ...] = ()


def bodies(cases: Mapping[str, Case], queue: str) -> Iterable[dict[str, Any]]:
    return [{"id": key, "do": list(case.do)} for key, case in cases.items() if case.queue == queue]


class Found:
    """What the checks found in a history, message by message."""

    def __init__(self, history: History) -> None:
        self.ledger = history.ledger()
        self.labels = {check: self._by_key(check) for check in ("accounted", "effected_once")}
        self.causes: dict[str, dict[str, int]] = {}
        for queue in self.ledger.world.judged():
            for obligation in queue.obligations.values():
                self.causes.setdefault(obligation.key, {}).update(obligation.further or {})

    def _by_key(self, check: str) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for label, one in CHECKS[check].findings(self.ledger, {}).labels.items():
            for key in one.keys:
                found[key] = (*found.get(key, ()), label)
        return found

    def possible(self, check: str) -> set[str]:
        """Return the messages of which it cannot be told whether they show a label."""
        found = CHECKS[check].findings(self.ledger, {}).labels.values()
        return {witness.message for one in found for witness in one.witnesses if witness.message not in one.keys}

    def of(self, key: str) -> tuple[str, str, tuple[str, ...]]:
        """Return the labels of a message, and why it was delivered again."""
        accounted, effected = (" ".join(self.labels[check].get(key, ())) for check in ("accounted", "effected_once"))
        return accounted, effected, tuple(sorted(self.causes.get(key, {}), key=CAUSES.index))


def told(stack: Stack, folder: Path, world: Callable[[Sandbox], None]) -> History:
    """Have a world happen on this stack; return its history, closed."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in stack.environment().items():
            patch.setenv(name, value)
        run = Run(folder, stack=Wanted("external"))
        with run.scenario(Story("labels", "", "tests/labels", "")) as story:
            world(story.sandbox)
            history = story.sandbox.drain()
            history.ledger()
        run.end()
    return history
