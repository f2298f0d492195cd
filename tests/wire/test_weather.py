"""The weather over a link: what its taps make of it themselves, and what they notice of what Toxiproxy does. Real sockets."""

import socket
from collections.abc import Callable, Iterator

import pytest

from harness.clock import eventually
from harness.wire.streams import Step, Tap
from harness.wire.weather import Weather
from tests.wire.links import Loop, Passing, Road, received, rst


def weather(name: str, **more: object) -> Weather:
    return Weather(id="f1", name=name, link="writer->tcs", **more)  # type: ignore[arg-type]


def begin(road: Road, one: Weather) -> None:
    road.loop.call(lambda: road.link.begin(one))


def end(road: Road, ident: str = "f1") -> None:
    road.loop.call(lambda: road.link.end(ident))


def exchanged(road: Road) -> tuple[socket.socket, socket.socket]:
    """Open a connection over which something has gone both ways."""
    service = road.call()
    service.sendall(b"hello")
    target = road.answer()
    assert received(target, 5) == b"hello"
    target.sendall(b"world")
    assert received(service, 5) == b"world"
    return service, target


# ------------------------------------------------------------------------------------------------------------- reset


def test_open_connections_are_reset_on_both_sides(road: Road) -> None:
    service, target = exchanged(road)
    begin(road, weather("reset"))
    with pytest.raises(ConnectionResetError):
        service.recv(1)
    with pytest.raises(ConnectionResetError):
        target.recv(1)
    assert road.story("closed") == [("near", "closed", 1, "rst"), ("far", "closed", 1, "rst")]
    assert [event.data for event in road.sink.of("closed")] == [{"by": "target"}, {"by": "service"}]
    assert road.story("noticed") == [("near", "noticed", 1, "rst"), ("far", "noticed", 1, "rst")]


def test_what_is_over_already_is_not_reset_again(road: Road) -> None:
    service, _ = exchanged(road)
    rst(service)
    road.until("closed", "far")
    begin(road, weather("reset"))
    assert len(road.story("closed")) == 2


