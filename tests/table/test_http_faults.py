"""The faults of single requests on HTTP, with httpx, requests and urllib3: what client, near tap and resource saw, what bit."""

from collections.abc import Iterator

import pytest

from harness.clock import eventually, now
from harness.errors import UsageError
from harness.faults import altered, answer_lost, duplicate, held, latency, reordered, request_lost, shortened, status
from harness.history.events import Declaration
from harness.model import Fault, Link
from harness.stack import Stack
from tests.table.calling import Clients
from tests.table.seen import Way, way

LINK = Link("writer", "tcs")
REQUESTED, EFFECTED, ANSWERED = ("requested", "1"), ("effected", "1"), ("answered", "1")
CLOSED = {
    "httpx": "RemoteProtocolError",
    "httpx chunked": "RemoteProtocolError",
    "requests": "ConnectionError",
    "requests closing": "ConnectionError",
    "urllib3": "ProtocolError",
}
"""What each client calls a connection that is closed before the answer."""


@pytest.fixture(scope="module")
def road(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Way, Clients]]:
    tcs = Declaration(what="resource", name="tcs", kind="http", key="/id")
    with way(stack, tmp_path_factory.mktemp("http"), LINK, "http", tcs) as open_way:
        clients = Clients(open_way.port)
        yield open_way, clients
        clients.close()


@pytest.fixture
def tcs(road: tuple[Way, Clients]) -> Way:
    """A link with no fault on it, whose journal is read from here on."""
    road[0].forget()
    return road[0]


@pytest.fixture
def clients(road: tuple[Way, Clients]) -> Clients:
    return road[1]


def settled(tcs: Way, count: int) -> None:
    """Wait until so many answers of the resource are recorded."""
    eventually(lambda: len(tcs.at_resource("answered")) >= count, awaited=f"{count} answers", within=60)


@pytest.mark.parametrize("client", CLOSED)
class TestWhatAClientSees:
    def test_a_lost_request_is_never_executed_and_its_connection_closed(self, tcs: Way, clients: Clients, client: str):
        tcs.arm(request_lost(LINK, times=1))
        saw = [clients.by_name[client](key) for key in ("1", "2")]

        assert saw == [CLOSED[client], "200"]
        assert tcs.near("requested", "answered") == [REQUESTED, ("requested", "2"), ("answered", "2")]
        assert tcs.at_resource("effected") == [("effected", "2")]
        assert tcs.bites() == [("f1", "near", "POST", "1")]

    def test_a_lost_answer_is_executed(self, tcs: Way, clients: Clients, client: str):
        tcs.arm(answer_lost(LINK, times=1))
        saw = [clients.by_name[client](key) for key in ("1", "2")]

        assert saw == [CLOSED[client], "200"]
        assert tcs.near("requested", "answered") == [REQUESTED, ("requested", "2"), ("answered", "2")]
        assert tcs.at_resource("effected") == [EFFECTED, ("effected", "2")]
        assert tcs.bites() == [("f1", "near", "POST", "1")]

    def test_a_gateway_may_give_another_answer(self, tcs: Way, clients: Clients, client: str):
        tcs.arm(answer_lost(LINK, status=504, times=1))
        saw = [clients.by_name[client](key) for key in ("1", "1")]

        assert saw == ["504", "200"]
        assert tcs.near("requested", "answered") == [REQUESTED, REQUESTED, ANSWERED]
        assert tcs.made("answered") == [("f1", "answered", "1")]
        assert tcs.at_resource("effected") == [EFFECTED, EFFECTED]
        assert tcs.bites() == [("f1", "near", "POST", "1")]

    def test_a_status_is_answered_and_nothing_executed(self, tcs: Way, clients: Clients, client: str):
        tcs.arm(status(LINK, 503, headers={"Retry-After": "1"}, body="busy", times=2))
        saw = [clients.by_name[client](key) for key in ("1", "1", "1")]

        assert saw == ["503", "503", "200"]
        assert tcs.near("requested") == [REQUESTED] * 3
        assert tcs.made("answered") == [("f1", "answered", "1")] * 2
        assert tcs.at_resource("requested", "effected") == [REQUESTED, EFFECTED]
        assert tcs.events("requested", at="near")[-1].x == tcs.events("requested", at="resource")[0].x
        asked, done = tcs.events("requested", at="near")[2], tcs.events("effected")[0]
        assert (asked.conn, asked.x) == (done.conn, done.x)
        assert tcs.bites() == [("f1", "near", "POST", "1")] * 2

    def test_a_duplicate_is_executed_twice_and_answered_once(self, tcs: Way, clients: Clients, client: str):
        tcs.arm(duplicate(LINK, times=1))
        saw = [clients.by_name[client](key) for key in ("1", "2")]
        settled(tcs, 3)

        assert saw == ["200", "200"]
        assert tcs.near("requested", "answered") == [REQUESTED, ANSWERED, ("requested", "2"), ("answered", "2")]
        assert tcs.made("requested") == [("f1", "requested", "1")]
        assert sorted(tcs.at_resource("effected")) == [EFFECTED, EFFECTED, ("effected", "2")]
        assert tcs.bites() == [("f1", "near", "POST", "1")]

    def test_an_answer_comes_late_and_its_request_does_not(self, tcs: Way, clients: Clients, client: str):
        tcs.arm(latency(LINK, 0.5, times=1))
        start = now()
        saw = clients.by_name[client]("1")
        took = now() - start

        assert saw == "200"
        assert took >= 0.5
        effected, answered = tcs.events("effected", "answered", at="resource")
        near = tcs.events("answered", at="near")[0]
        assert (answered.t - effected.t < 0.4, near.t - answered.t >= 0.49) == (True, True)
        assert tcs.bites() == [("f1", "near", "POST", "1")]

    def test_a_held_request_waits_until_the_fault_ends(self, tcs: Way, clients: Clients, client: str):
        tcs.arm(held(LINK, times=1))
        waiting = clients.later(clients.by_name[client], "1")
        eventually(tcs.bites, awaited="the bite", within=60)
        passed = clients.fresh("2")
        before = tcs.at_resource("requested")
        tcs.world.disarm("f1")
        saw = waiting.result(60)

        assert (passed, before, saw) == ("200", [("requested", "2")], "200")
        assert tcs.at_resource("effected") == [("effected", "2"), EFFECTED]
        assert tcs.bites() == [("f1", "near", "POST", "1")]


