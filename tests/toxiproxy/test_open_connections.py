"""What toxics, updates, removals and disabling do to connections that are open, in both servers."""

import socket
from collections.abc import Iterator

import pytest

from harness.clock import now, pause
from tests.toxiproxy.servers import SERVERS
from tests.toxiproxy.talk import LONG, MUCH, heard, is_silent, said, toxic
from tests.toxiproxy.transfers import api, proxied


@pytest.fixture(scope="module", params=SERVERS)
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    with SERVERS[request.param]() as found:
        yield found


def test_a_toxic_is_added_to_what_is_open_and_its_removal_lets_go_what_it_held_in_order(port: int):
    with proxied(port, "p", b"") as (client, _):
        before = said(client, b"a")
        slow = toxic(port, "latency", latency=LONG)
        silent = []
        for letter in (b"b", b"c", b"d"):
            client.sendall(letter)
            silent.append(is_silent(client))
        api(port, "DELETE", slow)
        after = heard(client, 3)
        last = said(client, b"e")
    assert (before, silent, after, last) == (b"a", [True] * 3, b"bcd", b"e")


def test_an_update_lets_go_what_is_held_and_is_in_force_for_what_comes(port: int):
    with proxied(port, "p", b"") as (client, _):
        slow = toxic(port, "latency", latency=LONG)
        client.sendall(b"a")
        silent = is_silent(client)
        api(port, "PATCH", slow, {"attributes": {"latency": 200}})
        released = heard(client, 1)
        begun = now()
        later = said(client, b"b")
        took = now() - begun
    assert (silent, released, later) == (True, b"a", b"b")
    assert took >= 0.19


def test_a_bandwidth_of_nothing_holds_until_it_is_changed_or_removed(port: int):
    with proxied(port, "p", b"") as (client, _):
        none = toxic(port, "bandwidth", rate=0)
        client.sendall(b"a" * 50_000)
        silent = is_silent(client)
        api(port, "PATCH", none, {"attributes": {"rate": 1_000_000}})
        got = heard(client, 50_000)
        api(port, "PATCH", none, {"attributes": {"rate": 0}})
        client.sendall(b"b")
        again = is_silent(client)
        api(port, "DELETE", none)
        last = heard(client, 1)
    assert (silent, len(got), again, last) == (True, 50_000, True, b"b")


def test_a_timeout_has_dropped_data_so_its_removal_ends_the_connection(port: int):
    with proxied(port, "p", b"") as (client, _):
        dropping = toxic(port, "timeout", timeout=0)
        client.sendall(b"a")
        silent = is_silent(client)
        api(port, "DELETE", dropping)
        end = heard(client, 1)
    assert (silent, end) == (True, b"")


def test_a_timeout_is_counted_from_the_last_data(port: int):
    with proxied(port, "p", b"") as (client, _):
        toxic(port, "timeout", timeout=2000)
        begun = now()
        for _ in range(3):
            client.sendall(b"a")
            is_silent(client)
        end = heard(client, 1)
        took = now() - begun
    assert end == b""
    assert took >= 2.2


def test_a_limit_counts_from_when_it_was_added_and_an_update_keeps_the_count(port: int):
    with proxied(port, "p", b"") as (client, _):
        before = said(client, b"a" * 100)
        limit = toxic(port, "limit_data", bytes=10)
        first = said(client, b"b" * 6)
        api(port, "PATCH", limit, {"attributes": {"bytes": 20}})
        rest = said(client, b"c" * 30)
        end = heard(client, 1)
    assert (len(before), len(first), len(rest), end) == (100, 6, 14, b"")


def test_a_slow_close_that_is_removed_closes_at_once(port: int):
    with proxied(port, "p", b"") as (client, _):
        slow = toxic(port, "slow_close", "upstream", delay=LONG)
        got = said(client, b"a")
        client.shutdown(socket.SHUT_WR)
        silent = is_silent(client)
        api(port, "DELETE", slow)
        end = heard(client, 1)
    assert (got, silent, end) == (b"a", True, b"")


def test_toxics_act_in_the_order_they_were_added(port: int):
    """A limit behind a latency has counted nothing while that holds; before it, it has."""
    with proxied(port, "p", b"") as (client, _):
        slow = toxic(port, "latency", latency=LONG)
        toxic(port, "limit_data", bytes=5)
        client.sendall(b"abcdefgh")
        silent = is_silent(client)
        api(port, "DELETE", slow)
        got = heard(client, 8)
    assert (silent, got) == (True, b"abcde")


def test_disabled_ends_what_is_open_and_refuses_and_enabled_has_the_toxics_still(port: int):
    with proxied(port, "p", b"") as (client, _):
        toxic(port, "latency", latency=1)
        before = said(client, b"a")
        address = api(port, "PATCH", "/proxies/p", {"enabled": False})["listen"]
        end = heard(client, 1)
        with pytest.raises(ConnectionRefusedError, match="refused"):
            socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])))
        enabled = api(port, "PATCH", "/proxies/p", {"enabled": True})
    assert (before, end) == (b"a", b"")
    assert (enabled["listen"], len(enabled["toxics"])) == (address, 1)


def test_an_end_of_one_side_closes_the_other_completely_and_what_was_read_before_still_arrives(port: int):
    with proxied(port, "p", b"") as (client, upstream):
        toxic(port, "latency", latency=1500)
        client.sendall(b"a")
        silent = is_silent(client)
        client.shutdown(socket.SHUT_WR)
        upstream.join()
        got, end = heard(client, 1), heard(client, 1)
    assert (upstream.ended.length, upstream.ended.how) == (1, "fin")
    assert (silent, got, end) == (True, b"a", b"")


def test_a_client_that_reads_late_gets_everything_and_then_the_end(port: int):
    with proxied(port, "p", MUCH) as (client, _):
        pause(0.3)
        got, end = heard(client, len(MUCH)), heard(client, 1)
    assert (got == MUCH, end) == (True, b"")


def test_a_client_that_is_gone_ends_its_connection(port: int):
    with proxied(port, "p", MUCH) as (client, upstream):
        pause(0.3)
        client.close()
        upstream.join()
    assert upstream.ended.how == "rst"
