"""Each label of `in_order`, within a group; and what is no disorder: other groups, one receive, sends at the same time."""

import pytest

from harness.checks import in_order
from tests.histories import dead, history, over, place, rabbit, sqs

FIFO = (sqs(effects=(("place",),), fifo=True, dead_letter="dlq", max_receive_count=3), dead(broker="aws"), place())
STANDARD = (sqs(effects=(("place",),), version="/revision"), place())
RABBIT = (rabbit(effects=(("place",),), dead_letter="dlq"), dead(), place())
BOTH = ("q", "dlq")


def put(*keys, group="g", t=0.0, mid=""):
    given = f" group={group}" if group else ""
    return "\n".join(
        f"{t + n / 10} harness attempted q {key}{given}\n{t + n / 10} harness acknowledged q {key} mid={key}{mid}"
        for n, key in enumerate(keys)
    )


def received(t, key, x, tag=None):
    return f"{t} delivered q {key} {tag or 'r' + key} link=svc->sqs mid={key} x={x}"


def deleted(t, key):
    return f"{t} settled q {key} r{key} delete link=svc->sqs x=900\n{t} confirmed q {key} r{key} true link=svc->sqs x=900"


def served(t, key, x):
    return "\n".join([received(t, key, x), f"{t + 0.1} posted {key} {x}", deleted(t + 0.2, key)])


def judged(folder, *lines, world=FIFO, end=None):
    return in_order(history(folder, *lines, end or over(queues=BOTH), world=world, variant="as it was"))


SWAPPED = [received(1, "a", 1), received(1.1, "b", 2), "2 posted b 1", "3 posted a 2", deleted(4, "a"), deleted(4, "b")]
A_DIES = [*(received(1 + 31 * n, "a", 10 + n, f"ra{n}") for n in range(3)), served(120, "b", 50)]

BROKEN = {
    "the later one first": ("effect_inversion", FIFO, [put("a", "b"), *SWAPPED], None),
    "by the version in the key": (
        "effect_inversion",
        STANDARD,
        [put("7@1", "7@2", group=""), served(1, "7@2", 1), served(2, "7@1", 2)],
        None,
    ),
    "on RabbitMQ": (
        "effect_inversion",
        RABBIT,
        [put("a", "b", group=""), "1 delivered q a 1:1\n1 delivered q b 1:2\n2 posted b 1\n3 posted a 2"],
        None,
    ),
    "sent one after the other on one connection": (
        "effect_inversion",
        FIFO,
        [
            "0.1 near attempted q a link=p->sqs x=1\n0.1 far attempted q a link=p->sqs x=1 group=g",
            "0.2 near attempted q b link=p->sqs x=1\n0.2 far attempted q b link=p->sqs x=1 group=g",
            "0.3 far acknowledged q a link=p->sqs x=1 mid=a\n0.3 far acknowledged q b link=p->sqs x=1 mid=b",
            *SWAPPED,
        ],
        None,
    ),
    "both in work at once": (
        "group_concurrency",
        FIFO,
        [
            put("a", "b"),
            received(1, "a", 1),
            received(1.1, "b", 2),
            "2 posted a 1",
            deleted(3, "a"),
            "4 posted b 2",
            deleted(5, "b"),
        ],
        None,
    ),
    "the first is dead, the second done": ("gap", FIFO, [put("a", "b"), *A_DIES], over("dlq a", queues=BOTH, t=200)),
}


@pytest.mark.parametrize(("label", "world", "lines", "end"), BROKEN.values(), ids=BROKEN)
def test_broken(tmp_path, label, world, lines, end):
    verdict = judged(tmp_path, *lines, world=world, end=end)

    assert (verdict.conclusion, verdict.labels, verdict.definite) == ("broken", (label,), 1)
    assert verdict.premises_of(label) >= 1


KEPT = {
    "one after the other": (FIFO, [put("a", "b"), served(1, "a", 1), served(2, "b", 2)], None),
    "in one receive": (
        FIFO,
        [
            put("a", "b"),
            received(1, "a", 1),
            received(1, "b", 1),
            "2 posted a 1",
            "3 posted b 2",
            deleted(4, "a"),
            deleted(4, "b"),
        ],
        None,
    ),
    "while the broker still said that it had the first one's delete": (
        FIFO,
        [
            put("a", "b"),
            received(1, "a", 1),
            "2 posted a 1",
            "2.1 settled q a ra delete link=svc->sqs x=900",
            received(2.2, "b", 2),
            "2.3 confirmed q a ra true link=svc->sqs x=900",
            "3 posted b 2",
            deleted(4, "b"),
        ],
        None,
    ),
    "after the first had expired": (
        FIFO,
        [put("a", "b"), received(1, "a", 1), "2 posted a 1", received(40, "b", 2), "41 posted b 2", deleted(42, "b")],
        None,
    ),
    "dead, and nothing after it": (
        FIFO,
        [put("a", "b"), *A_DIES[:3]],
        over("dlq a", "q b", queues=BOTH, t=200),
    ),
    "dead, and the other one was before it": (
        FIFO,
        [put("b", "a"), served(0.5, "b", 50), *A_DIES[:3]],
        over("dlq a", queues=BOTH, t=200),
    ),
    "both at once on RabbitMQ": (
        RABBIT,
        [put("a", "b", group=""), "1 delivered q a 1:1\n1 delivered q b 1:2\n2 posted a 1\n3 posted b 2"],
        None,
    ),
    "dead on RabbitMQ": (
        RABBIT,
        [put("a", "b", group=""), "1 delivered q a 1:1\n1.1 settled q a 1:1 reject\n1.2 delivered q b 1:2\n1.3 posted b 1"],
        over("dlq a", queues=BOTH),
    ),
}