def test_what_its_service_no_longer_waits_for_is_executed_when_the_fault_ends(tcs: Way, clients: Clients):
    tcs.arm(held(LINK, times=1))
    saw = clients.httpx("1", read=0.2)
    before = tcs.at_resource("requested")
    tcs.world.disarm("f1")
    settled(tcs, 1)

    assert (saw, before) == ("ReadTimeout", [])
    assert tcs.at_resource("effected") == [EFFECTED]


@pytest.mark.parametrize(
    ("fault", "hit"),
    [
        (request_lost(LINK, on="PUT"), [("PUT", "1"), ("PUT", "2")]),
        (request_lost(LINK, key="2"), [("POST", "2"), ("PUT", "2")]),
        (request_lost(LINK, times=3), [("POST", "1"), ("PUT", "1"), ("POST", "2")]),
        (request_lost(LINK, on="PUT", key="2", times=1), [("PUT", "2")]),
    ],
    ids=["on", "key", "times", "all"],
)
def test_a_fault_hits_what_it_names(tcs: Way, clients: Clients, fault: Fault, hit: list[tuple[str, str]]):
    tcs.arm(fault)
    asked = [("POST", "1"), ("PUT", "1"), ("POST", "2"), ("PUT", "2")]
    saw = {(method, key): clients.httpx(key, method=method) for method, key in asked}

    assert [one for one in asked if saw[one] != "200"] == hit
    assert [(wire, key) for _, _, wire, key in tcs.bites()] == hit


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "DELETE"])
def test_a_method_without_an_effect_can_be_refused_too(tcs: Way, clients: Clients, method: str):
    tcs.arm(status(LINK, 502, on=method))

    assert [clients.httpx("1", method=one) for one in (method, "POST", method)] == ["502", "200", "502"]
    assert [wire for _, _, wire, _ in tcs.bites()] == [method, method]


@pytest.mark.parametrize("connections", [1, 2, 4, 8])
def test_one_answer_is_lost_with_so_many_connections_open(tcs: Way, clients: Clients, connections: int):
    tcs.arm(answer_lost(LINK, times=1))
    asked = [clients.later(clients.fresh, str(number)) for number in range(connections)]
    saw = sorted(one.result(60) for one in asked)

    assert saw == ["200"] * (connections - 1) + ["RemoteProtocolError"]
    assert len(tcs.at_resource("effected")) == connections
    assert len(tcs.bites()) == 1


@pytest.mark.parametrize("fault", [altered(LINK, body="x"), reordered(LINK), shortened(LINK, 1)], ids=lambda one: one.name)
def test_what_cannot_bite_here_is_refused(tcs: Way, fault: Fault):
    with pytest.raises(UsageError, match=f"{fault.name} on writer->tcs: .*HTTP|{fault.name} on writer->tcs: only ReceiveMessage"):
        tcs.arm(fault)
