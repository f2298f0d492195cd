"""What toxics, updates, removals and disabling do to connections that are open, in both servers unless a test says otherwise."""

import contextlib
import socket
from collections.abc import Iterator

import pytest

from harness.clock import now, pause
from tests.toxiproxy.servers import SERVERS, echo, embedded, exchange
from tests.toxiproxy.transfers import api, pattern, proxied

LONG = 60_000
"""Milliseconds that no test waits for."""

MUCH = pattern(20_000_000)
"""More bytes than the kernel takes for somebody who does not read."""


@pytest.fixture(scope="module", params=SERVERS)
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    with SERVERS[request.param]() as found:
        yield found


@pytest.fixture
def ours(embedded_api: int) -> int:
    """The embedded server, where it does better than the original."""
    return embedded_api


def toxic(port: int, kind: str, stream: str = "downstream", **attributes: float) -> str:
    toxicity = attributes.pop("toxicity", 1)
    body = {"type": kind, "stream": stream, "toxicity": toxicity, "attributes": attributes}
    return f"/proxies/p/toxics/{api(port, 'POST', '/proxies/p/toxics', body)['name']}"


def said(client: socket.socket, text: bytes, within: float = 5.0) -> bytes:
    """Send, and return as much of what comes back."""
    client.sendall(text)
    return heard(client, len(text), within)


def heard(client: socket.socket, length: int, within: float = 5.0) -> bytes:
    client.settimeout(within)
    got = bytearray()
    while len(got) < length and (more := client.recv(65536)):
        got += more
    return bytes(got)


def is_silent(client: socket.socket) -> bool:
    client.settimeout(0.15)
    came: bytes | None = None
    with contextlib.suppress(TimeoutError):
        came = client.recv(1)
    return came is None


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
        released = heard(client, 1, within=1)
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
        toxic(port, "timeout", timeout=500)
        begun = now()
        for _ in range(3):
            client.sendall(b"a")
            is_silent(client)
        end = heard(client, 1)
        took = now() - begun
    assert end == b""
    assert took >= 0.7


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
        toxic(port, "latency", latency=400)
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


# ------------------------------------------------------------------------------------------- where the embedded one is better


def test_a_reset_reaches_connections_that_were_open_before(ours: int):
    """The original ends these in an orderly way."""
    with proxied(ours, "p", b"") as (client, upstream):
        before = said(client, b"a")
        toxic(ours, "reset_peer", timeout=0)
        client.sendall(b"b")
        with pytest.raises(ConnectionResetError, match="reset"):
            heard(client, 1)
    assert (before, upstream.ended.how) == (b"a", "rst")


def test_removing_a_reset_ends_its_wait_and_loses_nothing(ours: int):
    """The original answers the removal when the wait is over, and resets."""
    with proxied(ours, "p", b"") as (client, upstream):
        waiting = toxic(ours, "reset_peer", timeout=LONG)
        client.sendall(b"a")
        silent = is_silent(client)
        api(ours, "PATCH", waiting, {"attributes": {"timeout": LONG + 1}})
        api(ours, "DELETE", waiting)
        after = said(client, b"b") + heard(client, 1)
    assert (silent, after) == (True, b"ab")
    assert upstream.ended.how == "fin"


def test_a_reset_that_spares_a_connection_leaves_its_end_orderly(ours: int):
    """In the original a toxicity of 0 resets too, when the connection ends."""
    with proxied(ours, "p", b"", [{"type": "reset_peer", "toxicity": 0}]) as (client, upstream):
        got = said(client, b"a")
    assert (got, upstream.ended.how) == (b"a", "fin")


