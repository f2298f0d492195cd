"""What a scenario may have for itself. That such brokers die and come back is in tests/table/test_process_faults.py."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.clock import eventually
from harness.errors import StackError, UsageError
from harness.stack import Stack, own, tempo
from harness.stack.own import OwnBroker, Place, beside, checked
from harness.stack.provision import provisioned
from harness.warden import Warden


@pytest.mark.parametrize("alone", ["rabbitmq", ("localstack",), None, 3])
def test_what_is_no_broker_is_refused_with_those_that_are(alone: object):
    with pytest.raises(UsageError, match=r"names the brokers it wants for itself, of aws, rabbitmq: alone=\('rabbitmq',\)"):
        checked(alone)


def test_names_are_taken_once():
    assert checked(["rabbitmq", "aws", "rabbitmq"]) == ("rabbitmq", "aws")
    assert checked(()) == ()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    warden = Warden.start()
    yield Place(warden, provisioned(print), warden.folder / "own", tmp_path, print, {})
    warden.end()


def test_one_that_was_never_started_gives_its_ports_away(place: Place):
    broker = OwnBroker("aws", place)
    assert broker.down
    broker.end()


def test_who_asks_for_one_that_stays_dead_is_told_the_right_call(place: Place, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(own, "BACK_WITHIN", 0.01)
    broker = OwnBroker("rabbitmq", place)
    with pytest.raises(UsageError, match=r"rabbitmq was killed .* write kill\(sandbox\.rabbitmq, lasts=3\), or call heal\(\)"):
        broker.await_ready()
    broker.end()


def test_one_that_is_asked_to_end_ends(place: Place):
    ends: list[int] = []
    broker = OwnBroker("rabbitmq", place)
    broker.told = ends.append
    broker.start()
    broker.kill("TERM")
    assert eventually(lambda: ends, awaited="its end", within=60)
    assert broker.down
    broker.end()


def test_one_that_has_another_clock_than_its_stack_is_noticed(place: Place, stack: Stack):
    begun = tempo.begun(place.warden.run_id, Path("/nowhere/libfaketime.so"), 100)
    broker = OwnBroker("aws", place)
    with pytest.raises(StackError, match=rf"faster in LocalStack at .*:{broker.numbers['localstack']}: it shows"):
        beside(replace(stack, speed=100, clock=begun), {"aws": broker})
    broker.end()
