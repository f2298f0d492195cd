"""What the embedded server does otherwise than the original, because it is better for whoever tests with it."""

import contextlib
import socket
from collections.abc import Iterator

import pytest

from harness.clock import now, pause
from tests.toxiproxy.servers import echo, embedded, exchange
from tests.toxiproxy.talk import LONG, MUCH, heard, is_silent, said, toxic
from tests.toxiproxy.transfers import api, proxied


@pytest.fixture
def ours(embedded_api: int) -> int:
    """The port of the API of an embedded server."""
    return embedded_api


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
        client.sendall(b"b")
        after = heard(client, 2)
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


def test_a_toxic_is_left_alone_when_another_is_added_or_removed_behind_it(ours: int):
    """In the original it lets go of what it holds then."""
    with proxied(ours, "p", b"") as (client, _):
        slow = toxic(ours, "latency", latency=LONG)
        client.sendall(b"a")
        silent = [is_silent(client)]
        behind = toxic(ours, "noop")
        silent.append(is_silent(client))
        api(ours, "DELETE", behind)
        silent.append(is_silent(client))
        api(ours, "DELETE", slow)
        got = heard(client, 1)
    assert (silent, got) == ([True] * 3, b"a")


def test_two_latencies_add_up_for_what_waits_behind_other_data_too(ours: int):
    """In the original the second is shortened by what was waited for in the first."""
    two = [{"type": "latency", "name": name, "attributes": {"latency": 150}} for name in ("a", "b")]
    with proxied(ours, "p", b"", two) as (client, _):
        client.sendall(b"a")
        pause(0.1)
        begun = now()
        got = said(client, b"b") + heard(client, 1)
        took = now() - begun
    assert got == b"ab"
    assert took >= 0.29


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
    assert took < 20


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
    assert took < 20


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
