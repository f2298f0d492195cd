"""Incidents told without the fault that caused them, or with one that meets nothing: neither green nor broken, but vacuous."""

from collections.abc import Callable

import pytest

from harness import History, Sandbox, Verdict, require
from harness.checks import accounted, nothing_dead_lettered, paced, signalled
from harness.errors import InconclusiveError
from tests.incidents import told_in
from tests.sandboxes import Tell

ESR = told_in("test_esr_placements")
PROFILES = told_in("test_trainee_profiles")
NEVER = 10_000
World = Callable[[Sandbox], History]


def dead_lettered(history: History) -> Verdict:
    return nothing_dead_lettered(history).broken_as("transient_dead_lettered")


def hot(history: History) -> Verdict:
    return paced(history, per_second=1).broken_as("hot_loop")


def stuck(history: History) -> Verdict:
    return accounted(history).broken_as("stuck")


def silent(history: History) -> Verdict:
    return signalled(history, within=5).broken_as("silent")


def outage(variant: str, **chosen: object) -> World:
    return lambda sandbox: ESR.momentary_outage(sandbox, ESR.WRITER[variant], placements=10, **chosen)


def upgrade(**chosen: object) -> World:
    return lambda sandbox: PROFILES.five_profiles(sandbox, PROFILES.SYNC["as it was"], **chosen)


WITHOUT_FAULT = "so it could not have shown"
WITHOUT_BITE = r"f1 \S+ .*did not bite: "


@pytest.mark.parametrize(
    ("world", "asked", "reason"),
    [
        (outage("as it was", lasts=None), dead_lettered, WITHOUT_FAULT),
        (outage("as it was", after=NEVER), dead_lettered, WITHOUT_BITE),
        (outage("requeued at once", lasts=None), hot, "no message was tried more than once"),
        (outage("requeued at once", after=NEVER), hot, WITHOUT_BITE),
        (upgrade(attributes={}), stuck, WITHOUT_FAULT),
        (upgrade(attributes=PROFILES.UPGRADED, on="SendMessage"), stuck, WITHOUT_BITE),
        (upgrade(attributes={}), silent, "no message failed for good"),
        (upgrade(attributes=PROFILES.UPGRADED, on="SendMessage"), silent, WITHOUT_BITE),
    ],
    ids=[
        "S2-02 without its outage",
        "S2-02 with an outage that never begins",
        "S2-09 without its outage",
        "S2-09 with an outage that never begins",
        "S1-02 without the attribute, stuck",
        "S1-02 with the attribute where it is not read, stuck",
        "S1-02 without the attribute, silent",
        "S1-02 with the attribute where it is not read, silent",
    ],
)
def test_an_incident_without_its_cause_is_red_as_vacuous(
    tell: Tell, world: World, asked: Callable[[History], Verdict], reason: str
):
    with tell("as it was") as sandbox:
        history = world(sandbox)
        verdict = asked(history)
    with pytest.raises(InconclusiveError, match=rf"^\w+: vacuous: .*{reason}"):
        require(verdict)
