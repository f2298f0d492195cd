"""A newer RabbitMQ than the machine's own, started for a run that asks for it; scenarios that need it run, others are skipped."""

from pathlib import Path

import pytest

from harness.stack import suites
from tests.plugin.driven import HEAD, pytest_on

TOLD = (
    HEAD
    + """
@scenario("X-1", rabbitmq=">=4")
def test_new(sandbox):
    require(nothing_dead_lettered(two_jobs(sandbox)))

@scenario("X-3", rabbitmq=">=4")
def test_limit(sandbox):
    sandbox.rabbitmq.queue("limited", kind="quorum")
    history = two_jobs(sandbox)
    declared = [event.data for event in history.events() if event.kind == "declared"]
    assert {"limited": 20}.items() <= {one["name"]: one.get("max_receive_count") for one in declared}.items()
    require(nothing_dead_lettered(history))

@scenario("X-2", rabbitmq="<4")
def test_old(sandbox):
    require(nothing_dead_lettered(two_jobs(sandbox)))
"""
)


@pytest.mark.skipif(suites.own() != "bookworm", reason="newer releases of RabbitMQ are unpacked on Debian 12")
def test_a_run_on_another_series(tmp_path: Path):
    done = pytest_on(tmp_path, TOLD, "-rs", "--harness-stack=native", "--harness-rabbitmq=4.3", more={})

    run = done.run()
    assert done.status == 0, done.printed
    assert run.stack is not None
    assert run.stack.rabbitmq.startswith("4.3.")
    assert [done.entry(test).outcome for test in ("test_new", "test_limit")] == ["kept", "kept"]
    assert "this scenario needs rabbitmq <4, and the stack has 4.3." in done.printed
