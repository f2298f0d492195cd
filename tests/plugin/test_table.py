"""A folder whose README.md has a table of its scenarios: run whole, it is held equal to what ran."""

import re
from pathlib import Path

import pytest

from harness.report.held import write_anew
from tests.plugin.driven import HEAD, Done, pytest_on

TABLE = "| scenario | variant | library and version | check: label |\n"
WAS = "| [T-1](test_told.py) | as it was | - | effected_once: not_effected |"
FIXED = "| [T-1](test_told.py) | as fixed | - | nothing_dead_lettered: kept |"
TEXT = (
    HEAD
    + """
@scenario("T-1", "as it was")
def test_was(sandbox):
    require(effected_once(two_jobs(sandbox)).broken_as("not_effected"))

@scenario("T-1", "as fixed")
def test_fixed(sandbox):
    require(nothing_dead_lettered(two_jobs(sandbox)))

@scenario("T-2", variant="baseline")
def test_skipped(sandbox):
    pytest.skip("for no reason")
"""
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose table and one text were only begun."""
    folder = tmp_path_factory.mktemp("held")
    (folder / "README.md").write_text(f"# Incidents\n\n{TABLE}")
    (folder / "texts").mkdir()
    (folder / "texts" / "T-1-as-it-was.txt").touch()
    return folder


@pytest.fixture(scope="module")
def begun(folder: Path, addresses: dict[str, str]) -> Done:
    """What a first run says; then table and text were written from it."""
    done = pytest_on(folder, TEXT, more=addresses)
    changed = write_anew(done.run(), done.runs / "latest", folder)
    assert [path.name for path in changed] == ["README.md", "T-1-as-it-was.txt"]
    return done


def test_what_has_no_row_is_an_error_that_prints_the_row(begun: Done):
    text = begun.failure("README.md")
    assert begun.status == 1
    assert "2 passed, 1 skipped, 2 errors" in begun.printed
    assert f"T-1 as it was in test_told.py ran and has no row; put there\n{WAS}" in text
    assert f"T-1 as fixed in test_told.py ran and has no row; put there\n{FIXED}" in text
    assert text.endswith("Have it written anew: harness table .")


def test_a_text_that_says_something_else_is_an_error_that_prints_what_differs(begun: Done):
    text = begun.failure("texts/T-1-as-it-was.txt")
    assert "+effected_once: broken: 2 of 2 messages: not_effected" in text
    assert text.endswith("Have it written anew: harness table .")


def test_what_was_written_is_what_a_reader_sees_with_all_that_differs_from_run_to_run_masked(folder: Path, begun: Done):
    text = (folder / "texts" / "T-1-as-it-was.txt").read_text()
    assert begun.run().whole == ["."]
    assert len(text.splitlines()) <= 12
    assert text.startswith("effected_once: broken: 2 of 2 messages: not_effected\n  promise: every message has its effect once\n")
    assert re.search(r"\n  journal: <run>/T-1-as-it-was/journal\.jsonl \(<n> events, drained: quiet\)\n", text)
    assert text.endswith("  reproduce: pytest 'test_told.py::test_was' --harness-seed=<seed>\n")


def test_a_folder_that_says_what_runs_passes_also_with_workers(folder: Path, begun: Done, addresses: dict[str, str]):
    done = pytest_on(folder, TEXT, "-n", "2", more=addresses)
    assert begun.status == 1
    assert done.status == 0, done.printed
    assert [one.id for one in done.run().missed] == ["T-2"]


def test_a_row_that_differs_or_never_ran_is_an_error_also_with_workers(
    folder: Path, begun: Done, addresses: dict[str, str], tmp_path: Path
):
    text = (folder / "README.md").read_text()
    gone = "| [T-2](test_told.py) | baseline | - | accounted: kept |\n| [T-3](test_told.py) | - | - | accounted: kept |\n"
    (tmp_path / "README.md").write_text(text.replace("not_effected", "duplicated") + gone)
    done = pytest_on(tmp_path, TEXT, "-n", "2", more=addresses)
    told = done.failure("README.md")
    assert begun.status == done.status == 1
    assert f"put there\n{WAS}" in told
    assert "T-3 - in test_told.py never ran; take away\n| [T-3](test_told.py) | - | - | accounted: kept |" in told
    assert "T-2" not in told


@pytest.mark.parametrize("chosen", [("-k", "fixed"), ("test_told.py",)], ids=["-k", "file"])
def test_a_selection_is_held_to_nothing(addresses: dict[str, str], tmp_path: Path, chosen: tuple[str, ...]):
    (tmp_path / "README.md").write_text(f"{TABLE}|---|---|---|---|\n")
    done = pytest_on(tmp_path, TEXT, *chosen, more=addresses)
    assert done.status == 0, done.printed
    assert done.run().whole == (["test_told.py"] if chosen == ("test_told.py",) else [])
