"""run.json and the table, from literal entries."""

from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.report.entries import ENTRY, entries, read_run, unpaired, write
from harness.report.terminal import table
from tests.report.told import check, entry


def test_a_run_that_is_none_is_named(tmp_path: Path):
    with pytest.raises(HarnessError, match=r"run\.json cannot be read as a run: .*No such file"):
        read_run(tmp_path)
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(HarnessError, match=r"run\.json cannot be read as a run: Object missing required field"):
        read_run(tmp_path)


def test_entries_come_in_the_order_their_scenarios_began(tmp_path: Path):
    for name, started in (("b", 2.0), ("a", 3.0), ("c", 1.0)):
        write(tmp_path / name / ENTRY, entry(name, None, started=started))
    assert [one.id for one in entries(tmp_path)] == ["c", "b", "a"]


def test_an_incident_of_which_one_half_ran_is_said():
    told = [
        entry("S1", "as it was"),
        entry("S1", "as fixed"),
        entry("S2", "as fixed"),
        entry("S3", "baseline"),
        entry("S4", None),
    ]
    assert unpaired(told) == ["S2 ran only 'as fixed': an incident is told twice, as it was (judged broken) and as fixed (kept)"]


def test_what_has_one_id_stands_together_in_the_table():
    told = [entry("S2", "as it was"), entry("S1", "as it was"), entry("S2", "as fixed"), entry("S1", "as fixed")]
    assert [line.split()[:3] for line in table(told)[1:]] == [
        ["S1", "as", "it"], ["S1", "as", "fixed"], ["S2", "as", "it"], ["S2", "as", "fixed"],
    ]  # fmt: skip


def test_the_table_says_what_fails_the_run():
    told = [
        entry("S1", "as it was", check("broken", "stuck", "stuck"), check("kept"), seconds=1.25),
        entry("S1", "as fixed", check("broken", "lost"), passed=False),
        entry("S2", "as it was", check("kept", None, "stuck"), passed=False),
        entry("S3", None, passed=False),
        entry("S4", "baseline", passed=False, skipped="needs java"),
    ]
    assert table(told) == [
        "scenario  variant    check: label              verdict              seconds",
        "S1        as it was  accounted: stuck; 1 kept  broken as told       1.2",
        "S1        as fixed   accounted: lost           broken !             0.0",
        "S2        as it was  1 kept                    kept, told broken !  0.0",
        "S3        -          -                         none !               0.0",
        "S4        baseline   -                         skipped              0.0",
    ]
