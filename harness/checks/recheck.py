"""The checks again on stored journals, without services: what was asked is in the journal too, as `judged` events.

Nothing but the journals of a run folder is read, so an entry has no `seconds`, `skipped` or logs of its own; those of run.json
stand beside it.
"""

from pathlib import Path
from typing import Any

import msgspec

from harness.checks.outcome import Outcome, asked, entry, outcome
from harness.checks.verdict import Verdict
from harness.errors import JournalError
from harness.history import History
from harness.history.journal import Journal
from harness.history.ledger import Ledger

JOURNAL = "journal.jsonl"
WORST = ("broken", "unknown", "vacuous", "kept")


def recheck(folder: Path) -> list[dict[str, Any]]:
    """Return the `scenarios` part of run.json, worked out anew from the journals in a run folder, in the order of their start.

    Raises JournalError where there is no journal, or one is corrupt: with file and line.
    """
    paths = [folder / JOURNAL] if (folder / JOURNAL).is_file() else sorted(folder.glob(f"*/{JOURNAL}"))
    if not paths:
        what = "holds no journal" if folder.is_dir() else "does not exist, seen from here"
        message = f"{folder} {what}: give a run folder (the last line of a run names it) or the folder of one scenario in it"
        raise JournalError(message)
    ordered = sorted(paths, key=lambda path: (Journal(path).header.started, path))
    return [scenario(path, folder) for path in ordered]


def exit_status(scenarios: list[dict[str, Any]]) -> int:
    """Return the exit status that fits: 0 all passed, 1 a promise was broken, 2 a verdict is unknown or vacuous."""
    failures = {one["failure"] for one in scenarios}
    return 1 if "violation" in failures else 2 if "inconclusive" in failures else 0


def scenario(path: Path, folder: Path) -> dict[str, Any]:
    """Return the entry of one journal. Raises JournalError."""
    verdicts = verdicts_of(path)
    outcomes = [outcome(verdict) for verdict in verdicts]
    ledger = verdicts[-1].history.ledger() if verdicts else History(path).ledger()
    return {
        **_header(ledger),
        **summary(verdicts, outcomes),
        "drained": _drained(ledger),
        "bypassed": len(ledger.bypassed),
        "journal": str(path.relative_to(folder)),
        "faults": faults(ledger),
        "services": services(ledger, path.parent.relative_to(folder)),
        "checks": [entry(verdict) for verdict in verdicts],
    }


def verdicts_of(path: Path, *, reproduce: str = "") -> list[Verdict]:
    """Return what was asked of a journal, each question once, to be worked out anew; each phase is a history of its own.

    `reproduce` is how the scenario is run again, for whoever tells of it.
    """
    histories: dict[int | None, History] = {}
    questions: dict[str, Verdict] = {}
    for event in Journal(path).events():
        if event.kind == "judged" and event.data is not None:
            until = event.data.get("until")
            phase = until if isinstance(until, int) else None
            history = histories.setdefault(phase, History(path, until=phase, reproduce=reproduce))
            question = {name: value for name, value in event.data.items() if name != "found"}
            questions.setdefault(msgspec.json.encode(question, order="deterministic").decode(), asked(history, event.data))
    return list(questions.values())


def summary(verdicts: list[Verdict], outcomes: list[Outcome]) -> dict[str, Any]:
    """Return expected, outcome and passed of a scenario: the worst of its verdicts counts; expected broken where one was."""
    failures = [one.failure for one in outcomes]
    worst = next((failure for failure in ("violation", "inconclusive") if failure in failures), "")
    words = [one.word for one in outcomes]
    return {
        "expected": "broken" if any(verdict.expectation is not None for verdict in verdicts) else "kept",
        "outcome": next((word for word in WORST if word in words), "none"),
        "passed": bool(outcomes) and not worst,
        "failure": worst or ("" if outcomes else "inconclusive"),
    }


def _header(ledger: Ledger) -> dict[str, Any]:
    header = ledger.header
    return {"id": header.scenario, "variant": header.variant or None, "test": header.test, "speed": header.speed}


def _drained(ledger: Ledger) -> str:
    return ledger.drained_how if ledger.drained else f"no: {ledger.drained_reason or 'the run ended before its drain'}"


def faults(ledger: Ledger) -> list[dict[str, Any]]:
    """Return every injected fault with its times and bites."""
    return [
        {"fault": one.name, "link": one.link or one.victim, "began": one.began, "ended": one.ended, "bite": one.bites}
        for one in ledger.world.faults.values()
    ]


def services(ledger: Ledger, folder: Path) -> list[dict[str, Any]]:
    """Return every started service: seconds until it was ready, its exit before the close, its log beside the journal."""
    return [
        {
            "name": one.name,
            "ready": None if one.ready is None or not one.started else round(one.ready - one.started[0], 3),
            "exit": one.exits[-1][3] if one.exits else None,
            "log": str(folder / f"{one.name}.log"),
        }
        for one in ledger.world.services.values()
        if one.started
    ]
