"""The life of one message, from stored journals."""

from pathlib import Path

import pytest

from harness.cli import main
from tests.histories import history, over, sent


def harness(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[str, str]:
    """What the command prints; then its exit status and what it complains of."""
    with pytest.raises(SystemExit, match=r"^\d$") as ended:
        main(["story", *map(str, arguments)])
    said = capsys.readouterr()
    return said.out, f"{ended.value.code} {said.err}"


def test_a_scenario_tells_the_message_s_life(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    run = history(tmp_path, sent("a", "b"), "2 delivered q a 1:1", over("q a"))

    told, end = harness(capsys, tmp_path, "a")

    assert told == f"T-01 as fixed\n{run.story('a')}\n"
    assert "delivered from q" in told
    assert end == "0 "


@pytest.mark.parametrize("place", ["", "one"], ids=["the-run", "one-scenario"])
def test_each_scenario_of_a_run_that_knows_it_tells_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str], place: str):
    for name, keys in (("one", "a"), ("two", "ab"), ("three", "b")):
        (tmp_path / name).mkdir()
        history(tmp_path / name, sent(*keys))

    told, _ = harness(capsys, tmp_path / place, "a")

    assert told.count("T-01 as fixed\n") == (1 if place else 2)


def test_a_journal_can_be_named_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    run = history(tmp_path, sent("a"))

    assert harness(capsys, run.path, "a")[0].count("acknowledged") == 1


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        (["placement-11", "placement-12", "z"], "near it are placement-12, placement-11"),
        (["a", "b"], "it knows a, b"),
        ([f"{n:02}" for n in range(12)], "it knows 00, 01, 02, 03, 04, 05, 06, 07, 08, 09 and 2 more"),
        ([], "it knows none at all"),
    ],
    ids=["near", "all", "many", "none"],
)
def test_of_an_unknown_message_the_near_ones_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], keys: list[str], sentence: str
):
    history(tmp_path, *([sent(*keys)] if keys else []), over())

    told, end = harness(capsys, tmp_path, "placement-1X")

    assert told == ""
    assert end == f"3 harness: {tmp_path} knows no message 'placement-1X'; {sentence}\n"


def test_a_folder_without_a_journal_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    _, end = harness(capsys, tmp_path, "a")

    assert end == (
        f"3 harness: {tmp_path} has no journal.jsonl in it, nor has a folder in it; "
        "name a run folder, such as .harness/runs/latest\n"
    )
