"""What lay in the queues as a phase ended: taken for that phase only, and of RabbitMQ only what follows from counts."""

import pytest

from harness.checks import accounted, nothing_dead_lettered, parked, recovered, signalled
from harness.history import History
from tests.histories import dead, done, history, over, place, rabbit, sent, sink, sqs

RABBIT = (rabbit(effects=(("place",),), dead_letter="dlq", max_receive_count=2, kind="quorum"), dead(), place(), sink())
SQS = (sqs(effects=(("place",),), dead_letter="dlq", max_receive_count=2), dead(broker="aws"), place(), sink())
WAIT = (*RABBIT, rabbit("wait", role="retry", dead_letter="q", ttl=5.0), rabbit("parked", role="parking"))
BOTH = ("q", "dlq")
REJECTED = "1 delivered q a 1:1\n2 settled q a 1:1 reject"
RECEIVED = "1 delivered q a r1 link=svc->sqs mid=m\n40 delivered q a r2 link=svc->sqs mid=m"
AGAIN = "60 harness attempted q a data.redriven=1"
QUIET = "50 drained quiet"


def glance(t=50, **counts):
    return "\n".join(f"{t} scanned {name} drain=1 ready={count}" for name, count in counts.items())


SEEN = "50 residue dlq a drain=1\n50 scanned dlq drain=1 messages=1\n50 scanned q drain=1 messages=0"


def phases(folder, *lines, world=RABBIT, end=None):
    """Return the first phase, which ends with the last of these lines, and the whole."""
    after = [AGAIN, done("a", t=61, first=9, conn=2), end or over(queues=BOTH, t=99)]
    whole = history(folder, *lines, *after, world=world)
    first = history(folder, *lines, world=world).ledger().last_n
    history(folder, *lines, *after, world=world)
    return History(whole.path, until=first), whole


WORLDS = {
    "RabbitMQ": (RABBIT, [REJECTED, QUIET, glance(q=0, dlq=1)]),
    "SQS": (SQS, [RECEIVED, QUIET, SEEN]),
}


@pytest.mark.parametrize(("world", "lines"), WORLDS.values(), ids=WORLDS)
def test_what_lay_there_belongs_to_its_phase_only(tmp_path, world, lines):
    broken, mended = phases(tmp_path, sent("a"), *lines, world=world)

    assert parked(broken, attempts=2).conclusion == "kept"
    assert signalled(broken, within=300).labels == ("silent",)
    assert accounted(broken).conclusion == "kept"
    assert accounted(mended).conclusion == "kept"


def test_a_dead_letter_that_the_broker_made_by_itself_is_one(tmp_path):
    gone = "\n".join(f"{n} delivered q a 1:{n}\n{n}.5 settled q a 1:{n} requeue" for n in (1, 2, 3))
    broken, _ = phases(tmp_path, sent("a"), gone, QUIET, glance(q=0, dlq=1))

    assert broken.ledger().world.queues["q"].obligations["a"].dead == 1
    assert nothing_dead_lettered(broken).definite == 1


COUNTS = {
    "nothing is left": ([REJECTED], {"q": 0, "dlq": 0}, [True, True]),
    "one was taken away by hand": ([REJECTED, "1 delivered q b 1:2\n2 settled q b 1:2 reject"], {"dlq": 1}, [False, False]),
    "more than were rejected": ([REJECTED], {"q": 0, "dlq": 2}, [True, False]),
    "as many as wait": ([], {"q": 2, "dlq": 0}, [True, True]),
    "more than wait": ([REJECTED], {"q": 7, "dlq": 1}, [False, True]),
    "waiting in a retry queue": ([REJECTED], {"q": 0, "dlq": 1, "wait": 1}, [True, True]),
    "parked, and who knows which": ([REJECTED], {"q": 0, "dlq": 1, "parked": 1}, [True, True]),
    "in a queue that nobody knows": ([REJECTED], {"q": 0, "dlq": 1, "other": 1}, [True, True]),
}


@pytest.mark.parametrize(("lines", "counts", "known"), COUNTS.values(), ids=COUNTS)
def test_counts_say_which_are_there_where_they_fit(tmp_path, lines, counts, known):
    run = history(tmp_path, sent("a", "b"), *lines, QUIET, glance(**counts), world=WAIT)

    assert [run.ledger().world.queues[name].scanned for name in BOTH] == known


def test_what_waits_is_left_in_its_queue(tmp_path):
    run = history(tmp_path, sent("a", "b"), done("b"), QUIET, glance(q=1, dlq=0), world=RABBIT)

    assert run.ledger().world.queues["q"].obligations["a"].residue == 1


def test_what_its_consumer_sent_on_is_parked_where_as_many_are(tmp_path):
    put = "\n".join(f"1.1 {at} attempted parked a x=1" for at in ("near", "far"))
    lines = [sent("a"), "1 delivered q a 1:1", put, "1.2 far acknowledged parked a x=1\n1.3 settled q a 1:1 ack", QUIET]
    run = history(tmp_path, *lines, glance(q=0, dlq=0, wait=0, parked=1), world=WAIT)

    assert run.ledger().world.queues["q"].obligations["a"].parked == 1
    assert parked(run, attempts=1).conclusion == "kept"


def test_an_older_look_says_nothing_of_a_later_phase(tmp_path):
    lines = [sent("a"), REJECTED, QUIET, glance(q=0, dlq=1), AGAIN, "61 delivered q a 1:9\n61.1 posted a 9", "70 drained quiet"]
    run = history(tmp_path, *lines, world=RABBIT)

    assert run.ledger().world.queues["dlq"].scanned is False
    assert recovered(run, within=1).conclusion == "vacuous"
