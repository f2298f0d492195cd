"""A run whose folder lies on a disk that is full: one sentence for each thing that failed, never a verdict, and nothing left."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.full_disk.small import small, unmountable
from tests.leaks.killed import victim
from tests.plugin.driven import Done

SIZE = "128k"
MANY = """
import pytest
from harness import require
from harness.checks import nothing_dead_lettered

def told(sandbox, count):
    place = sandbox.http("place", key="/id")
    jobs = sandbox.rabbitmq.queue("jobs", key="/id", effect=place, dead_letter="jobs.dlq")
    jobs.publish({"id": n, "text": "x" * 900} for n in range(count))
    require(nothing_dead_lettered(sandbox.drain()))

@pytest.mark.scenario("T-1", "baseline")
def test_many(sandbox):
    told(sandbox, 300)

@pytest.mark.scenario("T-2", "baseline")
def test_few(sandbox):
    told(sandbox, 2)
"""
SAID = (
    r"HarnessError: \S+/runs/\S+ cannot be written: no space left on device;"
    r" make room there, or choose another place with --harness-runs=DIR"
)


pytestmark = pytest.mark.skipif(bool(unmountable()), reason=unmountable() or "a small disk can be had")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small(tmp_path / "run" / "runs", SIZE):
        yield tmp_path / "run"


def test_a_run_folder_on_a_full_disk(disk: Path, addresses: dict[str, str]):
    with victim(disk, addresses, MANY) as one:
        status = one.process.wait(300)
    done = Done(status, one.said, disk / "runs")
    said = [done.failure(test) for test in ("test_many", "test_few")]

    assert status == 1
    assert [text for text in said if not re.fullmatch(SAID, text)] == []
    assert "Traceback" not in done.printed
    assert one.left_after() == []


def test_where_nothing_can_be_mounted_the_reason_is_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert unmountable().startswith("this user may not mount a tmpfs ([Errno 2] No such file or directory: 'mount'); run as root")
