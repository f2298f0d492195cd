"""Every byte-level fault on every wire, with a real client: what it saw, what the near and the far tap saw, and the bite."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from harness.clock import now
from harness.errors import UsageError
from harness.faults import bandwidth, cut_short, half_open, outage, reset, sliced, slow_close, timeout
from harness.model import Fault
from tests.sandboxes import Tell
from tests.table.worlds import BRIEF, LONG, Amqp, Http, Sqs, World, soon, world

WIRES: tuple[type[World], ...] = (Http, Sqs, Amqp)
OTHER = {"http": "resource", "sqs": "far", "amqp": "far"}
DONE = {
    "http": ["requested", "effected", "answered"],
    "sqs": ["attempted", "acknowledged"],
    "amqp": ["delivered", "settled"],
}
"""What the other side sees of a call that works."""

WORKS = {"http": "200", "sqs": "200", "amqp": "consumed"}


class Cell(NamedTuple):
    """What is expected of one fault on one wire: the client's word, and what near and far saw of its call (a | b: either).

    `least` is seconds from when the fault was asked for; who is to wait for nothing waits as briefly as BRIEF.
    """

    client: str
    near: str = ""
    far: str = ""
    least: float = 0.0


class Row(NamedTuple):
    """One fault; `began` says where: False before the call, True within it, when the other side has done what is asked."""

    name: str
    make: Callable[[World, str], Fault]
    http: Cell
    sqs: Cell
    amqp: Cell


ALL = Cell("", "requested answered", "requested effected answered")
SENT = Cell("", "attempted acknowledged", "attempted acknowledged")
TAKEN = Cell("", "delivered settled", "delivered settled")
ROWS = (
    Row(
        "bandwidth", lambda w, _: bandwidth(w.link, 10_000),
        ALL._replace(client="200", least=0.15),
        SENT._replace(client="200", least=0.15),
        TAKEN._replace(client="consumed", least=0.15),
    ),
    Row(
        "sliced", lambda w, _: sliced(w.link, 64, seconds=0.0005),
        ALL._replace(client="200"), SENT._replace(client="200"), TAKEN._replace(client="consumed"),
    ),
    Row(
        "timeout", lambda w, _: timeout(w.link),
        Cell("ReadTimeout", "requested", "requested effected answered", BRIEF),
        Cell("ReadTimeoutError", "attempted", "attempted acknowledged", BRIEF),
        Cell("nothing", "", "delivered", BRIEF),
    ),
    Row(
        "timeout of requests", lambda w, _: timeout(w.link, side="request"),
        Cell("ReadTimeout", "requested", "", BRIEF),
        Cell("ReadTimeoutError", "attempted", "", BRIEF),
        Cell("consumed", "delivered settled", "delivered"),
    ),
    Row(
        "timeout that closes", lambda w, _: timeout(w.link, seconds=2),
        Cell("RemoteProtocolError", "requested", "requested effected answered", 2),
        Cell("ConnectionClosedError", "attempted", "attempted acknowledged", 2),
        Cell("StreamLostError", "", "delivered", 2),
    ),
    Row(
        "reset in the middle", lambda w, key: reset(w.link, begins=w.moment(key)),
        Cell("ReadError", "requested", "requested effected"),
        Cell("ConnectionClosedError", "attempted", "attempted acknowledged"),
        Cell("StreamLostError", "delivered", "delivered"),
    ),
    Row(
        "reset of what comes", lambda w, _: reset(w.link, lasts=30),
        Cell("ReadError", "requested"),
        Cell("ConnectionClosedError", "attempted"),
        Cell("StreamLostError"),  # nothing is under way to a consumer that waits
    ),
    Row(
        "outage in the middle", lambda w, key: outage(w.link, begins=w.begun(key)),
        Cell("RemoteProtocolError", "requested", "requested"),
        Cell("ConnectionClosedError", "attempted", "attempted acknowledged"),
        Cell("StreamLostError|consumed", "delivered|delivered settled", "delivered"),  # what the near tap had still goes on
    ),
    # boto3 takes the beginning of a head, "HTTP/1.1 200", for the whole answer, and calls it a success.
    Row(
        "cut_short", lambda w, _: cut_short(w.link, 20),
        Cell("RemoteProtocolError", "requested", "requested effected answered"),
        Cell("200", "attempted", "attempted acknowledged"),
        Cell("StreamLostError", "", "delivered"),
    ),
    Row(
        "cut_short of requests", lambda w, _: cut_short(w.link, 5, side="request"),
        Cell("RemoteProtocolError", "requested"),
        Cell("ConnectionClosedError", "attempted"),
        Cell("consumed", "delivered settled", "delivered"),
    ),
    Row(
        "half_open", lambda w, _: half_open(w.link),
        Cell("ReadTimeout", "requested", "", BRIEF),
        Cell("ReadTimeoutError", "attempted", "", BRIEF),
        Cell("nothing", "", "delivered", BRIEF),
    ),
)  # fmt: skip


@pytest.fixture(scope="module", params=WIRES, ids=lambda kind: kind.__name__.lower())
def shared(request: pytest.FixtureRequest, tell: Tell) -> Iterator[World]:
    with tell(f"bytes on {request.param.__name__}") as sandbox, world(request.param, sandbox) as made:
        yield made


@pytest.fixture
def one(shared: World) -> Iterator[World]:
    """A wire with an open connection on which a call has worked, and nothing wrong with it."""
    opened(shared)
    yield shared
    shared.sandbox.heal()


def opened(one: World, patience: float = LONG) -> None:
    """Have a new connection on which a call has worked; from then on the client waits for so many seconds."""

    def worked() -> str:
        one.renew(patience)
        key = one.next_key()
        return key if one.call(key) == WORKS[one.wire] else ""

    key = soon(worked, "a call that works, also with little patience")
    soon(lambda: one.seen(OTHER[one.wire], key) == DONE[one.wire], "all of the call on the other side")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_what_client_and_taps_see_of_a_fault(one: World, row: Row):
    cell, other = getattr(row, one.wire), OTHER[one.wire]
    opened(one, BRIEF if cell.least == BRIEF else LONG)
    key, began = one.next_key(), now()
    ident = one.inject(row.make(one, key))
    said = one.call(key)
    took = now() - began
    soon(lambda: one.bites(ident) or not (cell.near or cell.far), f"a bite of {row.name}")
    assert said in cell.client.split("|")
    assert cell.least <= took < 30
    soon(lambda: " ".join(one.seen("near", key)) in cell.near.split("|"), f"{cell.near or 'nothing'} at the near tap")
    soon(lambda: " ".join(one.seen(other, key)) == cell.far, f"{cell.far or 'nothing'} at {other}")


@pytest.mark.parametrize("kind", WIRES, ids=lambda kind: kind.__name__.lower())
def test_what_meets_no_traffic_does_not_bite(tell: Tell, kind: type[World]):
    with tell(f"no traffic on {kind.__name__}") as sandbox, world(kind, sandbox) as idle:
        soon(lambda: idle.seen(OTHER[idle.wire], "warm") == DONE[idle.wire], "all of the call on the other side")
        link = idle.link
        faults = [
            *(bandwidth(link, 1000), sliced(link, 1), timeout(link, side="request"), cut_short(link, 10_000_000)),
            *(half_open(link), slow_close(link, 0.1), outage(link), reset(link)),
        ]
        idents = [idle.inject(fault) for fault in faults]
        sandbox.heal()
        found = [idle.bites(ident) for ident in idents]
    assert found == [0] * len(faults)


def test_a_reset_is_one_for_both_sides(one: World):
    one.inject(reset(one.link))
    ends = {str(event.at): event.how for event in one.events() if event.kind == "closed" and event.conn == one.events()[-1].conn}
    assert ends == {"near": "rst", OTHER[one.wire]: "rst"}
    one.renew()
    assert one.call(one.next_key()) == WORKS[one.wire]


def test_an_end_that_is_noticed_late(one: World):
    ident = one.inject(slow_close(one.link, 0.2))
    one.hang_up()
    soon(lambda: one.bites(ident), "the end on the other side")
    closed = {str(event.at): event.t for event in one.events() if event.kind == "closed" and event.conn == one.events()[-1].conn}
    assert 0.15 < closed[OTHER[one.wire]] - closed["near"] < 30


def test_the_end_of_a_timeout_closes_what_it_was_on(one: World):
    opened(one, BRIEF)
    one.inject(timeout(one.link))
    one.call(one.next_key())
    one.sandbox.heal()
    last = one.events()[-1].conn
    taps = {"near", OTHER[one.wire]}
    soon(lambda: {event.at for event in one.events() if (event.kind, event.conn) == ("closed", last)} == taps, "its end")
    one.renew()
    assert one.call(one.next_key()) == WORKS[one.wire]


def test_what_is_half_open_stays_dead_and_new_connections_work(one: World):
    opened(one, BRIEF)
    one.inject(half_open(one.link))
    one.inject(outage(one.link, lasts=30))
    one.sandbox.heal()
    assert one.call(one.next_key()) != WORKS[one.wire]
    one.renew()
    assert one.call(one.next_key()) == WORKS[one.wire]


def test_an_operation_that_the_wire_cannot_carry_is_refused(one: World):
    with pytest.raises(UsageError, match=r"no connection of it carries 'Basic\.Get'; there are: "):
        one.inject(half_open(one.link, on="Basic.Get"))


def test_one_long_poll_is_left_hanging_and_its_message_never_arrives(tell: Tell):
    with tell("a poll") as sandbox, world(Sqs, sandbox) as sqs:
        ident = sqs.inject(half_open(sqs.link, on="ReceiveMessage"))
        said = sqs.receive(5, patience=BRIEF)
        sent, again = sqs.call("k"), sqs.receive(5)
        bites, seen = sqs.bites(ident), (sqs.seen("far", "warm"), sqs.seen("near", "warm"))
    assert (said, sent, again) == ("ReadTimeoutError", "200", "received")
    assert seen == (["attempted", "acknowledged", "delivered"], ["attempted", "acknowledged"])
    assert bites == 1