@pytest.mark.parametrize(("world", "lines", "end"), KEPT.values(), ids=KEPT)
def test_kept(tmp_path, world, lines, end):
    assert judged(tmp_path, *lines, world=world, end=end).conclusion == "kept"


def test_what_is_taken_without_an_effect_counts_from_its_acknowledgement(tmp_path):
    lines = [
        put("a", "b", group=""),
        "1 delivered q b 1:1\n1.1 settled q b 1:1 ack\n2 delivered q a 1:2\n2.1 settled q a 1:2 ack",
    ]
    again = [*lines, "3 delivered q a 1:3 redelivered=true\n3.1 settled q a 1:3 ack"]

    for each in (lines, again):
        assert judged(tmp_path, *each, world=(rabbit(),), end=over()).findings.labels["effect_inversion"].keys == {"a"}


NO_ORDER = {
    "each in a group of its own": [put("a", group="g"), put("b", group="h", t=0.2), *SWAPPED],
    "without a group": [put("a", "b", group=""), *SWAPPED],
    "sent at the same time": [
        "0 harness attempted q a group=g\n0 harness attempted q b group=g",
        "0 harness acknowledged q b\n0 harness acknowledged q a",
        *SWAPPED,
    ],
    "one of them refused rightly": [
        put("b"),
        "0.2 harness attempted q a ends=refused group=g\n0.2 harness acknowledged q a",
        *SWAPPED,
    ],
    "sent again": [put("a"), put("b"), put("a", t=0.3, mid="2"), *SWAPPED],
}


@pytest.mark.parametrize("lines", NO_ORDER.values(), ids=NO_ORDER)
def test_without_an_order_there_is_nothing_to_keep(tmp_path, lines):
    verdict = judged(tmp_path, *lines)

    assert (verdict.conclusion, verdict.premises) == ("vacuous", 0)


def test_what_the_harness_was_told_is_better_than_what_is_on_the_wire(tmp_path):
    told = "0 harness attempted q a wire=told group=g\n0.2 harness attempted q b wire=told group=g"
    wire = "\n".join(
        f"{t} near attempted q {key} link=p->sqs x=1 conn={conn} group={group}\n"
        f"{t} far attempted q {key} link=p->sqs x=1 conn={conn} group={group}\n"
        f"{t} far acknowledged q {key} link=p->sqs x=1 conn={conn} mid={key}"
        for t, key, conn, group in ((0.1, "a", 1, "random1"), (0.3, "b", 2, "random2"))
    )

    assert judged(tmp_path, told, wire, *SWAPPED).label == "effect_inversion"


OVERTAKEN = [served(1, "b", 1), served(2, "a", 2)]
IN_TURN = [served(1, "a", 1), served(2, "b", 2)]


@pytest.mark.parametrize(
    ("belongs", "lines", "found"),
    [("gg", OVERTAKEN, ("broken", "effect_inversion")), ("gg", IN_TURN, ("kept", "")), ("gh", OVERTAKEN, ("vacuous", ""))],
    ids=["overtaken", "in turn", "of two groups"],
)
def test_what_the_body_says_is_better_than_what_is_on_the_wire(tmp_path, belongs, lines, found):
    sent = "\n".join(
        f"{t} near attempted q {key} link=p->sqs x=1 conn={conn} group={group} belongs={own}\n"
        f"{t} far attempted q {key} link=p->sqs x=1 conn={conn} group={group} belongs={own}\n"
        f"{t} far acknowledged q {key} link=p->sqs x=1 conn={conn} mid={key}"
        for t, key, conn, group, own in ((0.1, "a", 1, "random1", belongs[0]), (0.3, "b", 2, "random2", belongs[1]))
    )
    verdict = judged(tmp_path, sent, *lines)

    assert (verdict.conclusion, verdict.label) == found


def test_what_a_gap_of_a_tap_may_have_touched_is_never_sure(tmp_path):
    verdict = judged(tmp_path, put("a", "b"), *SWAPPED[:3], "1.5 gap svc->sqs 0", *SWAPPED[3:4])

    assert (verdict.conclusion, verdict.definite, verdict.possible) == ("unknown", 0, 1)


def test_the_sentence_names_both(tmp_path):
    sentence = judged(tmp_path, put("a", "b"), *SWAPPED).sentence

    assert "a: took effect 1.00 s after b, which was sent later" in sentence