def test_an_update_does_not_draw_again_whether_a_connection_is_affected(ours: int):
    """In the original an empty update makes some connections flip."""
    with proxied(ours, "p", b"") as (client, _):
        half = toxic(ours, "timeout", toxicity=0.5, timeout=0)
        client.sendall(b"a")
        affected = is_silent(client)
        flips = []
        for _ in range(4):
            api(ours, "PATCH", half, {})
            client.sendall(b"b")
            flips.append(is_silent(client) != affected)
        everybody = [api(ours, "PATCH", half, {"toxicity": toxicity})["toxicity"] for toxicity in (1, 0)]
        got = said(client, b"c")
    assert flips == [False] * 4
    assert (everybody, got[-1:]) == ([1, 0], b"c")


def test_a_timeout_behind_which_the_end_has_gone_has_nothing_to_end(ours: int):
    """In the original the second removal is lost then: the end comes when the slow close is over."""
    with proxied(ours, "p", b"") as (client, _):
        dropping = toxic(ours, "timeout", "upstream", timeout=0)
        slow = toxic(ours, "slow_close", "upstream", delay=LONG)
        client.shutdown(socket.SHUT_WR)
        silent = [is_silent(client)]
        api(ours, "DELETE", dropping)
        silent.append(is_silent(client))
        api(ours, "DELETE", slow)
        end = heard(client, 1)
    assert (silent, end) == ([True, True], b"")


def test_a_client_that_does_not_read_hangs_nothing(ours: int):
    """In the original a removal waits for it, and everything that needs the list of proxies waits for that."""
    with proxied(ours, "p", MUCH) as (client, _):
        slow = toxic(ours, "latency", latency=1)
        slices = toxic(ours, "slicer", average_size=30_000, size_variation=10)
        pause(0.3)
        begun = now()
        api(ours, "DELETE", slow)
        api(ours, "PATCH", slices, {"attributes": {"delay": 1}})
        api(ours, "DELETE", slices)
        api(ours, "POST", "/reset")
        shown = api(ours, "GET", "/proxies")["p"]["toxics"]
        took = now() - begun
        got = heard(client, len(MUCH))
    assert (shown, got == MUCH) == ([], True)
    assert took < 5


@contextlib.contextmanager
def unanswered() -> Iterator[int]:
    """Keep a port whose listener accepts nobody, and whose queue is full: the kernel does not answer a SYN there."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, contextlib.ExitStack() as waiting:
        number = listener.getsockname()[1]
        for _ in range(4):
            one = waiting.enter_context(socket.socket())
            one.settimeout(0)
            one.connect_ex(("127.0.0.1", number))
        yield number


def test_an_upstream_that_does_not_answer_blocks_neither_others_nor_the_api(ours: int):
    """In the original it blocks every other connection of the proxy, and disabling for 25 s."""
    with unanswered() as silent, contextlib.ExitStack() as clients:
        proxy = api(ours, "POST", "/proxies", {"name": "s", "listen": "127.0.0.1:0", "upstream": f"127.0.0.1:{silent}"})
        place = ("127.0.0.1", int(proxy["listen"].rpartition(":")[2]))
        waiting = clients.enter_context(socket.create_connection(place))
        begun = now()
        accepted = is_silent(waiting)
        api(ours, "PATCH", "/proxies/s", {"enabled": False})
        end = heard(waiting, 1)
        api(ours, "DELETE", "/proxies/s")
        took = now() - begun
    assert (accepted, end) == (True, b"")
    assert took < 5


def test_the_same_seed_draws_the_same():
    """The original draws anew in each run, whatever it is told."""

    def spared(seed: int) -> list[bool]:
        dropping = {"type": "timeout", "toxicity": 0.5, "attributes": {"timeout": 1}}
        with echo() as (host, number), embedded(seed) as own:
            proxy = api(own, "POST", "/proxies", {"name": "q", "listen": "127.0.0.1:0", "upstream": f"{host}:{number}"})
            api(own, "POST", "/proxies/q/toxics", dropping)
            return [exchange(int(proxy["listen"].rpartition(":")[2]), b"a") == b"a" for _ in range(16)]

    once, again, other = spared(7), spared(7), spared(8)
    assert once == again != other
    assert set(once) == {True, False}
