"""Texts of failures beside the scenarios: what of them is masked, and which of them no run tells."""

from pathlib import Path

import pytest

from harness.report.entries import AskedEntry
from harness.report.texts import differing, masked, rewritten
from tests.report.told import BROKEN, FOLDER, entry, run


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("first: 11: effected 3.25 s later, and 30 s after it", "first: 11: effected <t> s later, and <t> s after it"),
        ("events: 3 attempted; 15, 18 settled: reject of message 11 in queue q", "events: <n, ...> of message 11 in queue q"),
        ("1: tried 417 times in a row at 22.3 a second", "1: tried <n> times in a row at <n> a second"),
        (
            "journal: .harness/runs/x/S1/journal.jsonl (42 events, drained: quiet)",
            "journal: <run>/S1/journal.jsonl (<n> events, drained: quiet)",
        ),
        ("pytest 'test_a.py::test_b[3.1.1]' --harness-seed=7", "pytest 'test_a.py::test_b[<version>]' --harness-seed=<seed>"),
        ("of id:4f1b-22 and sha256:00ff and 12345678-1234-1234-1234-1234567890ab", "of <id> and <id> and <id>"),
        ("refused at 127.0.0.1:41234", "refused at <address>"),
    ],
    ids=["times", "events", "counts", "journal", "seed", "ids", "address"],
)
def test_what_differs_from_run_to_run_is_masked(said: str, kept: str):
    assert masked(said) == kept


def test_a_text_that_no_scenario_of_the_run_is_called_is_told_unless_its_scenario_has_nothing_to_tell(tmp_path: Path):
    texts = tmp_path / "told" / "texts"
    texts.mkdir(parents=True)
    for name in ("S1-as-it-was.txt", "S2-as-it-was.txt"):
        (texts / name).touch()
    missed = (AskedEntry(id="S2", variant="as it was", test="told/test_a.py::test_s2"),)
    told = run(str(tmp_path), entry("S2", "as it was", BROKEN, journal="S2-as-it-was/journal.jsonl", passed=False), missed=missed)
    assert differing(told, tmp_path, FOLDER) == {"told/texts/S1-as-it-was.txt": ["no scenario of this run is called so"]}
    assert rewritten(told, tmp_path, FOLDER) == []