def test_new_connections_are_reset_once_they_have_said_what_they_want_and_later_ones_are_not(
    road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.wire.skies.LAST_WORD", 0.05)
    road.sink.holds = lambda event: event.kind == "attempted" and not road.sink.held
    begin(road, weather("reset"))
    service = road.call()
    service.sendall(b"hello")
    road.until("attempted", "near")
    road.loop.call(road.sink.held[0].release)
    with pytest.raises(ConnectionResetError):
        service.recv(1)
    assert road.story("opened", "attempted", "closed") == [
        ("near", "opened", 1, ""),
        ("near", "attempted", 1, ""),
        ("near", "closed", 1, "rst"),
    ]
    end(road)
    exchanged(road)


def test_who_says_nothing_is_reset_too(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.wire.skies.FIRST_WORD", 0.05)
    begin(road, weather("reset"))
    with pytest.raises(ConnectionResetError):
        road.call().recv(1)


def test_a_link_that_is_closed_meanwhile_closes_what_was_to_be_reset(make_road: Callable[..., Road]) -> None:
    road = make_road()
    begin(road, weather("reset"))
    service = road.call()
    road.until("opened", "near")
    road.loop.call(road.link.close)
    assert service.recv(1) == b""


def test_a_resource_is_told_of_a_reset(loop: Loop) -> None:
    ends: list[str] = []

    class Terminal:
        def received(self, data: bytes) -> Iterator[Step]:
            yield data.upper()

        def ended(self, how: str) -> None:
            ends.append(how)

    road = Road(loop, Passing, lambda _: Terminal())
    service = road.call()
    service.sendall(b"hello")
    assert received(service, 5) == b"HELLO"
    begin(road, weather("reset"))
    with pytest.raises(ConnectionResetError):
        service.recv(1)
    road.close()
    assert ends == ["rst"]


# --------------------------------------------------------------------------------------------------------- half open


class Carrying(Passing):
    """Carries a GET from its first word on, until the answer."""

    def __init__(self, tap: Tap) -> None:
        super().__init__(tap)
        self.asked = False

    def from_service(self, data: bytes) -> Iterator[Step]:
        self.asked = data.startswith(b"GET")
        yield from super().from_service(data)

    def carries(self, operation: str) -> bool:
        return operation == "GET" and self.asked


@pytest.fixture
def carrying(loop: Loop) -> Iterator[Road]:
    road = Road(loop, Carrying)
    yield road
    road.close()


def nothing_comes(*sockets: socket.socket) -> None:
    """Hold that nothing comes, not even an end."""
    for one in sockets:
        one.settimeout(0.1)
        with pytest.raises(TimeoutError):
            one.recv(1)
        one.settimeout(60)


def test_all_open_connections_are_dead_in_both_directions_and_new_ones_work(road: Road) -> None:
    service, target = exchanged(road)
    begin(road, weather("half_open"))
    service.sendall(b"do you hear me")
    target.sendall(b"nobody is there")
    eventually(lambda: len(road.sink.of("bit")) == 2, awaited="both were swallowed", within=60)
    nothing_comes(service, target)
    bits = {(event.at, event.fault, event.conn, str(event.data)) for event in road.sink.of("bit")}
    assert bits == {
        ("near", "f1", 1, "{'side': 'request', 'bytes': 14}"),
        ("near", "f1", 1, "{'side': 'answer', 'bytes': 15}"),
    }
    assert [event.body for event in road.sink.of("attempted", at="near")] == ["hello", "do you hear me"]
    assert [event.body for event in road.sink.of("attempted", at="far")] == ["hello"]
    exchanged(road)


def test_what_was_unplugged_stays_so_when_everything_else_ends(road: Road) -> None:
    service, target = exchanged(road)
    begin(road, weather("half_open"))
    end(road)
    service.sendall(b"do you hear me")
    nothing_comes(target)


def test_an_end_is_not_passed_on_either(road: Road) -> None:
    service, target = exchanged(road)
    begin(road, weather("half_open"))
    service.close()
    assert road.until("closed", "near").data == {"by": "service"}
    nothing_comes(target)
    target.close()
    road.until("closed", "far")
    assert len(road.story("closed")) == 2


def test_the_end_of_the_target_is_not_either(road: Road) -> None:
    service, target = exchanged(road)
    begin(road, weather("half_open"))
    target.close()
    road.until("closed", "far")
    nothing_comes(service)
    service.close()
    assert road.until("closed", "near").how == "fin"


def test_the_connection_that_carries_the_operation_is_meant(carrying: Road) -> None:
    other, polling = carrying.call(), carrying.call()
    other.sendall(b"PUT")
    polling.sendall(b"GET")
    eventually(lambda: len(carrying.sink.of("attempted", at="far")) == 2, awaited="both calls", within=60)
    begin(carrying, weather("half_open", on="GET"))
    for _ in range(2):
        carrying.answer().sendall(b"answer")
    assert received(other, 6) == b"answer"
    nothing_comes(polling)


def test_where_none_carries_it_the_first_that_will_is_meant_and_no_other(carrying: Road) -> None:
    first = carrying.call()
    first.sendall(b"PUT")
    assert received(carrying.answer(), 3) == b"PUT"
    begin(carrying, weather("half_open", on="GET"))
    second = carrying.call()
    second.sendall(b"GET /1")
    target = carrying.answer()
    assert received(target, 6) == b"GET /1"
    target.sendall(b"answer")
    nothing_comes(second)
    first.sendall(b"GET /2")
    eventually(lambda: len(carrying.sink.of("attempted", at="far")) == 3, awaited="the other call", within=60)


def test_what_is_awaited_no_more_leaves_all_connections_alive(carrying: Road) -> None:
    begin(carrying, weather("half_open", on="GET"))
    end(carrying)
    service = carrying.call()
    service.sendall(b"GET /1")
    target = carrying.answer()
    target.sendall(b"answer")
    assert received(service, 6) == b"answer"


def test_a_connection_whose_session_knows_no_operations_carries_none(road: Road) -> None:
    exchanged(road)
    begin(road, weather("half_open", on="GET"))
    exchanged(road)
    assert road.sink.of("bit") == []


# ------------------------------------------------------------------------------------------------------ the target gone


def test_ends_that_come_late_and_bytes_that_never_come_are_noticed_on_a_real_link(road: Road) -> None:
    begin(road, weather("timeout", side="answer"))
    begin(road, Weather(id="f2", name="slow_close", link="writer->tcs", seconds=0.0))
    service, _ = exchanged(road)
    service.close()
    for at in ("far", "near"):
        road.until("closed", at)
    bits = [(event.fault, event.at, event.data and event.data["side"]) for event in road.sink.of("bit")]
    assert bits == [("f1", "far", "answer"), ("f2", "far", "request")]
    end(road, "f1")
    end(road, "f2")
    exchanged(road)
    assert len(road.sink.of("bit")) == len(bits)


def test_weather_that_ends_is_looked_for_no_more_on_open_connections(road: Road) -> None:
    service, target = exchanged(road)
    begin(road, weather("timeout", side="request"))
    end(road)
    end(road)
    service.sendall(b"more")
    assert received(target, 4) == b"more"
    assert road.sink.of("bit") == []
