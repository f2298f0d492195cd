"""A link whose target is gone for a while: refused meanwhile, and found again."""

import socket
from collections.abc import Callable

import pytest

from harness.address import free_port
from harness.clock import eventually
from tests.wire.links import Road, received


def exchanged(road: Road) -> None:
    """Open a connection over which something has gone both ways."""
    service = road.call()
    service.sendall(b"hello")
    target = road.answer()
    assert received(target, 5) == b"hello"
    target.sendall(b"world")
    assert received(service, 5) == b"world"


def test_a_target_that_is_gone_is_refused_until_it_is_there_again(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.wire.link.LOOK_AGAIN", 0.01)
    port = road.broker.getsockname()[1]
    road.broker.close()
    with pytest.raises(ConnectionResetError):
        road.call().recv(1)
    with pytest.raises(ConnectionRefusedError):
        road.call()
    road.loop.call(road.link.accept)  # the end of an outage does not bring it back
    with pytest.raises(ConnectionRefusedError):
        road.call()
    road.broker = socket.create_server(("127.0.0.1", port), backlog=128)
    road.broker.settimeout(60)
    again = eventually(lambda: connected(road), awaited="the link is open again", within=60)
    assert again
    road.broker.accept()[0].close()  # the look itself


def connected(road: Road) -> bool:
    try:
        road.call()
    except ConnectionRefusedError:
        return False
    return True


def test_a_link_that_is_told_so_refuses_at_once_and_looks_only_when_it_is_told(
    road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.wire.link.LOOK_AGAIN", 0.01)
    road.loop.call(road.link.find)  # nothing is lost
    road.loop.call(road.link.lose)
    with pytest.raises(ConnectionRefusedError):
        road.call()
    road.loop.call(road.link.refuse)
    road.loop.call(road.link.find)
    road.answer().close()
    with pytest.raises(ConnectionRefusedError):
        road.call()
    road.loop.call(road.link.accept)
    exchanged(road)


def test_who_looks_for_a_target_stops_with_the_link(make_road: Callable[..., Road]) -> None:
    road = make_road()
    road.loop.call(road.link.lose)
    road.loop.call(road.link.find)
    road.loop.call(road.link.close)
    assert free_port() > 0
    with pytest.raises(ConnectionRefusedError):
        road.call()


# ------------------------------------------------------------------------------------------------------- what is noticed
