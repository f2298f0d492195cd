"""A retry queue from which who fills it takes, too: what is sent on there is the same message, acknowledged before or not."""

import pytest

from harness.checks import accounted, effected_once
from harness.history import History
from tests.histories import history, over, place, sent, sqs

WORLD = (sqs(effects=(("place",),)), sqs("later", role="retry"), place())
ENDS = over(t=90, queues=("q", "later"))
ON = "link=svc->sqs conn=1"


def taken(t: float, queue: str, tag: str) -> str:
    return f"{t} delivered {queue} a {tag} {ON} mid={tag}"


def deleted(t: float, queue: str, tag: str) -> str:
    return f"{t} settled {queue} a {tag} delete {ON}\n{t} confirmed {queue} a {tag} true {ON}"


def sent_on(t: float, *, on: str = ON) -> str:
    lines = [f"{at} attempted later a {on} x=5" for at in ("near", "far")]
    return "\n".join(f"{t} {line}" for line in [*lines, *(f"{at} acknowledged later a {on} x=5" for at in ("far", "near"))])


def found(run: History) -> tuple[list[str], list[tuple[str, int, dict[str, int]]]]:
    """Return the conclusions, and of each message its queue, its deliveries and why there were further ones."""
    told: list[str] = [accounted(run).conclusion, effected_once(run).conclusion]
    return told, [(one.queue.name, one.far, one.further or {}) for one in run.ledger().rest()]


EARLY = (deleted(1.1, "q", "r1"), sent_on(1.4))
LATE = (sent_on(1.3), deleted(1.4, "q", "r1"))


@pytest.mark.parametrize("order", [EARLY, LATE], ids=["acknowledged before", "acknowledged after"])
def test_what_its_consumer_sends_on_is_the_same_message(tmp_path, order: tuple[str, str]):
    lines = [sent("a"), taken(1, "q", "r1"), *order, taken(2, "later", "r2"), deleted(2.1, "later", "r2"), "2.2 posted a 2"]
    run = history(tmp_path, *lines, ENDS, world=WORLD)

    assert found(run) == (["kept", "kept"], [("q", 2, {"republished": 1})])


def test_it_may_be_sent_on_from_there_again(tmp_path):
    first = [sent("a"), taken(1, "q", "r1"), *EARLY, taken(2, "later", "r2"), deleted(2.1, "later", "r2")]
    again = [sent_on(2.2).replace("x=5", "x=6"), taken(3, "later", "r3"), deleted(3.1, "later", "r3"), "3.2 posted a 2"]
    run = history(tmp_path, *first, *again, ENDS, world=WORLD)

    assert found(run) == (["kept", "kept"], [("q", 3, {"republished": 2})])


def test_two_effects_of_it_are_one_too_many(tmp_path):
    lines = [sent("a"), taken(1, "q", "r1"), "1.2 posted a 1", *EARLY, taken(2, "later", "r2"), "2.2 posted a 2"]
    run = history(tmp_path, *lines, deleted(2.3, "later", "r2"), ENDS, world=WORLD)

    assert effected_once(run).labels == ("duplicated_by_requeue",)


def test_what_others_send_there_is_theirs(tmp_path):
    other = "link=other->sqs conn=1"
    lines = [sent("a"), taken(1, "q", "r1"), deleted(1.1, "q", "r1"), sent_on(1.4, on=other), "1.5 posted a 1"]
    run = history(tmp_path, *lines, ENDS, world=WORLD)

    assert found(run) == (["kept", "kept"], [("q", 1, {})])
    assert "a" in run.ledger().world.queues["later"].obligations
