import sys
from dataclasses import replace

import pytest

from harness.checks import (
    accounted,
    bundled,
    catalogue,
    classified,
    conforms,
    context_kept,
    effected_once,
    headroom,
    in_doubt_resolved,
    in_order,
    neighbours_served,
    nothing_dead_lettered,
    paced,
    parked,
    recovered,
    require,
    signalled,
    survived,
)
from harness.checks.canary import blind
from harness.checks.findings import Findings
from harness.errors import HarnessError, InconclusiveError, UsageError, Violation
from harness.history.events import Event
from harness.history.journal import Journal
from tests.histories import dead, done, history, journal, over, place, rabbit, sent, sink

WORLD = (rabbit(effects=(("place",),), dead_letter="dlq"), dead(), place(), sink())
BOTH = ("q", "dlq")
REJECTED = "1 delivered q a 1:1\n1.2 settled q a 1:1 reject"
OUTAGE = "0.9 fault f1 outage svc->place began\n9 fault f1 outage svc->place ended"


def incident(folder, **given):
    lines = [sent("a", "b"), OUTAGE, REJECTED, done("b", t=10, first=5), over("dlq a", queues=BOTH)]
    return history(folder, *lines, world=WORLD, variant="as it was", **given)


def stored(run):
    return [event.data for event in Journal(run.path).events() if event.kind == "judged"]


def test_all_that_is_kept_passes(tmp_path):
    run = history(tmp_path, sent("a"), done("a"), over(queues=BOTH), world=WORLD)

    require(accounted(run), effected_once(run), nothing_dead_lettered(run))

    assert [one["found"]["conclusion"] for one in stored(run) if one] == ["kept"] * 3


def test_an_incident_passes_as_it_was(tmp_path):
    run = incident(tmp_path)

    require(accounted(run), nothing_dead_lettered(run).broken_as("transient_dead_lettered"))

    assert [(one["check"], one["expectation"]) for one in stored(run) if one] == [
        ("accounted", None),
        ("nothing_dead_lettered", {"label": "transient_dead_lettered", "only": None}),
    ]


def test_a_violation_tells_the_whole_story(tmp_path):
    run = incident(tmp_path, reproduce="pytest scenarios/test_x.py::test")

    with pytest.raises(Violation, match="nothing_dead_lettered: broken") as caught:
        require(effected_once(run), nothing_dead_lettered(run), accounted(run), signalled(run, within=60))

    assert str(caught.value).splitlines() == [
        "effected_once: broken: 1 of 2 messages: not_effected",
        "  promise: every message has its effect once",
        "  first: a: delivered once, never effected, dead-lettered (0.30 s after outage on svc->place began)",
        "  events: 5 attempted; 11, 12 delivered; 13, 14 settled: reject of message a in queue q",
        "  look at: what the consumer does with a message after its attempt failed",
        "also nothing_dead_lettered: broken: 1 of 2 messages: transient_dead_lettered",
        "also signalled: broken: 1 of 1 failures: silent",
        "  fault: outage on svc->place, from 0.90 s to 9.00 s",
        f"  journal: {run.path} ({run.ledger().events} events, drained: quiet)",
        "  reproduce: pytest scenarios/test_x.py::test",
    ]


def test_and_never_in_more_than_twelve_lines(tmp_path):
    run = incident(tmp_path, reproduce="pytest x")
    many = [recovered(run, within=within) for within in range(1, 20)]

    with pytest.raises(Violation, match="recovered: broken") as caught:
        require(*many)

    assert len(str(caught.value).splitlines()) == 12
    assert "reproduce: pytest x" in str(caught.value)


def test_unknown_is_not_green(tmp_path):
    run = history(tmp_path, sent("a"), over("q a", how="no"))

    with pytest.raises(InconclusiveError, match="accounted: unknown: not drained") as caught:
        require(accounted(run))

    assert "promise: each message ended once" in str(caught.value)


def test_a_violation_beats_what_is_unknown(tmp_path):
    twice = "1 delivered q a 1:1\n1.1 posted a 1\n1.2 posted a 2"
    run = history(tmp_path, sent("a"), twice, over("q a", how="no"))

    with pytest.raises(Violation, match="also accounted: unknown") as caught:
        require(accounted(run), effected_once(run))

    assert str(caught.value).startswith("effected_once: broken")


def test_an_interrupted_run_is_said_to_be_one(tmp_path):
    path = journal(tmp_path, sent("a"), done("a"), over())
    path.write_bytes(path.read_bytes()[:-10])
    run = history(tmp_path, sent("a"), over("q a", how="no"))
    run.path.write_bytes(run.path.read_bytes()[:-10])

    with pytest.raises(InconclusiveError, match="the journal's last line is cut off"):
        require(accounted(run))


def test_nothing_required_is_a_mistake():
    with pytest.raises(UsageError, match="judges nothing"):
        require()


