"""Each probe against the live emulator, whose answers are known, and what is kept of them."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness.address import Address, free_port
from harness.errors import StackError
from harness.history.fidelity import DEDUPLICATION, GROUPS, NUMBER, SIZE
from harness.stack import Stack, fidelity
from harness.stack.fidelity import Probe
from tests.stack.programs import private_cache

LOCALSTACK_DOES_NOT = set(fidelity.PROBES) - {SIZE}
"""LocalStack 4.13.1 enforces one of them; a newer one may enforce more, and then this list is to be shortened."""


@pytest.fixture(scope="module")
def answers(stack: Stack) -> list[Probe]:
    return fidelity.probed(stack)


@pytest.mark.parametrize("name", fidelity.PROBES, ids=str)
def test_what_the_emulator_does_otherwise_than_aws_is_seen(answers: list[Probe], name: str):
    found = next(one for one in answers if one.probe == name)

    assert found.holds is (name not in LOCALSTACK_DOES_NOT)
    assert found.effect


def test_an_emulator_is_asked_once_ours_by_its_version_and_an_external_one_by_its_address(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    private_cache(tmp_path, monkeypatch)
    asked: list[str] = []
    answer = [Probe(name, holds=True, effect="none") for name in fidelity.PROBES]

    def probed(one: Stack) -> list[Probe]:
        asked.append(f"{one.kind} {one.localstack.port}")
        return answer

    monkeypatch.setattr(fidelity, "probed", probed)
    native = replace(stack, kind="native", localstack=Address("127.0.0.1", 1))
    external = replace(native, kind="external")
    another = replace(external, localstack=Address("127.0.0.1", 2))
    moved = replace(native, localstack=Address("127.0.0.1", 3))

    assert [fidelity.known(one) for one in (native, moved, external, external, another)] == [answer] * 5
    assert asked == ["native 1", "external 1", "external 2"]


def test_what_was_kept_half_is_asked_anew(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    private_cache(tmp_path, monkeypatch)
    answer = [Probe("one", holds=False, effect="much")]
    monkeypatch.setattr(fidelity, "probed", lambda _: answer)
    (tmp_path / f"fidelity-{stack.versions['localstack']}-{fidelity.RECIPE}.json").write_text(json.dumps([]))

    assert fidelity.known(replace(stack, kind="native")) == answer


def test_what_the_taps_enforce_is_said_and_only_what_nobody_does_can_mislead():
    probes = [
        Probe(SIZE, holds=True, effect="one"),
        Probe(NUMBER, holds=False, effect="two"),
        Probe(GROUPS, holds=False, effect="3"),
    ]

    assert fidelity.told(probes) == [
        {"probe": SIZE, "state": "holds"},
        {"probe": NUMBER, "state": "enforced by the tap"},
        {"probe": GROUPS, "state": "does not hold", "effect": "3"},
    ]


def test_what_is_not_known_of_an_emulator_is_taken_for_lacking(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    private_cache(tmp_path, monkeypatch)
    nothing_known = fidelity.lacking(stack)
    monkeypatch.setattr(fidelity, "probed", lambda _: [Probe(name, holds=name != GROUPS, effect="") for name in fidelity.PROBES])
    fidelity.known(stack)

    assert {GROUPS, DEDUPLICATION} < set(nothing_known)
    assert NUMBER not in nothing_known
    assert fidelity.lacking(stack) == (GROUPS,)


def test_an_emulator_that_is_gone_is_said(stack: Stack):
    with pytest.raises(StackError, match="does not answer the questions about what it can"):
        fidelity.probed(replace(stack, localstack=Address("127.0.0.1", free_port())))


def test_a_message_that_is_due_and_does_not_come_is_said(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fidelity, "WITHIN", 0.1)
    account = fidelity.Account(stack)
    url = account.queue("empty")
    with pytest.raises(StackError, match="does not hand out a message that is due"):
        account.taken(url, 1)
    account.end()
