"""A pytest that does not live to clear up: 5 s later nothing of its run is left, nor of what a service forked off."""

import signal
from pathlib import Path

import pytest

from tests.leaks.killed import victim

NATIVE = {"HARNESS_STACK": "native"}


@pytest.mark.parametrize(
    "moment", [r"Toxiproxy \S+ is ready", "the drain begins"], ids=["while its stack starts", "while it drains"]
)
def test_a_killed_run_leaves_nothing_of_its_own_stack(tmp_path: Path, moment: str):
    with victim(tmp_path, NATIVE) as one:
        one.await_said(moment)
        one.end(signal.SIGKILL)
    assert one.left_after() == []


@pytest.mark.parametrize(
    "signals",
    [[signal.SIGKILL], [signal.SIGINT, signal.SIGINT], [signal.SIGTERM]],
    ids=["killed", "interrupted twice", "terminated"],
)
def test_a_run_that_ends_while_its_services_run_leaves_none(
    tmp_path: Path, addresses: dict[str, str], signals: list[signal.Signals]
):
    with victim(tmp_path, addresses) as one:
        one.await_said("the services run")
        before = len(one.processes())
        one.end(*signals)
    assert before >= 6  # pytest, warden, recorder, writer, and a master with its workers
    assert one.left_after() == []
