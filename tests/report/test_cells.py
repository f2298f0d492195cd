"""Cells that are known from an earlier run: as long as nothing they are made of has changed, where they were as agreed."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.address import Address
from harness.report.cells import Cells, world_of
from harness.report.entries import Entry
from harness.services import Service
from harness.stack.model import Stack
from tests.report.told import BROKEN, KEPT, cell

HERE = Address("127.0.0.1", 1)
STACK = Stack("native", HERE, HERE, HERE, HERE, "u", "p", {"rabbitmq": "3.10.8", "localstack": "4.13", "toxiproxy": "2.12"})
TOML = """
name = "worker"
command = ["worker"]
default = "2"
[versions]
"1" = {}
"2" = { needs = ["java", "sh"] }
[variants]
slow = {}
"""
TEST = "told/test_pairs.py::test[1-1]"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a scenario and of its service."""
    (tmp_path / "services/worker/locks").mkdir(parents=True)
    (tmp_path / "services/worker/service.toml").write_text(TOML)
    (tmp_path / "services/worker/locks/lock.txt").write_text("pika==1.4.4")
    (tmp_path / "test_pairs.py").write_text("story")
    monkeypatch.setenv("HARNESS_SERVICES", str(tmp_path / "services"))
    return tmp_path


def world(files: Path, stack: Stack = STACK) -> dict[str, str]:
    return world_of((files / "test_pairs.py",), stack)


@pytest.fixture
def cells(files: Path) -> Cells:
    cells = Cells(files / "cache")
    services = [Service.named("worker")["1", "slow"], Service.named("worker"), Service.named("worker")]
    cells.keep(TEST, world(files), services, cell("1", "1", KEPT, seconds=9.0, journal="x"), "earlier")
    return cells


def test_a_cell_is_known_on_the_same_parts_and_says_from_which_run(files: Path, cells: Cells):
    known = cells.known(TEST, world(files))
    assert known is not None
    assert (known.variant, known.cached, known.seconds, known.journal, known.passed) == ("1 x 1", "earlier", 0.0, "", True)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("test_pairs.py", "another story"),
        ("services/worker/locks/lock.txt", "pika==1.4.5"),
        ("services/worker/more.py", ""),
        ("services/worker/service.toml", TOML.replace("slow", "quick")),
        ("services/worker/service.toml", "no toml"),
    ],
    ids=["scenario", "lock", "new file", "without the variant", "unreadable"],
)
def test_where_a_file_has_changed_the_cell_is_not_known(files: Path, cells: Cells, name: str, text: str):
    (files / name).write_text(text)
    assert cells.known(TEST, world(files)) is None


@pytest.mark.parametrize(
    "stack",
    [
        replace(STACK, speed=20),
        replace(STACK, kind="containers"),
        replace(STACK, versions={**STACK.versions, "rabbitmq": "4.0.5"}),
    ],
    ids=["speed", "kind", "version"],
)
def test_on_another_stack_the_cell_is_not_known(files: Path, cells: Cells, stack: Stack):
    assert cells.known(TEST, world(files, stack)) is None
    assert cells.known(TEST, world(files)) is not None


def test_with_another_harness_the_cell_is_not_known(files: Path, cells: Cells):
    assert cells.known(TEST, {**world(files), "harness": "another"}) is None


def test_a_cell_that_never_ran_is_not_known(files: Path, cells: Cells):
    assert cells.known("told/test_pairs.py::test[1-2]", world(files)) is None


@pytest.mark.parametrize(
    ("entry", "services"),
    [
        (cell("1", "1", BROKEN, passed=False), []),
        (cell("1", "1", KEPT), [Service("billing", command=["billing"])]),
    ],
    ids=["not as agreed", "a program anywhere"],
)
def test_what_was_not_as_agreed_or_is_made_of_what_cannot_be_told_is_not_kept(files: Path, entry: Entry, services: list[Service]):
    cells = Cells(files / "empty")
    cells.keep(TEST, world(files), services, entry, "earlier")
    assert cells.known(TEST, world(files)) is None
