"""Links with real sockets: what ends how, what is refused, what waits at a barrier, which connections belong together."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from harness.clock import eventually
from harness.wire.link import TappedLink
from harness.wire.pair import Pair
from harness.wire.rules import RuleBook
from harness.wire.streams import Close, Step
from tests.wire.links import Answering, Loop, Passing, Road, received, rst
from tests.wire.taps import CollectingSink


def test_bytes_pass_both_ways_and_both_taps_record_them_under_one_number(road: Road) -> None:
    service = road.call()
    service.sendall(b"hello")
    target = road.answer()
    assert received(target, 5) == b"hello"
    target.sendall(b"world")
    assert received(service, 5) == b"world"
    story = road.story("opened", "attempted", "gap")
    assert {*story} == {(at, kind, 1, "") for at in ("near", "far") for kind in ("opened", "attempted")}
    assert story.index(("near", "attempted", 1, "")) < story.index(("far", "attempted", 1, ""))


def test_what_a_tap_says_itself_goes_back_to_the_sender(make_road: Callable[..., Road]) -> None:
    road = make_road(session=Answering)
    service = road.call()
    service.sendall(b"hello")
    target = road.answer()
    assert received(target, 5) == b"hello"
    target.sendall(b"world")
    assert received(service, 15) == b"HELLOHELLOworld"  # both taps of this link say it


def test_an_orderly_end_of_the_service_is_one_for_the_target(road: Road) -> None:
    service = road.call()
    service.sendall(b"hello")
    target = road.answer()
    service.close()
    assert received(target, 99) == b"hello"
    assert road.until("closed", "far").data == {"by": "service"}
    assert road.until("closed", "near").how == "fin"


def test_a_half_close_is_passed_on_as_one(make_road: Callable[..., Road]) -> None:
    road = make_road(direct=True)
    service = road.call()
    service.shutdown(socket.SHUT_WR)
    target = road.answer()
    assert received(target, 1) == b""
    target.sendall(b"answer")
    target.close()
    assert received(service, 99) == b"answer"


@pytest.mark.parametrize("direct", [True, False], ids=["direct", "through-a-proxy-that-hides-resets"])
def test_a_reset_of_the_target_is_one_for_the_service(make_road: Callable[..., Road], *, direct: bool) -> None:
    road = make_road(direct=direct)
    service = road.call()
    service.sendall(b"hello")
    target = road.answer()
    assert received(target, 5) == b"hello"
    rst(target)
    with pytest.raises(ConnectionResetError):
        service.recv(1)
    assert [road.until("closed", at).how for at in ("far", "near")] == ["rst", "rst"]


@pytest.mark.parametrize("direct", [True, False], ids=["direct", "through-a-proxy-that-hides-resets"])
def test_a_reset_of_the_service_is_one_for_the_target(make_road: Callable[..., Road], *, direct: bool) -> None:
    road = make_road(direct=direct)
    service = road.call()
    target = road.answer()
    rst(service)
    with pytest.raises(ConnectionResetError):
        target.recv(1)
    assert road.until("closed", "near").data == {"by": "service"}


def test_what_was_sent_before_the_end_arrives(road: Road) -> None:
    service = road.call()
    target = road.answer()
    body = bytes(range(256)) * 8192

    def send() -> None:
        target.sendall(body)
        target.close()

    sender = threading.Thread(target=send)
    sender.start()
    assert received(service, len(body) + 1) == body
    sender.join(60)


def test_a_refused_link_refuses_and_its_open_connections_live_on(road: Road) -> None:
    service = road.call()
    target = road.answer()
    road.loop.call(road.link.refuse)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", road.link.near), timeout=60)
    service.sendall(b"still here")
    assert received(target, 10) == b"still here"
    road.loop.call(road.link.refuse)
    road.loop.call(road.link.accept)
    road.loop.call(road.link.accept)
    again = road.call()
    again.sendall(b"again")
    assert received(road.answer(), 5) == b"again"
    assert {event.conn for event in road.sink.events} == {1, 2}


def test_a_link_that_was_not_connected_refuses(loop: Loop, make_road: Callable[..., Road]) -> None:
    road = make_road()
    loop.call(road.link.refuse)
    with pytest.raises(ConnectionRefusedError):
        road.call()


def test_where_the_proxy_refuses_the_service_is_reset(road: Road) -> None:
    road.toxiproxy.close()
    with pytest.raises(ConnectionResetError):
        road.call().recv(1)
    closed = road.until("closed", "near")
    assert (closed.how, closed.data) == ("refused", {"by": "target"})


def test_where_the_target_is_gone_the_service_is_reset(road: Road) -> None:
    road.broker.close()
    with pytest.raises(ConnectionResetError):
        road.call().recv(1)
    assert road.until("closed", "far").how == "refused"


def test_many_connections_at_once_are_paired_in_order(road: Road) -> None:
    callers = [road.call() for _ in range(40)]
    for number, one in enumerate(callers):
        one.sendall(b"i am %d" % number)
    for _ in callers:
        target = road.answer()
        target.sendall(received(target, 6))
    eventually(lambda: len(road.story("attempted")) == 80, awaited="all were seen twice", within=60)
    seen: dict[int, set[str]] = {}
    for event in road.sink.events:
        if event.kind == "attempted":
            seen.setdefault(event.conn, set()).add(event.body)
    assert sorted(map(len, seen.values())) == [1] * 40
    assert road.story("gap") == []


def test_a_connection_that_nobody_opened_near_is_a_gap(road: Road) -> None:
    stranger = socket.create_connection(("127.0.0.1", road.link.far), timeout=60)
    road.answer()
    assert road.until("gap", "far").data == {"reason": "no connection of the near tap belongs to this one"}
    stranger.close()


def test_first_bytes_that_differ_are_told_once() -> None:
    async def compare() -> list[bool]:
        pair = Pair(1)
        pair.near_wrote(b"POST /a")
        return [pair.far_got(data) for data in (b"POST", b" /b", b"whatever")]

    assert asyncio.run(compare()) == [True, False, True]


def test_a_barrier_keeps_the_bytes_until_it_is_released(road: Road) -> None:
    road.sink.holds = lambda event: (event.kind, event.at) == ("attempted", "far") and not road.sink.held
    service = road.call()
    service.sendall(b"first")
    target = road.answer()
    road.until("attempted", "far")
    service.sendall(b" second")
    service.close()
    target.settimeout(0.2)
    with pytest.raises(TimeoutError):
        target.recv(1)
    target.settimeout(60)
    road.loop.call(road.sink.held[0].release)
    road.loop.call(road.sink.held[0].release)
    assert received(target, 99) == b"first second"


def test_a_slow_receiver_slows_the_sender_down(make_road: Callable[..., Road]) -> None:
    road = make_road(direct=True)
    service = road.call()
    target = road.answer()
    service.settimeout(1)
    body = bytes(64 * 1024)
    sent = 0
    stopped = False
    while not stopped and sent < 256 * 1024 * 1024:
        try:
            sent += service.send(body)
        except TimeoutError:
            stopped = True
    assert stopped
    assert len(received(target, sent)) == sent


def test_closing_a_link_ends_its_connections_and_gives_its_ports_away(loop: Loop, make_road: Callable[..., Road]) -> None:
    road = make_road()
    service = road.call()
    road.answer()
    loop.call(road.link.close)
    assert service.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        road.call()


def test_a_connection_that_does_not_arrive_far_is_a_gap(monkeypatch: pytest.MonkeyPatch, make_road: Callable[..., Road]) -> None:
    monkeypatch.setattr("harness.wire.link.LONGEST_WAIT", 0.05)
    road = make_road()
    silent = socket.create_server(("127.0.0.1", 0))
    road.loop.call(lambda: road.link.connect(silent.getsockname()[1]))
    first = road.call()
    gap = road.until("gap", "near")
    silent.close()
    assert gap.data == {"reason": "did not arrive at the far tap within 0.05 s"}
    assert first.fileno() > 0


def test_connections_that_wait_for_their_turn_end_with_the_link(make_road: Callable[..., Road]) -> None:
    road = make_road()
    silent = socket.create_server(("127.0.0.1", 0))
    road.loop.call(lambda: road.link.connect(silent.getsockname()[1]))
    waiting = [road.call(), road.call()]
    road.until("opened", "near")
    road.loop.call(road.link.close)
    silent.close()
    ends = []
    for one in waiting:
        with suppress(ConnectionResetError):
            ends.append(one.recv(1))
    assert set(ends) <= {b""}


def test_a_held_connection_that_is_reset_meanwhile_lets_go_of_everything(road: Road) -> None:
    road.sink.holds = lambda event: (event.kind, event.at) == ("attempted", "near")
    service = road.call()
    service.sendall(b"first")
    target = road.answer()
    road.until("attempted", "near")
    rst(target)
    with pytest.raises(ConnectionResetError):
        service.recv(1)
    road.loop.call(road.sink.held[0].release)
    assert road.until("closed", "far").how == "rst"


class Abrupt(Passing):
    """A session whose near tap ends a connection at its first word, as a rule does that loses the request."""

    def from_service(self, data: bytes) -> Iterator[Step]:
        yield from [Close()] if self.tap.at == "near" else super().from_service(data)


def test_what_the_near_tap_ends_at_once_has_its_own_number_far_and_takes_no_other_s(loop: Loop) -> None:
    road = Road(loop, Abrupt)
    callers = [road.call() for _ in range(30)]
    for one in callers:
        one.sendall(b"hello")
    eventually(lambda: len(road.story("opened")) == 60, awaited="all have come far", within=60, last=lambda: road.sink.events)
    ends = {one.recv(1) for one in callers}
    numbers = [[conn for at, _, conn, _ in road.story("opened") if at == where] for where in ("near", "far")]
    road.close()
    assert ends == {b""}
    assert numbers == [[*range(1, 31)]] * 2
    assert road.story("gap") == []


def test_a_connection_that_ends_at_once_and_never_comes_far_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch, make_road: Callable[..., Road]
) -> None:
    monkeypatch.setattr("harness.wire.link.LATE", 0.05)
    monkeypatch.setattr("harness.wire.link.LONGEST_WAIT", 600.0)
    road = make_road()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        road.loop.call(lambda: road.link.connect(silent.getsockname()[1]))
        rst(road.call())
        road.until("closed", "near")
        road.call()
        eventually(lambda: len(road.story("opened")) == 2, awaited="the next one", within=60)
    assert road.story("gap") == []


def test_what_was_refused_before_it_was_connected_stays_so(loop: Loop) -> None:
    link = loop.call(
        lambda: TappedLink("a->b", sink=CollectingSink(), rules=RuleBook(), session=Passing, target=("127.0.0.1", 1))
    )
    loop.call(link.accept)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", link.near), timeout=60)
    loop.call(link.close)
