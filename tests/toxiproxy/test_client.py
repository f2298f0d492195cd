"""The adapter against a real Toxiproxy server and, for what a healthy server does not do, against sockets that misbehave."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.clock import now
from harness.errors import StackError, UsageError
from harness.toxiproxy.client import Toxiproxy
from tests.toxiproxy.servers import answering, echo, exchange, nobody_there


@pytest.fixture
def echoed() -> Iterator[tuple[str, int]]:
    with echo() as address:
        yield address


def test_the_version_is_the_servers(toxiproxy: Toxiproxy):
    assert toxiproxy.version().split(".")[0] == "2"


def test_a_proxy_leads_to_its_upstream_on_the_port_it_returns(toxiproxy: Toxiproxy, echoed: tuple[str, int]):
    port = toxiproxy.create("writer->tcs", echoed)
    assert exchange(port, b"ping") == b"ping"
    shown = toxiproxy.proxies()["writer->tcs"]
    assert (shown.listen, shown.upstream) == (f"127.0.0.1:{port}", f"127.0.0.1:{echoed[1]}")
    assert shown.enabled
    assert shown.toxics == {}


def test_disabled_refuses_and_cuts_enabled_listens_on_the_same_port(toxiproxy: Toxiproxy, echoed: tuple[str, int]):
    port = toxiproxy.create("off", echoed)
    with socket.create_connection(("127.0.0.1", port), timeout=60) as kept:
        kept.sendall(b"a")
        before = kept.recv(1)
        toxiproxy.disable("off")
        after = kept.recv(1)
    assert (before, after) == (b"a", b"")
    with pytest.raises(ConnectionRefusedError, match="refused"):
        exchange(port, b"ping")
    toxiproxy.enable("off")
    assert exchange(port, b"ping") == b"ping"


def test_nobody_gets_the_port_of_a_disabled_proxy_meanwhile(toxiproxy: Toxiproxy, echoed: tuple[str, int]):
    """While nobody listened there, any outgoing connection of this machine could be given the port, and `enable` failed."""
    port = toxiproxy.create("kept", echoed)
    toxiproxy.disable("kept")
    toxiproxy.disable("kept")
    with socket.socket() as stranger, pytest.raises(OSError, match="Address already in use"):
        stranger.bind(("127.0.0.1", port))
    toxiproxy.enable("kept")
    assert exchange(port, b"ping") == b"ping"
    toxiproxy.disable("kept")
    toxiproxy.delete("kept")
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", port))


def test_a_deleted_proxy_is_gone(toxiproxy: Toxiproxy, echoed: tuple[str, int]):
    port = toxiproxy.create("gone", echoed)
    toxiproxy.delete("gone")
    assert "gone" not in toxiproxy.proxies()
    with pytest.raises(ConnectionRefusedError, match="refused"):
        exchange(port, b"ping")


def test_latency_delays_answers_until_it_is_removed(toxiproxy: Toxiproxy, echoed: tuple[str, int]):
    port = toxiproxy.create("slow", echoed)
    toxic = toxiproxy.add_latency("slow", seconds=0.4)
    begun = now()
    exchange(port, b"ping")
    assert now() - begun >= 0.8 * 0.4
    assert toxiproxy.proxies()["slow"].toxics[toxic]["attributes"] == {"latency": 400, "jitter": 0}
    toxiproxy.remove_toxic("slow", toxic)
    assert toxiproxy.proxies()["slow"].toxics == {}


def test_a_second_latency_replaces_the_first(toxiproxy: Toxiproxy, echoed: tuple[str, int]):
    toxiproxy.create("slower", echoed)
    toxiproxy.add_latency("slower", seconds=60)
    toxiproxy.add_latency("slower", seconds=0.0001, stream="downstream")
    toxiproxy.add_latency("slower", seconds=2, jitter=0.5, stream="upstream")
    shown = toxiproxy.proxies()["slower"].toxics
    assert {name: toxic["attributes"] for name, toxic in shown.items()} == {
        "latency_upstream": {"latency": 2000, "jitter": 500},
        "latency_downstream": {"latency": 1, "jitter": 0},
    }


def test_two_servers_in_one_process_are_two(toxiproxy: Toxiproxy, second_toxiproxy: Toxiproxy, echoed: tuple[str, int]):
    toxiproxy.create("here", echoed)
    second_toxiproxy.create("there", echoed)
    assert set(second_toxiproxy.proxies()) == {"there"}
    assert "there" not in toxiproxy.proxies()


def test_many_threads_make_and_delete_their_own_proxies(toxiproxy: Toxiproxy, echoed: tuple[str, int]):
    def life(number: int) -> bytes:
        port = toxiproxy.create(f"thread-{number}", echoed)
        toxiproxy.add_latency(f"thread-{number}", seconds=0.001)
        answer = exchange(port, b"%d" % number)
        toxiproxy.delete(f"thread-{number}")
        return answer

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(life, range(24)))
    assert answers == [b"%d" % number for number in range(24)]
    assert not [name for name in toxiproxy.proxies() if name.startswith("thread-")]


@pytest.mark.parametrize("name", ["a/b", "", "a?b", "a#b", "100%"])
def test_a_name_that_could_never_be_addressed_again_is_refused(toxiproxy: Toxiproxy, name: str):
    with pytest.raises(UsageError, match="cannot name a proxy"):
        toxiproxy.create(name, ("127.0.0.1", 1))
    assert name not in toxiproxy.proxies()


def test_a_name_with_a_space_works(toxiproxy: Toxiproxy, echoed: tuple[str, int]):
    toxiproxy.create("esr writer->tcs", echoed)
    toxiproxy.delete("esr writer->tcs")
    assert "esr writer->tcs" not in toxiproxy.proxies()


def test_a_name_taken_is_named(toxiproxy: Toxiproxy, echoed: tuple[str, int]):
    toxiproxy.create("twice", echoed)
    with pytest.raises(UsageError, match="proxy 'twice' exists already"):
        toxiproxy.create("twice", echoed)


def test_what_is_not_there_is_named(toxiproxy: Toxiproxy):
    with pytest.raises(UsageError, match="proxy 'nowhere': proxy not found"):
        toxiproxy.disable("nowhere")
    with pytest.raises(UsageError, match="latency of proxy 'nowhere': proxy not found"):
        toxiproxy.add_latency("nowhere", seconds=1)
    with pytest.raises(UsageError, match="toxic 'x' of proxy 'nowhere': proxy not found"):
        toxiproxy.remove_toxic("nowhere", "x")


@pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan")])
def test_a_latency_that_is_none_is_refused(toxiproxy: Toxiproxy, seconds: float):
    with pytest.raises(UsageError, match="above 0"):
        toxiproxy.add_latency("any", seconds=seconds)


def test_an_empty_upstream_is_the_servers_word(toxiproxy: Toxiproxy):
    port = toxiproxy.create("refuser", ("127.0.0.1", nobody_there()))
    assert exchange(port, b"") == b""


def test_a_server_that_is_not_there_is_a_stack_error():
    with pytest.raises(StackError, match=r"Toxiproxy at 127\.0\.0\.1:\d+: its version: the server does not answer"):
        Toxiproxy("127.0.0.1", nobody_there()).version()


def test_a_server_that_hangs_is_a_stack_error_after_the_time_limit():
    with answering(None) as port, pytest.raises(StackError, match=r"does not answer: .*timed out"):
        Toxiproxy("127.0.0.1", port, within=0.2).proxies()


@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [
        (
            "500 Internal Server Error",
            '{"error":"bind: address already in use","status":500}',
            "bind: address already in use .status 500",
        ),
        ("503 Service Unavailable", "<html>Timeout</html>", "<html>Timeout</html> .status 503"),
        ("503 Service Unavailable", "[]", r"\[\] .status 503"),
        ("400 Bad Request", '{"error":"missing required field: upstream","status":400}', "'p': missing required field: upstream"),
        ("201 Created", "hello", "not a JSON object: b'hello'"),
        ("201 Created", "[1]", r"not a JSON object: b'\[1\]'"),
    ],
)
def test_other_answers_are_errors_with_a_sentence(status: str, body: str, sentence: str):
    with answering(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()) as port:
        client = Toxiproxy("127.0.0.1", port)
        with pytest.raises((StackError, UsageError), match=sentence):
            client.create("p", ("127.0.0.1", 1))


def test_a_proxy_in_the_environment_is_not_asked(toxiproxy: Toxiproxy, monkeypatch: pytest.MonkeyPatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{nobody_there()}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert toxiproxy.version()


def test_importing_it_warns_of_nothing():
    code = "import harness.toxiproxy.client"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_no_thread_is_left_behind(toxiproxy: Toxiproxy):
    before = threading.active_count()
    toxiproxy.version()
    assert threading.active_count() == before
