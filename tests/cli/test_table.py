"""`harness table`: which run it writes from, what it says, and what it refuses."""

from pathlib import Path

import pytest

from harness.cli import main
from harness.report.entries import RunEntry, write
from harness.report.rows import ran
from tests.report.told import FOLDER, KEPT, entry, run

HEAD = "| scenario | variant | library and version | check: label |\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "told").mkdir()
    (tmp_path / "told" / "README.md").write_text(HEAD)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def kept(folder: Path, name: str, ident: str, test: str = "told/test_a.py::test_it") -> RunEntry:
    made = run(str(folder), entry(ident, "baseline", KEPT, test=test))
    write(folder / ".harness" / "runs" / name / "run.json", made)
    return made


def harness(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["table", *arguments])
    return int(str(ended.value.code))


def test_it_writes_from_the_newest_run_of_that_folder_and_then_has_nothing_to_write(
    folder: Path, capsys: pytest.CaptureFixture[str]
):
    kept(folder, "2026-01-01", "S1")
    newest = kept(folder, "2026-01-02", "S2")
    kept(folder, "2026-01-03", "S3", test="elsewhere/test_a.py::test_it")
    first, second = harness("told"), harness("told")
    assert (first, second) == (0, 0)
    assert capsys.readouterr().out.splitlines() == ["written: told/README.md", "told says what the run says: nothing to write"]
    assert (folder / "told" / "README.md").read_text() == ran(newest.scenarios, FOLDER).text()


def test_a_run_can_be_named(folder: Path):
    named = kept(folder, "2026-01-01", "S1")
    kept(folder, "2026-01-02", "S2")
    assert harness("told", ".harness/runs/2026-01-01") == 0
    assert (folder / "told" / "README.md").read_text() == ran(named.scenarios, FOLDER).text()


def test_where_no_run_has_the_folder_it_is_said(folder: Path, capsys: pytest.CaptureFixture[str]):
    kept(folder, "2026-01-01", "S1", test="elsewhere/test_a.py::test_it")
    assert harness("told") == 3
    said = "there is no run of told below .harness/runs; run pytest told first, or name the run's folder"
    assert capsys.readouterr().err == f"harness: {said}\n"