def test_histories_of_two_worlds_are_written_each_into_its_own(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    one, two = (history(tmp_path / name, sent("a"), done("a"), over()) for name in ("one", "two"))

    require(accounted(one), effected_once(two), effected_once(one))

    assert [[data["check"] for data in stored(run) if data] for run in (one, two)] == [
        ["accounted", "effected_once"],
        ["effected_once"],
    ]


def test_somebody_else_may_write_the_judged_events(tmp_path):
    written: list[Event] = []
    run = history(tmp_path, sent("a"), done("a"), over(), on_judged=written.append)

    require(accounted(run))

    assert [event.kind for event in written] == ["judged"]
    assert written[0].data is not None
    assert stored(run) == []


# ------------------------------------------------------------------------------------------------------------- canary


def all_checks(run):
    return [
        accounted(run),
        bundled(run, window=60),
        bundled(run, window=1, at_most=5),
        conforms(run),
        context_kept(run),
        classified(run),
        classified(run, attempts=3),
        effected_once(run),
        nothing_dead_lettered(run),
        paced(run),
        paced(run, per_second=20),
        paced(run, schedule=[5]),
        headroom(run),
        headroom(run, at_least=0.1),
        in_doubt_resolved(run),
        in_order(run),
        neighbours_served(run, within=60),
        survived(run),
        parked(run, attempts=1),
        parked(run, attempts=10),
        recovered(run, within=60),
        signalled(run, within=60),
    ]


RUNS = {
    "quiet": [sent("a"), done("a"), over(queues=BOTH)],
    "an incident": [
        sent("a", "b"),
        OUTAGE,
        REJECTED,
        done("b", t=10, first=5),
        "11 resource noticed",
        over("dlq a", queues=BOTH),
    ],
    "not drained": [sent("a"), over("q a", how="no")],
    "interrupted": [sent("a")],
    "bypassed and blind": [sent("a"), "1 bypassed", "1 gap svc->rabbitmq 1", over(queues=BOTH)],
}


@pytest.mark.parametrize("lines", RUNS.values(), ids=RUNS)
def test_every_check_sees_its_canary_in_every_run(tmp_path, lines):
    run = history(tmp_path, *lines, world=WORLD)

    assert {blind(verdict) for verdict in all_checks(run)} == {""}


@pytest.mark.parametrize("name", list(catalogue.CHECKS))
def test_a_check_that_sees_nothing_fails_the_run(tmp_path, monkeypatch, name):
    run = history(tmp_path, sent("a"), done("a"), over(queues=BOTH), world=WORLD)

    def sees_nothing(ledger, **arguments):
        return Findings(premises=1)

    monkeypatch.setattr(catalogue, "CHECKS", {**catalogue.CHECKS})
    blinded = replace(catalogue.CHECKS[name], judge=sees_nothing)
    for module in ("harness.checks.verdict", "harness.checks.canary"):
        monkeypatch.setattr(f"{module}.CHECKS", {**catalogue.CHECKS, name: blinded})
    verdict = next(one for one in all_checks(run) if one.check == name)

    with pytest.raises(HarnessError, match=f"^{name} is blind: a message that breaks it was put into a copy of .*journal.jsonl"):
        require(verdict)


def test_a_check_that_finds_only_others_is_blind_too(tmp_path, monkeypatch):
    run = history(tmp_path, sent("a"), done("a"), over(queues=BOTH), world=WORLD)
    check = catalogue.CHECKS["accounted"]

    def finds_another(ledger, **arguments):
        findings = check.judge(ledger, **arguments)
        for found in findings.labels.values():
            found.witnesses[:] = [replace(one, message="other") for one in found.witnesses]
        return findings

    monkeypatch.setattr("harness.checks.canary.CHECKS", {"accounted": replace(check, judge=finds_another)})

    with pytest.raises(HarnessError, match="accounted is blind"):
        require(accounted(run))


def test_a_broken_promise_is_told_before_a_blind_check(tmp_path, monkeypatch):
    run = incident(tmp_path)
    monkeypatch.setattr(sys.modules["harness.checks.require"], "blind", lambda verdict: f"{verdict.check} is blind")

    with pytest.raises(Violation, match="transient_dead_lettered"):
        require(nothing_dead_lettered(run))


def test_a_blind_check_is_told_before_an_unknown_verdict(tmp_path, monkeypatch):
    run = history(tmp_path, sent("a"), over("q a", how="no"))
    monkeypatch.setattr(sys.modules["harness.checks.require"], "blind", lambda verdict: f"{verdict.check} is blind")

    with pytest.raises(HarnessError, match="accounted is blind"):
        require(accounted(run))


def test_a_failure_says_what_was_done_and_when(tmp_path):
    began = "0.9 fault f1 outage svc->place began\n1 fault f2 outage svc->place injected"
    run = history(tmp_path, sent("a"), began, REJECTED, over("dlq a", queues=BOTH), world=WORLD, variant="as it was")

    with pytest.raises(InconclusiveError, match="f2 outage on svc->place did not bite") as caught:
        require(nothing_dead_lettered(run))

    told = [line for line in str(caught.value).splitlines() if "fault: " in line]
    assert told == ["  fault: outage on svc->place, from 0.90 s to the end", "  fault: outage on svc->place, it never began"]
