"""What a reader is told where a promise is broken, kept as texts beside the scenarios: `texts/<scenario>.txt`.

A text is what an *as it was* scenario would say if it expected nothing to be broken, from a real run. What differs from run
to run is masked: times, counts of events, ids, ports, places, seeds, versions.
"""

import difflib
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from harness.checks.recheck import verdicts_of
from harness.checks.require import failing
from harness.report.entries import Entry, RunEntry

FOLDER = "texts"
MASKS = [
    (re.compile(r"journal: \S*/([^/\s]+/journal\.jsonl) \(\d+ events"), r"journal: <run>/\1 (<n> events"),
    (re.compile(r"--harness-seed=\d+"), "--harness-seed=<seed>"),
    (re.compile(r"\bid:[\w-]+|\bsha256:\w+|\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "<id>"),
    (re.compile(r"\bevents: \d[^\n]* of message"), "events: <n, ...> of message"),
    (re.compile(r"\b127\.0\.0\.1:\d+"), "<address>"),
    (re.compile(r"\b\d+(\.\d+)? (s|ms)\b"), r"<t> \2"),
    (re.compile(r"\b\d+ times\b"), "<n> times"),
    (re.compile(r"\b\d+(\.\d+)? a second\b"), "<n> a second"),
    (re.compile(r"\b\d+\.\d+\.\d+\b"), "<version>"),
]


def masked(text: str) -> str:
    """Return a text with what differs from run to run masked."""
    for pattern, mask in MASKS:
        text = pattern.sub(mask, text)
    return text


def differing(run: RunEntry, run_folder: Path, folder: PurePosixPath) -> dict[str, list[str]]:
    """Return how the texts of a folder differ from what this run would say, by file."""
    found: dict[str, list[str]] = {}
    for path, said in _said(run, run_folder, folder):
        stands = path.read_text(encoding="utf-8")
        if said is not None and stands != said:
            lines = difflib.unified_diff(stands.splitlines(), said.splitlines(), "stands there", "this run", lineterm="", n=0)
            found[str(folder / FOLDER / path.name)] = ["\n".join(lines)]
        elif said is None and not any(one.id in path.stem for one in run.missed):
            found[str(folder / FOLDER / path.name)] = ["no scenario of this run is called so"]
    return found


def rewritten(run: RunEntry, run_folder: Path, folder: PurePosixPath) -> list[Path]:
    """Write the texts of a folder anew, where this run would say something else; return those that changed."""
    changed = []
    for path, said in _said(run, run_folder, folder):
        if said is not None and path.read_text(encoding="utf-8") != said:
            path.write_text(said, encoding="utf-8")
            changed.append(path)
    return changed


def _said(run: RunEntry, run_folder: Path, folder: PurePosixPath) -> Iterator[tuple[Path, str | None]]:
    """Yield each text's file with what this run would say; None where it did not tell that scenario."""
    told = {Path(one.journal).parent.name: one for one in run.scenarios if one.passed and one.journal}
    for path in sorted((Path(run.root) / folder / FOLDER).glob("*.txt")):
        entry = told.get(path.stem)
        yield path, None if entry is None else f"{_text(run, run_folder, entry)}\n"


def _text(run: RunEntry, run_folder: Path, entry: Entry) -> str:
    reproduce = f"pytest '{entry.test}' --harness-seed={run.seed}"
    return masked(failing(verdicts_of(run_folder / entry.journal, reproduce=reproduce)))
