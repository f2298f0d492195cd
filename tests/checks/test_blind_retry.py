"""`duplicated_by_blind_retry`: a service repeats a request whose answer it had lost, and had not asked; and its neighbours."""

import pytest

from harness.checks import effected_once
from tests.histories import history, over, place, sent, sqs

SQS = (sqs(effects=(("place",),), visibility_timeout=30.0), place())
L, C = "link=svc->sqs", "link=svc->sqs conn=1"
ASKED = "4 near requested a 7 wire=GET conn=5\n4 near answered a 7 404 conn=5"
BEGUN = "1.1 near requested a 1 wire=POST\n1.1 resource requested a 1"
WITHDRAWN = "1.2 resource effected a 1\n1.3 near closed svc->place 1 fin"
BLIND = {
    "effected, then cut": (BEGUN, WITHDRAWN),
    "cut, then effected": (BEGUN, "1.2 near closed svc->place 1 fin\n1.3 resource effected a 1"),
    "cut, then read and effected": (
        "1.1 near requested a 1 wire=POST",
        "1.2 near closed svc->place 1 fin\n1.25 resource requested a 1\n1.3 resource effected a 1\n1.3 resource answered a 1 200",
    ),
    "effected, then answered with an error": (BEGUN, "1.2 resource effected a 1\n1.3 near answered a 1 502"),
}


def again_at(t):
    return f"{t} delivered q a r2 {L} mid=m conn=2\n{t + 0.1} posted a 2 conn=2"


def twice(folder, first_request, *lines, again=32):
    taken = f"1 delivered q a r1 {L} mid=m\n{first_request}"
    return history(folder, sent("a"), taken, *lines, again_at(again), over(t=90), world=SQS)


@pytest.mark.parametrize(("first_request", "lost"), BLIND.values(), ids=BLIND)
def test_who_repeats_what_may_have_been_done_without_asking_retries_blindly(tmp_path, first_request, lost):
    verdict = effected_once(twice(tmp_path, first_request, lost))

    assert verdict.labels == ("duplicated_by_blind_retry",)
    assert "it had lost the answer to the first, and did not ask" in verdict.sentence
    assert verdict.premises_of("duplicated_by_blind_retry") == 1


NOT_BLIND = {
    "its answer came, and the message was not deleted": (BEGUN, "1.2 resource effected a 1\n1.2 near answered a 1 200", "expiry"),
    "it asked before": (BEGUN, f"{WITHDRAWN}\n{ASKED}", "expiry"),
    "it was still at work at its deadline": (BEGUN, "1.2 resource effected a 1\n31.5 near closed svc->place 1 fin", "expiry"),
    "it is still at work": (BEGUN, "1.2 resource effected a 1", "expiry"),
    "it was killed": (BEGUN, f"{WITHDRAWN}\n1.4 exited svc -9", "expiry"),
}


@pytest.mark.parametrize(("first_request", "lost", "label"), NOT_BLIND.values(), ids=NOT_BLIND)
def test_and_who_could_not_know_it_does_not(tmp_path, first_request, lost, label):
    assert effected_once(twice(tmp_path, first_request, lost)).labels == (f"duplicated_by_{label}",)


@pytest.mark.parametrize("delivery_between", ["", f"32 delivered q a r9 {L} mid=m"], ids=["at once", "refused between"])
def test_however_the_message_came_back(tmp_path, delivery_between):
    given_back = "1.4 settled q a r1 visibility delay=0 " + C + "\n1.4 confirmed q a r1 true " + C
    back = delivery_between or given_back

    assert effected_once(twice(tmp_path, BEGUN, WITHDRAWN, back, again=70)).labels == ("duplicated_by_blind_retry",)


def test_on_amqp_too(tmp_path):
    taken = f"1 delivered q a 1:1\n{BEGUN}\n{WITHDRAWN}\n1.4 settled q a 1:1 requeue"
    run = history(
        tmp_path,
        sent("a"),
        taken,
        "5 delivered q a 1:2 conn=2 redelivered=true\n5.1 posted a 2 conn=2",
        "5.2 settled q a 1:2 ack conn=2",
        over(),
    )

    assert effected_once(run).labels == ("duplicated_by_blind_retry",)
