"""What the emulator gets wrong breaks no promise and keeps none, where a run came across it; and what it did not touch counts."""

import pytest

from harness.checks import accounted, neighbours_served
from harness.history.fidelity import DEDUPLICATION, GROUPS, REDRIVE
from tests.histories import dead, history, over, place, sqs

FIFO = (
    sqs(effects=(("place",),), fifo=True, dead_letter="dlq.fifo"),
    dead("dlq.fifo", broker="aws", fifo=True),
    sqs("other", effects=(("place",),)),
    place(),
)
ALL = ("q", "dlq.fifo", "other")


def told(folder, *lines, fidelity=(), end=""):
    return history(folder, *lines, end or over(queues=ALL), world=FIFO, variant="as it was", fidelity=fidelity)


def put(key, group, queue="q"):
    return f"0 harness attempted {queue} {key} group={group}\n0 harness acknowledged {queue} {key} mid={key}"


def taken(t, key, x, *, visibility=30, queue="q"):
    return f"{t} delivered {queue} {key} r{x} link=svc->sqs mid={key} x={x} visibility={visibility}"


def finished(t, key, x, queue="q"):
    road = f"link=svc->sqs x={x}00"
    done = f"{t + 0.2} settled {queue} {key} r{x} delete {road}\n{t + 0.3} confirmed {queue} {key} r{x} true {road}"
    return f"{t + 0.1} posted {key} {x}\n{done}"


def held_up(group):
    """Return how a message came back after 32 s, whose timeout was over after one, while an earlier one of `group` was out."""
    return [
        put("p", group), put("b", "B"), taken(1, "p", 1), taken(1.5, "b", 2, visibility=1),
        taken(32, "p", 3), taken(33, "b", 4), finished(33, "b", 4), taken(64, "p", 5),
    ]  # fmt: skip


WAITING = over("q p", queues=ALL, t=70.0)


def test_a_group_that_waited_for_another_is_not_late_by_its_service(tmp_path):
    verdict = neighbours_served(told(tmp_path, *held_up("A"), fidelity=(GROUPS,), end=WAITING), within=10.0)

    assert verdict.conclusion == "unknown"
    assert "a message of q came back only when an earlier one of another group was done" in verdict.sentence


@pytest.mark.parametrize(
    ("lines", "fidelity"),
    [
        (held_up("A"), ()),
        (held_up("A"), (DEDUPLICATION, REDRIVE)),
        (held_up("B"), (GROUPS,)),
        ([line.replace(" group=A", "") for line in held_up("A")], (GROUPS,)),
        ([line.replace("visibility=1", "visibility=30") for line in held_up("A")], (GROUPS,)),
    ],
    ids=["an emulator that does it", "one that lacks something else", "in one group", "in no known group", "out as long"],
)
def test_who_is_late_by_itself_is_late(tmp_path, lines, fidelity):
    verdict = neighbours_served(told(tmp_path, *lines, fidelity=fidelity, end=WAITING), within=10.0)

    assert (verdict.conclusion, verdict.label) == ("broken", "late")


def test_who_is_late_in_another_queue_is_late(tmp_path):
    beside = [put("x", "", "other"), put("y", "", "other"), taken(1, "x", 11, queue="other"), taken(32, "x", 12, queue="other")]
    late = [taken(40, "y", 13, queue="other"), finished(40, "y", 13, queue="other"), taken(64, "x", 14, queue="other")]
    end = over("q p", "other x", queues=ALL, t=70.0)
    verdict = neighbours_served(told(tmp_path, *held_up("A"), *beside, *late, fidelity=(GROUPS,), end=end), within=10.0)

    assert (verdict.conclusion, verdict.definite) == ("broken", 2)


def test_what_was_in_time_nevertheless_is_kept(tmp_path):
    verdict = neighbours_served(told(tmp_path, *held_up("A"), fidelity=(GROUPS,), end=WAITING), within=40.0)

    assert verdict.conclusion == "kept"


