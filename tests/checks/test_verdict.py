import pytest

from harness.checks import accounted, effected_once, nothing_dead_lettered, paced, recovered, signalled
from harness.checks.catalogue import CHECKS
from harness.checks.hints import HINTS, PROMISES, hint
from harness.checks.outcome import outcome
from harness.errors import UsageError
from harness.history.events import Declaration
from tests.histories import dead, done, history, over, place, rabbit, sent

WORLD = (rabbit(effects=(("place",),), dead_letter="dlq"), dead(), place())
BOTH = ("q", "dlq")
OUTAGE = "0.9 fault f1 outage svc->place began\n9 fault f1 outage svc->place ended"
TWICE = "1 delivered q a 1:1\n1.1 posted a 1\n1.2 posted a 2\n1.3 settled q a 1:1 ack"


def rejected(*keys, t=1.0, first=1):
    return "\n".join(
        f"{t} delivered q {key} 1:{n}\n{t + 0.1} settled q {key} 1:{n} reject" for n, key in enumerate(keys, start=first)
    )


def as_it_was(folder, *lines, left=("a",)):
    end = over(*(f"dlq {key}" for key in left), queues=BOTH)
    return nothing_dead_lettered(history(folder, sent("a", "b"), *lines, end, world=WORLD, variant="as it was"))


def test_a_verdict_is_worked_out_when_it_is_first_asked(tmp_path):
    read = []
    run = history(tmp_path, sent("a"), done("a"), over(), prepare=lambda: read.append(1))
    verdict = accounted(run)

    assert not read
    assert verdict.conclusion == "kept"
    assert (verdict.label, verdict.labels, verdict.definite, verdict.possible, verdict.premises) == ("", (), 0, 0, 1)
    assert read == [1]


def test_judging_the_same_promise_twice_costs_once(tmp_path):
    run = history(tmp_path, sent("a"), done("a"), over())

    assert accounted(run).findings is accounted(run).findings
    assert recovered(run, within=1).findings is not recovered(run, within=2).findings


def test_its_repr_is_the_code_that_makes_it(tmp_path):
    run = history(tmp_path)

    assert repr(recovered(run, within=60)) == f"recovered({run!r}, within=60.0)"
    assert repr(paced(run, schedule=(1, 2))) == f"paced({run!r}, schedule=[1.0, 2.0])"
    assert repr(signalled(run, within=60)) == f"signalled({run!r}, within=60.0)"


# ---------------------------------------------------------------------------------------------------------- broken_as


def test_broken_as_the_label_that_was_found(tmp_path):
    verdict = as_it_was(tmp_path, OUTAGE, rejected("a"), done("b", t=10, first=5))

    assert not outcome(verdict).passed
    assert outcome(verdict.broken_as("transient_dead_lettered")).passed
    assert outcome(verdict.broken_as("transient_dead_lettered", only=["a"])).passed


def test_broken_as_none_changes_nothing(tmp_path):
    verdict = accounted(history(tmp_path))

    assert verdict.broken_as(None) is verdict


def test_broken_as_another_label_is_a_violation(tmp_path):
    verdict = as_it_was(tmp_path, OUTAGE, rejected("a"), done("b", t=10, first=5)).broken_as("dead_lettered")

    assert outcome(verdict).failure == "violation"
    assert "expected dead_lettered, found transient_dead_lettered" in outcome(verdict).problem


def test_every_label_found_has_to_be_that_one(tmp_path):
    lines = [OUTAGE, rejected("a"), rejected("b", t=12, first=2)]
    verdict = as_it_was(tmp_path, *lines, left=("a", "b")).broken_as("transient_dead_lettered")

    assert set(verdict.labels) == {"transient_dead_lettered", "dead_lettered"}
    assert "found dead_lettered" in outcome(verdict).problem


@pytest.mark.parametrize(
    ("only", "problem"),
    [(["a"], ""), (["a", "b"], "but not b"), (["b"], "but also a and not b"), ([], "but also a")],
    ids=["exactly", "fewer", "others", "none"],
)
def test_only_says_exactly_which(tmp_path, only, problem):
    verdict = as_it_was(tmp_path, OUTAGE, rejected("a"), done("b", t=10, first=5)).broken_as("transient_dead_lettered", only=only)

    assert problem in outcome(verdict).problem
    assert outcome(verdict).passed == (not problem)


def test_duplicated_stands_for_all_its_causes(tmp_path):
    verdict = effected_once(history(tmp_path, sent("a"), TWICE, over()))

    assert outcome(verdict.broken_as("duplicated")).passed
    assert outcome(verdict.broken_as("duplicated_by_blind_retry")).passed
    assert not outcome(verdict.broken_as("duplicated_by_expiry")).passed


def test_what_broke_before_any_fault_was_not_broken_by_it(tmp_path):
    late = "5 fault f1 outage svc->place began"
    lines = [
        late,
        "6 delivered q b 1:2\n6.1 settled q b 1:2 requeue",
        "8 delivered q b 1:3 redelivered=true\n8.1 settled q b 1:3 ack",
    ]
    verdict = effected_once(history(tmp_path, sent("a", "b"), TWICE, *lines, "8.2 posted b 7", over()))

    assert verdict.label == "duplicated_by_blind_retry"
    assert "showed before the first fault began" in outcome(verdict.broken_as("duplicated")).problem
    assert "before any fault" in verdict.sentence


def test_kept_with_ground_for_the_label_is_a_violation(tmp_path):
    lines = [OUTAGE, "1 delivered q a 1:1\n1.1 settled q a 1:1 requeue", done("a", "b", t=10, first=5)]
    verdict = as_it_was(tmp_path, *lines, left=()).broken_as("transient_dead_lettered")

    assert (outcome(verdict).word, outcome(verdict).failure) == ("kept", "violation")
    assert "expected to be broken as transient_dead_lettered, but it was kept" in outcome(verdict).problem


