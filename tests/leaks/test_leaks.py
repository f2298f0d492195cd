"""A pytest that does not live to clear up: soon nothing of its run is left, nor of what a service forked off."""

import re
import signal
from collections.abc import Iterable
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.stack import Stack
from harness.stack.management import Management
from harness.toxiproxy.client import Toxiproxy
from tests.leaks.killed import command_of, victim

WAITS = """
import sys, time
def test_that_waits(capfd):
    with capfd.disabled():
        print("waiting", file=sys.stderr, flush=True)
    time.sleep(600)
"""
NATIVE = {"HARNESS_STACK": "native"}


def on(stack: Stack, runs: Iterable[str]) -> int:
    """Return how many proxies and vhosts there are of these runs."""
    management = Management(stack.management.host, stack.management.port, stack.user, stack.password)
    names = [*Toxiproxy(stack.toxiproxy.host, stack.toxiproxy.port).proxies(), *management.vhosts()]
    return sum(any(run in name for run in runs) for name in names)


@pytest.mark.parametrize(
    "moment", [r"Toxiproxy \S+ is ready", "the drain begins"], ids=["while its stack starts", "while it drains"]
)
def test_a_killed_run_leaves_nothing_of_its_own_stack(tmp_path: Path, moment: str):
    with victim(tmp_path, NATIVE) as one:
        one.await_said(moment)
        one.end(signal.SIGKILL)
    assert one.left_after(within=60) == []


@pytest.mark.parametrize(
    "signals",
    [[signal.SIGKILL], [signal.SIGINT, signal.SIGINT], [signal.SIGTERM]],
    ids=["killed", "interrupted twice", "terminated"],
)
def test_a_run_that_ends_while_its_services_run_leaves_none(
    tmp_path: Path, addresses: dict[str, str], stack: Stack, signals: list[signal.Signals]
):
    with victim(tmp_path, addresses) as one:
        one.await_said("the services run")
        before = len(one.processes())
        there = on(stack, one.runs)
        one.end(*signals)
    assert before >= 6  # pytest, warden, recorder, writer, and a master with its workers
    assert there >= 3  # two proxies, and the vhost
    assert one.left_after(within=60) == []
    assert on(stack, one.runs) == 0


def test_what_is_left_is_seen(tmp_path: Path):
    with victim(tmp_path, {}, WAITS) as one:
        one.await_said("waiting")
        (one.temporary / "forgotten").touch()
        left = one.left_after(within=0.1)
    assert any(re.match(r"process \d+: .*-m pytest", line) for line in left)
    assert left[-1] == f"file {one.temporary}/forgotten"
    assert command_of(one.process.pid) == "gone meanwhile"


def test_a_run_that_ends_by_itself_is_not_waited_for(tmp_path: Path):
    with victim(tmp_path, {}, "def test_short(): pass\n") as one:
        with pytest.raises(HarnessError, match=r"^pytest ended before it said the drain begins: "):
            one.await_said("the drain begins")
