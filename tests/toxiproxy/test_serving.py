"""The embedded server's HTTP, where it is spoken badly or in an unusual way, compared with the original's."""

import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.toxiproxy.embedded import serving
from tests.toxiproxy.servers import embedded

VERSION = b"GET /version HTTP/1.1\r\nHost: x\r\n"
BODY = b'{"a":1}'


def answered(port: int, request: bytes, *more: bytes) -> str:
    """Send these bytes, and return all that comes until the server closes, or is silent; without what changes."""
    with socket.create_connection(("127.0.0.1", port), timeout=2) as client:
        client.sendall(request)
        for part in more:
            client.sendall(part)
        got = b"".join(iter(lambda: received(client), b""))
    text = re.sub(r"(?:Date|Server): [^\r]*\r\n", "", got.decode("latin-1"))
    return "\n".join(sorted(re.sub(r"Request-Id: \w{20}", "Request-Id: X", text).splitlines()))


def received(client: socket.socket) -> bytes:
    try:
        return client.recv(65536)
    except TimeoutError:
        return b""


REQUESTS = {
    "kept alive": VERSION + b"\r\n",
    "closed": VERSION + b"Connection: close\r\n\r\n",
    "two at once": (VERSION + b"\r\n") * 2,
    "1.0": b"GET /version HTTP/1.0\r\n\r\n",
    "1.0, kept alive": b"GET /version HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "garbage": b"GARBAGE\r\n\r\n",
    "no host": b"GET /version HTTP/1.1\r\n\r\n",
    "head": b"HEAD /version HTTP/1.1\r\nHost: x\r\n\r\n",
    "in chunks": b"POST /proxies HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n7\r\n" + BODY + b"\r\n0\r\n\r\n",
    "asked to go on": b"POST /proxies HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}",
    "a body nobody wants": VERSION.replace(b"GET", b"POST") + b"Content-Length: 7\r\n\r\n" + BODY,
    "a browser": VERSION + b"User-Agent: Mozilla/5.0\r\n\r\n",
}


@pytest.fixture(scope="module")
def answers(original_api: int, embedded_api: int) -> dict[str, list[str]]:
    """What both servers say to each; asked all at once, because who is kept alive is waited for."""
    asked = [(port, request) for request in REQUESTS.values() for port in (original_api, embedded_api)]
    with ThreadPoolExecutor(len(asked)) as threads:
        found = list(threads.map(answered, *zip(*asked, strict=True)))
    return {name: found[2 * number : 2 * number + 2] for number, name in enumerate(REQUESTS)}


@pytest.mark.parametrize("name", REQUESTS)
def test_requests_are_answered_as_by_the_original(answers: dict[str, list[str]], name: str):
    theirs, ours = answers[name]
    assert ours == theirs


def test_a_request_may_come_in_pieces(original_api: int, embedded_api: int):
    parts = (b"POST /prox", b"ies HTTP/1.1\r\nHo", b"st: x\r\nContent-Length: 7\r\n\r\n", BODY[:3], BODY[3:])
    assert answered(embedded_api, *parts) == answered(original_api, *parts)


def test_an_escape_that_is_none_is_a_bad_request(embedded_api: int):
    assert "HTTP/1.1 400 Bad Request" in answered(embedded_api, b"GET /proxies/%zz HTTP/1.1\r\nHost: x\r\n\r\n")


def test_a_method_nobody_knows_is_a_bad_request(embedded_api: int):
    """The original says 405; no client of its API comes to that."""
    assert "HTTP/1.1 400 Bad Request" in answered(embedded_api, b"BREW /version HTTP/1.1\r\nHost: x\r\n\r\n")


def test_the_protocol_is_not_changed(embedded_api: int):
    asked = VERSION + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    assert "101" not in answered(embedded_api, asked)


def test_a_connection_that_is_idle_for_too_long_is_closed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(serving, "IDLE", 0.1)
    with embedded() as port, socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        end = client.recv(1)
    assert end == b""


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A server with a defect."""

    def fails(_: object) -> str:
        return str(1 / 0)

    monkeypatch.setattr("harness.toxiproxy.embedded.collection.Proxies.written", fails)
    with embedded() as port:
        yield port


def test_a_defect_is_an_answer_too(broken: int):
    said = answered(broken, b"GET /proxies HTTP/1.1\r\nHost: x\r\n\r\n")
    assert '{"error":"this is a defect of the embedded server: ZeroDivisionError: division by zero","status":500}' in said
