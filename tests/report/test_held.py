"""Holding a folder's table equal to a run, and writing it anew: each difference names its row and what to put there."""

from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.report.entries import AskedEntry, Entry, RunEntry
from harness.report.held import problems, write_anew
from harness.report.rows import ran, read
from tests.report.told import BROKEN, FOLDER, KEPT, cell, entry, run, service

HEAD = "# Incidents\n\n| scenario | variant | library and version | check: label |\n"


def told(ident: str, variant: str, *checks, library: str = "pika 1", file: str = "test_a.py", passed: bool = True) -> Entry:
    services = [service("writer", library)]
    return entry(ident, variant, *checks, test=f"told/{file}::test_{ident}", services=services, passed=passed)


MEND = "Have it written anew: harness table told"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "told").mkdir()
    return tmp_path


def stands(root: Path, *entries: Entry) -> None:
    (root / "told" / "README.md").write_text(f"# Incidents\n\n{ran(entries, FOLDER).text()}")


def said(ran: RunEntry) -> list[str]:
    *found, mend = problems(ran, Path("run")).get("told/README.md", [MEND])
    assert mend == MEND
    return found


def row(variant: str, checks: str, library: str = "pika 1") -> str:
    return f"| [S1](test_a.py) | {variant} | writer: {library} | {checks} |"


WAS, FIXED = told("S1", "as it was", BROKEN), told("S1", "as fixed", KEPT)


def test_a_table_that_says_what_ran_has_no_problem(root: Path):
    stands(root, WAS, FIXED)
    assert said(run(str(root), FIXED, WAS)) == []


def test_what_ran_and_has_no_row_is_named_with_the_row(root: Path):
    stands(root, WAS)
    assert said(run(str(root), WAS, FIXED)) == [
        f"S1 as fixed in test_a.py ran and has no row; put there\n{row('as fixed', 'effected_once: kept')}"
    ]


def test_what_never_ran_is_named_with_the_row(root: Path):
    stands(root, WAS, FIXED)
    assert said(run(str(root), WAS)) == [
        f"S1 as fixed in test_a.py never ran; take away\n{row('as fixed', 'effected_once: kept')}"
    ]


def test_what_differs_is_named_with_both_rows(root: Path):
    stands(root, WAS, told("S1", "as it was", BROKEN, library="kombu 5"), FIXED)
    lines = [row("as it was", "accounted: stuck", "kombu 5"), "put there", row("as it was", "effected_once: kept")]
    assert said(run(str(root), WAS, told("S1", "as it was", KEPT), FIXED)) == [
        "\n".join(["S1 as it was in test_a.py differs; instead of", *lines])
    ]


def test_of_a_scenario_that_failed_or_was_skipped_nothing_is_called_wrong_but_what_is_new_is(root: Path):
    stands(root, WAS, FIXED)
    missed = (AskedEntry(id="S1", variant="as fixed", test="told/test_a.py::test_S1[x]"),)
    assert said(run(str(root), WAS, missed=missed)) == []
    assert len(said(run(str(root), WAS, told("S1", "as fixed", BROKEN), missed=missed))) == 1
    elsewhere = (AskedEntry(id="S1", variant=None, test="other/test_a.py::test_S1"),)
    assert len(said(run(str(root), WAS, missed=elsewhere))) == 1


def test_only_a_folder_that_was_run_whole_is_held(root: Path):
    stands(root)
    assert said(run(str(root), WAS, whole=())) == said(run(str(root), WAS, whole=("told/test_a.py",))) == []
    assert len(said(run(str(root), WAS, whole=(".",)))) == 1


def test_a_folder_without_a_table_is_not_held(root: Path):
    assert said(run(str(root), WAS)) == []
    (root / "told" / "README.md").write_text("# Incidents\n")
    assert said(run(str(root), WAS)) == []


def test_a_cell_that_differs_is_named_and_one_that_never_ran_where_the_whole_matrix_was_asked_for(root: Path):
    stands(root, cell("1", "1", KEPT), cell("1", "2", KEPT))
    changed = run(str(root), cell("1", "1", BROKEN))
    whole = run(str(root), cell("1", "1", KEPT), cell("2", "1", KEPT), matrix="whole")
    missed = run(
        str(root),
        cell("1", "1", KEPT),
        matrix="whole",
        missed=(AskedEntry(id="S1-05", variant=None, test="told/test_pairs.py::t"),),
    )
    assert said(changed)[-1] == "S1-05 1 x 1 in test_pairs.py differs; instead of kept put into its matrix: stuck"
    assert said(whole) == [
        "S1-05 2 x 1 in test_pairs.py differs; instead of . put into its matrix: kept",
        "S1-05 1 x 2 in test_pairs.py never ran; instead of kept put into its matrix: .",
    ]
    assert said(missed) == []


def written(root: Path, ran: RunEntry) -> str:
    assert write_anew(ran, Path("run"), root / "told") == [root / "told" / "README.md"]
    return (root / "told" / "README.md").read_text()


def test_a_table_that_was_only_begun_is_written_from_what_ran(root: Path):
    (root / "told" / "README.md").write_text(HEAD)
    ran_now = run(str(root), WAS, FIXED, cell("1", "1", KEPT))
    text = written(root, ran_now)
    assert text.startswith(HEAD)
    assert said(ran_now) == []
    assert write_anew(ran_now, Path("run"), root / "told") == []


def test_of_a_file_that_was_run_whole_the_rows_are_those_that_ran_and_others_stay(root: Path):
    other = told("S2", "as it was", BROKEN, file="test_b.py")
    stands(root, WAS, FIXED, other, cell("1", "1", KEPT))
    table = read(written(root, run(str(root), told("S1", "as it was", KEPT), whole=("told/test_a.py",))))
    assert table is not None
    assert [(one.key.ident, one.checks) for one in table.rows] == [
        ("S1", "effected_once: kept"),
        ("S1-05", "effected_once: as below"),
        ("S2", "accounted: stuck"),
    ]
    assert len(table.cells) == 1


def test_of_a_file_of_which_a_part_ran_rows_are_added(root: Path):
    stands(root, WAS)
    text = written(root, run(str(root), FIXED, whole=()))
    assert (row("as it was", "accounted: stuck") in text, row("as fixed", "effected_once: kept") in text) == (True, True)


def test_cells_that_were_not_told_stay_until_the_whole_matrix_was(root: Path):
    stands(root, WAS, cell("1", "1", KEPT), cell("1", "2", KEPT))
    assert "| 1 | stuck | kept |" in written(root, run(str(root), WAS, cell("1", "1", BROKEN)))
    assert "| 1 | stuck |\n" in written(root, run(str(root), WAS, cell("1", "1", BROKEN), matrix="whole"))


def test_a_matrix_that_is_told_no_more_goes(root: Path):
    stands(root, WAS, cell("1", "1", KEPT))
    assert "###" not in written(root, run(str(root), WAS))


def test_a_folder_without_a_table_and_a_run_without_the_folder_are_refused(root: Path):
    with pytest.raises(
        UsageError, match=r"told/README\.md has no table of scenarios; begin one there with the line \| scenario "
    ):
        write_anew(run(str(root), WAS), Path("run"), root / "told")
    stands(root, WAS)
    failed = told("S1", "as it was", BROKEN, passed=False)
    with pytest.raises(
        UsageError, match=r"^the run run has no scenario below .*told that came out as it should; run pytest .*told first$"
    ):
        write_anew(run(str(root), failed), Path("run"), root / "told")
    with pytest.raises(UsageError, match=r"has no scenario below"):
        write_anew(run(f"{root}/deeper", WAS), Path("run"), root / "told")
