"""A scenario that is told for every pair: which cells run, which are known, and what is said of them."""

from pathlib import Path
from uuid import uuid4

import pytest

from tests.plugin.driven import HEAD, Done, pytest_on

TEXT = (
    HEAD
    + """
AGREED = {("2", "2"): "not_effected"}

@scenario("T-1", always=[("1", "1"), ("2", "2")])
@pytest.mark.parametrize("consumer", ["1", "2"])
@pytest.mark.parametrize("producer", ["1", "2"])
def test_pair(sandbox, producer, consumer):
    history = two_jobs(sandbox)
    if producer == consumer == "2":
        require(effected_once(history).broken_as(AGREED.get((producer, consumer))))
    else:
        require(nothing_dead_lettered(history))
"""
)
NOT_AS_AGREED = TEXT.replace('{("2", "2"): "not_effected"}', "{}")
OTHER = """
class Odd: ...

@scenario("T-2", always=["one"])
@pytest.mark.parametrize(("a", "b"), [(1, Odd())], ids=["odd"])
def test_odd(sandbox, a, b):
    raise AssertionError

@scenario("T-3")
@pytest.mark.parametrize(("a", "b"), [(1, Service("worker", command=["worker"])), (Service.named("worker"), 2.5)], ids=["x", "y"])
def test_numbers_and_services(sandbox, a, b):
    require(nothing_dead_lettered(two_jobs(sandbox)))

@scenario("T-5", "new x old")
def test_a_pair(sandbox):
    require(nothing_dead_lettered(two_jobs(sandbox)))

@scenario("T-6", "new x old")
@pytest.mark.parametrize(("a", "b"), [(1, 2)], ids=["both"])
def test_a_named_pair(sandbox, a, b):
    require(nothing_dead_lettered(two_jobs(sandbox)))

@scenario("T-4", variant="baseline")
@pytest.mark.parametrize(("a", "b"), [(1, 2)], ids=["both"])
def test_with_a_variant(sandbox, a, b):
    require(nothing_dead_lettered(two_jobs(sandbox)))
"""
WORKER = 'name = "worker"\ncommand = ["worker"]\ndefault = "2.1"\n[versions]\n"2.1" = {}\n'


def matrix(done: Done) -> list[str]:
    """The lines of the first matrix in the terminal."""
    return done.printed.partition("T-1, rows: ")[2].split("\n\n")[0].splitlines()


@pytest.fixture(scope="module")
def more(tmp_path_factory: pytest.TempPathFactory, addresses: dict[str, str]) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("matrix")
    (folder / "services/worker").mkdir(parents=True)
    (folder / "services/worker/service.toml").write_text(WORKER)
    return {**addresses, "HARNESS_SERVICES": str(folder / "services")}


def test_the_cells_that_are_always_told_run_and_the_others_do_not(tmp_path: Path, more: dict[str, str]):
    done = pytest_on(tmp_path, TEXT, more=more)
    (found,) = done.run().matrices
    assert done.status == 0, done.printed
    assert "2 passed, 2 deselected" in done.printed
    assert matrix(done) == ["producer, columns: consumer", "   1     2", "1  kept  .", "2  .     not_effected"]
    assert [(one.row, one.column, one.found, one.agreed) for one in found.cells] == [
        ("1", "1", "kept", "kept"),
        ("2", "2", "not_effected", "not_effected"),
    ]
    assert [one.variant for one in done.run().scenarios] == ["1 x 1", "2 x 2"]
    assert {path.parent.name for path in (done.runs / "latest").glob("*/journal.jsonl")} == {"T-1-1-x-1", "T-1-2-x-2"}


def test_a_cell_that_is_named_runs(tmp_path: Path, more: dict[str, str]):
    done = pytest_on(tmp_path, TEXT, "test_told.py::test_pair[1-2]", more=more)
    assert "1 passed" in done.printed
    assert [one.variant for one in done.run().scenarios] == ["1 x 2"]


def test_of_the_whole_matrix_what_is_known_is_not_run_again_and_says_so(tmp_path: Path, more: dict[str, str]):
    text = f"{TEXT}\n# {uuid4()}: nobody has told this before\n"
    first = pytest_on(tmp_path, text, "--harness-matrix=whole", more=more)
    run = first.run().run
    again = pytest_on(tmp_path, text, "--harness-matrix=whole", "-rs", "-n", "2", more=more)
    assert "4 passed" in first.printed
    assert "2 passed, 2 skipped" in again.printed
    assert f"known from run {run}: nothing that T-1 1 x 2 is made of has changed since" in again.printed
    assert matrix(again) == [
        "producer, columns: consumer (* from an earlier run on the same parts)",
        "   1      2",
        "1  kept   kept*",
        "2  kept*  not_effected",
    ]
    assert {one.cached for one in again.run().matrices[0].cells} == {None, run}
    assert again.run().missed == []


def test_a_cell_that_is_not_as_agreed_fails_and_is_marked(tmp_path: Path, more: dict[str, str]):
    done = pytest_on(tmp_path, NOT_AS_AGREED, more=more)
    assert done.status == 1
    assert matrix(done)[0] == "producer, columns: consumer (! not as agreed)"
    assert matrix(done)[3] == "2  .     not_effected, agreed kept !"
    assert "T-1       2 x 2    effected_once: not_effected  broken !" in done.printed


def test_what_is_a_cell_is_said_by_its_parameters(tmp_path: Path, more: dict[str, str]):
    done = pytest_on(tmp_path, f"{HEAD}{OTHER}\n# {uuid4()}: nobody has told this before\n", "--harness-matrix=whole", more=more)
    assert [(one.id, one.variant, one.cell) for one in done.run().scenarios] == [
        ("T-2", None, {}),
        ("T-3", "1 x worker", {"a": "1", "b": "worker"}),
        ("T-3", "2.1 x 2.5", {"a": "2.1", "b": "2.5"}),
        ("T-5", "new x old", {"row": "new", "column": "old"}),
        ("T-6", "new x old", {"a": "new", "b": "old"}),
        ("T-4", "baseline", {}),
    ]
