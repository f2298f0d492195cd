"""A moment of what `make soak` does for half an hour: a recorder and a Toxiproxy of its own, five rounds of mixed faults."""

import logging
from pathlib import Path

import pytest

from harness.run import Run
from harness.stack.choice import Wanted
from tests.soak.rounds import FAULTS, chosen
from tests.soak.soaking import Soak
from tests.toxiproxy.servers import original

ROUNDS, VISITS = 5, 20


def test_every_message_is_accounted_for_and_nothing_grows(
    addresses: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.CRITICAL, logger="pika")  # it tells of every refused connection
    for name, value in addresses.items():
        monkeypatch.setenv(name, value)
    with original() as toxiproxy:
        monkeypatch.setenv("HARNESS_TOXIPROXY_ADDRESS", f"127.0.0.1:{toxiproxy}")
        run = Run(tmp_path, stack=Wanted("external"))
        soak = Soak(run, VISITS)
        played = [soak.play() for _ in range(ROUNDS)]
        report = soak.report()
        run.end()

    assert report.problems == []
    assert report.growth == []
    assert report.messages == sum(one.messages for one in played) == 2 * ROUNDS * VISITS
    assert report.connections > 3 * report.messages / 2


def test_each_fault_has_its_turn_and_meets_others():
    rounds = [chosen(number) for number in range(200)]

    assert {name for names in rounds for name in names} == set(FAULTS)
    assert len({frozenset(names) for names in rounds}) > 3 * len(FAULTS)
    assert {len(set(names)) for names in rounds} == {3}