def test_kept_without_ground_for_the_label_is_vacuous(tmp_path):
    """An incident's test without its fault: nothing met a failure, so nothing could have been dead-lettered for one."""
    verdict = as_it_was(tmp_path, done("a", "b"), left=()).broken_as("transient_dead_lettered")

    assert (outcome(verdict).word, outcome(verdict).failure) == ("vacuous", "inconclusive")
    assert "no message met what transient_dead_lettered needs" in outcome(verdict).problem


def test_with_a_fault_that_did_not_bite_it_is_vacuous(tmp_path):
    verdict = as_it_was(tmp_path, done("a", "b"), "9 fault f1 outage svc->place began", left=()).broken_as(
        "transient_dead_lettered"
    )

    assert (outcome(verdict).word, outcome(verdict).failure) == ("vacuous", "inconclusive")


def test_unknown_stays_unknown(tmp_path):
    verdict = accounted(history(tmp_path, sent("a"), over("q a", how="no"))).broken_as("wedged")

    assert (outcome(verdict).word, outcome(verdict).failure) == ("unknown", "inconclusive")


@pytest.mark.parametrize("label", ["late", "duplicated_by", "duplicated_by_magic", ""])
def test_a_label_that_the_check_does_not_have_is_refused(tmp_path, label):
    verdict = effected_once(history(tmp_path))

    with pytest.raises(
        UsageError, match=r"effected_once cannot be broken as '.*'; its labels are: not_effected, duplicated_by_expiry"
    ):
        verdict.broken_as(label)


# ------------------------------------------------------------------------------------------------------------- waived


def test_a_waiver_covers_its_label(tmp_path):
    verdict = effected_once(history(tmp_path, sent("a"), TWICE, over())).waived("duplicated", because="a second tick is harmless")

    assert (verdict.conclusion, verdict.labels, verdict.definite) == ("kept", (), 1)
    assert "waived: duplicated, because a second tick is harmless" in verdict.sentence
    assert outcome(verdict).passed


@pytest.mark.parametrize(("at_most", "conclusion"), [(1, "kept"), (0, "broken"), (None, "kept")])
def test_up_to_its_limit(tmp_path, at_most, conclusion):
    verdict = effected_once(history(tmp_path, sent("a"), TWICE, over()))

    assert verdict.waived("duplicated_by_blind_retry", because="cheap", at_most=at_most).conclusion == conclusion


def test_and_no_other_label(tmp_path):
    run = history(tmp_path, sent("a", "b"), TWICE, "2 delivered q b 1:2\n2 settled q b 1:2 ack", over())

    assert effected_once(run).waived("duplicated", because="cheap").labels == ("not_effected",)


def test_a_possible_case_can_be_waived(tmp_path):
    verdict = accounted(history(tmp_path, "0 harness attempted q a\n0 harness returned q a\n0 harness attempted q a", over()))

    assert verdict.conclusion == "unknown"
    assert verdict.waived("unrouted", because="known").conclusion == "kept"


def test_a_waiver_that_was_not_used_is_said(tmp_path):
    verdict = accounted(history(tmp_path, sent("a"), done("a"), over())).waived("lost", because="it may")

    assert "the waiver of lost was not used" in verdict.sentence


def test_a_waiver_needs_its_reason(tmp_path):
    verdict = accounted(history(tmp_path))

    with pytest.raises(UsageError, match=r"waived\('lost', because=...\) needs its reason"):
        verdict.waived("lost", because="")


def test_a_waiver_survives_broken_as(tmp_path):
    verdict = accounted(history(tmp_path)).waived("lost", because="it may").broken_as("stuck").waived("wedged", because="also")

    assert [one.label for one in verdict.waivers] == ["lost", "wedged"]
    assert verdict.expectation is not None


# ------------------------------------------------------------------------------------------------------------ witnesses


def test_witnesses_are_the_first_few(tmp_path):
    keys = [f"k{n:02}" for n in range(40)]
    run = history(tmp_path, sent(*keys), rejected(*keys), over(*(f"dlq {key}" for key in keys), queues=BOTH), world=WORLD)
    verdict = nothing_dead_lettered(run)

    assert (verdict.definite, len(verdict.witnesses)) == (40, 32)
    assert verdict.witnesses[0].message == "k00"


@pytest.mark.parametrize(
    ("t", "moment"),
    [(2.0, "1.20 s after outage on svc->place began"), (12.0, "3.10 s after outage on svc->place ended")],
    ids=["in", "after"],
)
def test_a_moment_is_told_from_the_fault(tmp_path, t, moment):
    lines = [OUTAGE, rejected("b", first=3), rejected("a", t=t)]

    assert moment in str([as_it_was(tmp_path, *lines, left=("a",)).sentence])


def test_every_label_has_its_promise_and_hint():
    for name, check in CHECKS.items():
        assert PROMISES[name]
        assert set(HINTS[name]) == set(check.labels)
        assert all(hint(name, label) for label in check.labels)


@pytest.mark.parametrize(
    ("check", "label", "setting"),
    [
        ("effected_once", "duplicated_by_expiry", "visibility timeout (30 s) against"),
        ("parked", "parked_late", "maxReceiveCount (3) or"),
        ("accounted", "expired", "retention period (1209600 s) or x-message-ttl against"),
    ],
    ids=["seconds", "a number", "not declared"],
)
def test_the_setting_comes_with_the_value_that_the_queue_has(check: str, label: str, setting: str):
    queue = Declaration(what="queue", name="q", visibility_timeout=30.0, max_receive_count=3, retention_period=1209600.0)

    assert setting in hint(check, label, queue)
