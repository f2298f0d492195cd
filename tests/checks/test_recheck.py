import pytest

from harness.checks import accounted, effected_once, nothing_dead_lettered, paced, recovered, require
from harness.checks.outcome import entry
from harness.checks.recheck import exit_status
from harness.checks.recheck import recheck as recheck_run
from harness.errors import InconclusiveError, JournalError, Violation
from harness.history import History
from tests.histories import dead, done, history, over, place, rabbit, sent

WORLD = (rabbit(effects=(("place",),), dead_letter="dlq"), dead(), place())
BOTH = ("q", "dlq")
INCIDENT = [
    "0 started svc\n0.2 ready svc",
    sent("a", "b"),
    "0.9 fault f1 outage svc->place began\n9 fault f1 outage svc->place ended",
    "1 delivered q a 1:1\n1.2 settled q a 1:1 reject",
    done("b", t=10, first=5),
    over("dlq a", queues=BOTH),
]


def incident(folder):
    folder.mkdir(exist_ok=True)
    return history(folder, *INCIDENT, world=WORLD, variant="as it was")


def test_verdicts_are_reproduced_from_the_journal_alone(tmp_path):
    run = incident(tmp_path / "one")
    verdicts = [accounted(run), nothing_dead_lettered(run).broken_as("transient_dead_lettered", only=["a"])]
    verdicts += [effected_once(run).waived("not_effected", because="sent on by hand", at_most=1)]
    require(*verdicts)

    (scenario,) = recheck_run(tmp_path)

    assert scenario["checks"] == [entry(verdict) for verdict in verdicts]
    assert (scenario["expected"], scenario["outcome"], scenario["passed"]) == ("broken", "broken", True)
    assert (scenario["id"], scenario["variant"], scenario["journal"]) == ("T-01", "as it was", "one/journal.jsonl")
    assert scenario["faults"] == [{"fault": "outage", "link": "svc->place", "began": 0.9, "ended": 9.0, "bite": 1}]
    assert scenario["services"] == [{"name": "svc", "ready": 0.2, "exit": None, "log": "one/svc.log"}]
    assert (scenario["drained"], scenario["bypassed"]) == ("quiet", 0)
    assert exit_status([scenario]) == 0


def test_arguments_are_in_the_journal_too(tmp_path):
    run = incident(tmp_path)
    verdicts = [recovered(run, within=60).broken_as("never"), paced(run, per_second=3)]

    with pytest.raises(InconclusiveError, match="paced: vacuous"):
        require(*verdicts)

    (scenario,) = recheck_run(tmp_path)
    assert scenario["checks"] == [entry(verdict) for verdict in verdicts]
    assert (scenario["outcome"], scenario["passed"], exit_status([scenario])) == ("broken", False, 2)


def test_a_question_asked_twice_is_answered_once(tmp_path):
    run = incident(tmp_path)
    require(accounted(run))
    require(accounted(run))

    assert len(recheck_run(tmp_path)[0]["checks"]) == 1


def test_a_violation_is_one_again(tmp_path):
    run = incident(tmp_path)

    with pytest.raises(Violation, match="effected_once"):
        require(effected_once(run), accounted(run))

    (scenario,) = recheck_run(tmp_path)
    assert (scenario["outcome"], scenario["failure"], exit_status([scenario])) == ("broken", "violation", 1)


def test_phases_are_judged_each_up_to_its_drain(tmp_path):
    run = incident(tmp_path)
    until = next(event.n for event in run.events() if event.kind == "fault")
    early = History(run.path, until=until - 1)

    with pytest.raises(InconclusiveError, match="not drained"):
        require(accounted(early))
    require(accounted(run))

    (scenario,) = recheck_run(tmp_path)
    assert [check["conclusion"] for check in scenario["checks"]] == ["unknown", "kept"]


def test_a_run_in_which_nothing_was_asked_is_inconclusive(tmp_path):
    history(tmp_path, sent("a"), "5 drained no reason=busy")

    (scenario,) = recheck_run(tmp_path)

    assert (scenario["outcome"], scenario["passed"], scenario["drained"]) == ("none", False, "no: busy")
    assert exit_status([scenario]) == 2


def test_a_folder_without_a_journal_is_refused(tmp_path):
    with pytest.raises(JournalError, match="nowhere does not exist, seen from here: give a run folder"):
        recheck_run(tmp_path / "nowhere")
    with pytest.raises(JournalError, match="holds no journal"):
        recheck_run(tmp_path)


def test_a_corrupt_line_is_named(tmp_path):
    run = incident(tmp_path)
    require(accounted(run))
    run.path.write_bytes(run.path.read_bytes().replace(b'"kind":"drained"', b'"kind":"drowned"'))

    with pytest.raises(JournalError, match=r"journal\.jsonl:\d+ is not an event: Invalid enum value 'drowned'"):
        recheck_run(tmp_path)


def test_an_exit_of_a_service_is_told(tmp_path):
    run = history(tmp_path, "0 started svc", sent("a"), done("a"), "3 exited svc 3", over())
    require(accounted(run))

    assert recheck_run(tmp_path)[0]["services"] == [{"name": "svc", "ready": None, "exit": 3, "log": "svc.log"}]