def test_one_that_is_out_longest_counts_whatever_came_after_it(tmp_path):
    lines = [
        put("p", "A"), put("s", "A"), put("c", "C"), put("b", "B"), put("d", "A"),
        taken(1, "p", 1), taken(1.1, "s", 6, visibility=2), finished(1.2, "s", 6), taken(1.3, "c", 7, visibility=2),
        finished(1.4, "c", 7), taken(1.45, "d", 8, visibility=60), finished(50, "d", 8),
        taken(1.5, "b", 2, visibility=1), taken(32, "p", 3), taken(33, "b", 4), finished(33, "b", 4), taken(64, "p", 5),
    ]  # fmt: skip
    verdict = neighbours_served(told(tmp_path, *lines, fidelity=(GROUPS,), end=WAITING), within=10.0)

    assert verdict.conclusion == "unknown"


def sent(key, x, mid, *, t=0, group="g", ident="same"):
    about = f"link=p->sqs x={x}"
    named = "".join(f" {name}={value}" for name, value in (("group", group), ("deduplication", ident)) if value)
    begun = "\n".join(f"{t} {at} attempted q {key} {about}{named}" for at in ("near", "far"))
    return f"{begun}\n" + "\n".join(f"{t} {at} acknowledged q {key} {about} mid={mid}" for at in ("far", "near"))


def both_served(second):
    return [sent("a", 1, "m1"), second, taken(400, "a", 1), finished(400, "a", 1), taken(401, "b", 2), finished(401, "b", 2)]


def test_a_message_that_aws_had_dropped_keeps_no_promise(tmp_path):
    run = told(tmp_path, *both_served(sent("b", 2, "m2", t=1)), fidelity=(DEDUPLICATION,), end=over(queues=ALL, t=410.0))

    assert accounted(run).conclusion == "unknown"
    assert "was sent to q again in its group with the same deduplication id, and kept" in accounted(run).sentence


@pytest.mark.parametrize(
    ("second", "fidelity"),
    [
        (sent("b", 2, "m2", t=1), (GROUPS, REDRIVE)),
        (sent("b", 2, "m2", t=1, group="h"), (DEDUPLICATION,)),
        (sent("b", 2, "m2", t=1, ident="another"), (DEDUPLICATION,)),
        (sent("b", 2, "m2", t=301), (DEDUPLICATION,)),
        (sent("b", 2, "m2", t=1, ident=""), (DEDUPLICATION,)),
    ],
    ids=["an emulator that does it", "another group", "another id", "five minutes later", "no id"],
)
def test_what_aws_had_kept_too_is_kept(tmp_path, second, fidelity):
    run = told(tmp_path, *both_served(second), fidelity=fidelity, end=over(queues=ALL, t=410.0))

    assert accounted(run).conclusion == "kept"


MOVED = "2 far answered link=ops->sqs x=1 wire=StartMessageMoveTask queue={} ok={}"
LOST = [put("a", "g"), taken(0.5, "a", 1), finished(0.5, "a", 1)]


def test_what_is_sent_back_to_a_fifo_queue_is_lost_by_the_emulator(tmp_path):
    run = told(tmp_path, *LOST, MOVED.format("dlq.fifo", "true"), fidelity=(REDRIVE,))

    assert accounted(run).conclusion == "unknown"
    assert "StartMessageMoveTask was asked for dlq.fifo" in accounted(run).sentence


@pytest.mark.parametrize(
    ("moved", "fidelity"),
    [
        (MOVED.format("dlq.fifo", "true"), (GROUPS,)),
        (MOVED.format("dlq.fifo", "false"), (REDRIVE,)),
        (MOVED.format("dlq", "true"), (REDRIVE,)),
    ],
    ids=["an emulator that does it", "a task that was refused", "on a standard queue"],
)
def test_a_redrive_that_loses_nothing(tmp_path, moved, fidelity):
    assert accounted(told(tmp_path, *LOST, moved, fidelity=fidelity)).conclusion == "kept"
