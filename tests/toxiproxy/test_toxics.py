"""Toxics on a real server of our own: set, changed in place, calmed, and what kills the server when toxics are taken away."""

import socket
from collections.abc import Iterator

import pytest

from harness.clock import eventually, now
from harness.toxiproxy.client import Toxiproxy
from harness.toxiproxy.toxics import Toxic
from tests.toxiproxy.servers import echo, exchange


@pytest.fixture
def echoed() -> Iterator[tuple[str, int]]:
    with echo() as address:
        yield address


SLOW = Toxic("latency", "upstream", {"latency": 60_000, "jitter": 0})
CALMABLE = [
    SLOW,
    Toxic("bandwidth", "downstream", {"rate": 1}),
    Toxic("slow_close", "downstream", {"delay": 60_000}),
    Toxic("slicer", "upstream", {"average_size": 1, "size_variation": 0, "delay": 60_000_000}),
    Toxic("limit_data", "downstream", {"bytes": 0}, label="_3"),
]


@pytest.mark.parametrize("toxic", CALMABLE, ids=lambda toxic: toxic.name)
def test_a_toxic_that_was_calmed_lets_everything_pass(toxiproxy: Toxiproxy, echoed: tuple[str, int], toxic: Toxic):
    port = toxiproxy.create(f"calm-{toxic.type}", echoed)
    toxiproxy.set_toxic(f"calm-{toxic.type}", toxic)
    toxiproxy.calm(f"calm-{toxic.type}", toxic)
    data, began = b"x" * 5000, now()
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(data)
        got = connection.recv(5000, socket.MSG_WAITALL)
    assert got == data
    assert now() - began < 30


def test_what_a_toxic_holds_flows_on_when_it_is_calmed(toxiproxy: Toxiproxy, echoed: tuple[str, int]):
    port = toxiproxy.create("flows", echoed)
    toxiproxy.set_toxic("flows", SLOW)
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(b"ping")
        toxiproxy.calm("flows", SLOW)
        answer = connection.recv(4)
    assert answer == b"ping"


def test_a_timeout_is_taken_away_and_closes_what_it_was_on(toxiproxy: Toxiproxy, echoed: tuple[str, int]):
    port = toxiproxy.create("silent", echoed)
    silent = Toxic("timeout", "downstream", {"timeout": 0})
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(b"ping")
        connection.recv(4, socket.MSG_WAITALL)  # the connection is through, and nothing of it on its way
        toxiproxy.set_toxic("silent", silent)
        toxiproxy.calm("silent", silent)
        answer = connection.recv(4)
    assert answer == b""
    assert toxiproxy.proxies()["silent"].toxics == {}
    assert exchange(port, b"ping") == b"ping"


def test_a_toxic_is_changed_in_place(toxiproxy: Toxiproxy, echoed: tuple[str, int]):
    toxiproxy.create("changed", echoed)
    for rate in (1, 7):
        toxiproxy.set_toxic("changed", Toxic("bandwidth", "upstream", {"rate": rate}))
    shown = toxiproxy.proxies()["changed"].toxics
    assert {name: toxic["attributes"] for name, toxic in shown.items()} == {"bandwidth_upstream": {"rate": 7}}


def test_the_server_survives_what_ends_it_when_toxics_are_removed(toxiproxy: Toxiproxy, echoed: tuple[str, int]):
    """An end is held by the last of three toxics, the others end, and another begins: removing them makes the server panic."""
    port = toxiproxy.create("dying", echoed)
    slow_close = Toxic("slow_close", "upstream", {"delay": 2000})
    others = [Toxic("bandwidth", "upstream", {"rate": 1000}), Toxic("slicer", "upstream", {"average_size": 100})]
    for toxic in (*others, slow_close):
        toxiproxy.set_toxic("dying", toxic)
    assert exchange(port, b"ping") == b"ping"
    for toxic in others:
        toxiproxy.calm("dying", toxic)
    toxiproxy.set_toxic("dying", Toxic("limit_data", "upstream", {"bytes": 1000}))
    assert eventually(toxiproxy.version, awaited="its version", within=60)
    toxiproxy.calm("dying", slow_close)


def test_a_world_that_runs_faster_has_shorter_times_and_higher_rates():
    assert SLOW.at(20).attributes == {"latency": 3000, "jitter": 0}
    assert Toxic("bandwidth", "upstream", {"rate": 10}).at(20).attributes == {"rate": 200}
    assert Toxic("timeout", "upstream", {"timeout": 1}).at(20).attributes == {"timeout": 1}
    assert Toxic("limit_data", "upstream", {"bytes": 0}).at(20).attributes == {"bytes": 0}
