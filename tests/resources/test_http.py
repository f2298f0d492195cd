import asyncio
import json
from collections.abc import Callable, Iterator

import httpx
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from harness.clock import eventually
from harness.errors import UsageError
from harness.resources.http import Http
from tests.resources.visits import Visit, visited
from tests.wire.taps import CollectingSink, cut

POST = b'POST /placements HTTP/1.1\r\nContent-Length: 9\r\n\r\n{"id": 7}'
CHUNKED = b'PUT /p HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{"id\r\n5\r\n": 7}\r\n0\r\n\r\n'


@pytest.fixture
def sink() -> CollectingSink:
    return CollectingSink(resources={"tcs": "/id"})


@pytest.fixture
def tcs() -> Http:
    return Http("tcs", {"key": "/id", "version": None})


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    one = asyncio.new_event_loop()
    yield one
    one.close()


def status_and_body(answer: bytes) -> tuple[int, object]:
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body or b"null")


def told(sink: CollectingSink) -> list[tuple[object, ...]]:
    return sink.story("kind", "at", "wire", "key", "x", "status", "ok")


@pytest.mark.parametrize("by", [None, 1, 20])
@pytest.mark.parametrize("request_", [POST, CHUNKED])
def test_a_change_is_requested_then_effected_then_answered(sink: CollectingSink, tcs: Http, request_: bytes, by: int | None):
    method = request_.split()[0].decode()

    assert status_and_body(Visit(tcs, sink).send(request_, by=by)) == (200, {"key": "7", "count": 1})
    assert told(sink) == [
        ("requested", "resource", method, "7", 1, None, None),
        ("effected", "resource", method, "7", 1, None, None),
        ("answered", "resource", method, "7", 1, 200, True),
    ]
    assert (tcs.stored["7"].body, tcs.stored["7"].count) == (b'{"id": 7}', 1)


def test_barriers_stand_before_the_change_before_the_answer_and_after_it(
    sink: CollectingSink, tcs: Http, loop: asyncio.AbstractEventLoop
):
    sink.loop, sink.holds = loop, lambda _: True
    steps = Visit(tcs, sink).terminal.received(POST)
    changed = [(step, tcs.stored.get("7") is not None) for step in steps]

    assert [done for _, done in changed] == [False, True, True, True]
    assert [step for step, _ in changed if not isinstance(step, bytes)] == sink.held


def test_what_is_sent_again_changes_again(sink: CollectingSink, tcs: Http):
    one = Visit(tcs, sink)
    one.send(POST + POST)
    Visit(tcs, sink).send(POST)

    assert [event.data for event in sink.of("effected")] == [{"count": 1}, {"count": 2}, {"count": 3}]
    assert [event.x for event in sink.of("effected")] == [1, 2, 1]


@pytest.mark.parametrize(
    ("spec", "path", "field", "key"),
    [
        ("/id", "/", "", "7"),
        ("path ~ /placements/(\\d+)", "/placements/12/start", "", "12"),
        ("X-Key ~ (.+)", "/", "X-Key: k1\r\n", "k1"),
        ("/absent", "/", "", "sha256:ad559f4e2220ee73"),
    ],
)
def test_the_key_stands_in_body_path_or_header(sink: CollectingSink, spec: str, path: str, field: str, key: str):
    Visit(Http("tcs", {"key": spec}), sink).send(f'POST {path} HTTP/1.1\r\n{field}Content-Length: 9\r\n\r\n{{"id": 7}}'.encode())

    assert [event.key for event in sink.of("effected")] == [key]


def test_a_version_is_kept_beside_the_key(sink: CollectingSink):
    Visit(Http("tcs", {"key": "/id", "version": "/v"}), sink).send(
        b'POST / HTTP/1.1\r\nContent-Length: 17\r\n\r\n{"id": 7, "v": 2}'
    )

    assert sink.of("effected")[0].data == {"count": 1, "version": "2"}


def test_a_question_is_answered_with_what_was_stored_and_changes_nothing(sink: CollectingSink):
    one = Visit(Http("tcs", {"key": "path ~ /p/(\\d+)"}), sink)
    put = b"PUT /p/7 HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n12"

    assert status_and_body(one.send(b"GET /p/7 HTTP/1.1\r\n\r\n")) == (404, {})
    one.send(put)
    assert one.send(b"GET /p/7 HTTP/1.1\r\n\r\n") == b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n12"
    assert one.send(b"HEAD /p/7 HTTP/1.1\r\n\r\n") == b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n"
    assert status_and_body(one.send(b"DELETE /p/7 HTTP/1.1\r\n\r\n")) == (405, {})
    assert len(sink.of("effected")) == 1


def test_a_question_without_a_key_is_about_what_was_changed_at_its_path(sink: CollectingSink, tcs: Http):
    one = Visit(tcs, sink)
    one.send(POST)

    assert status_and_body(one.send(b"GET /placements HTTP/1.1\r\n\r\n")) == (200, {"id": 7})
    assert status_and_body(one.send(b"GET /elsewhere HTTP/1.1\r\n\r\n")) == (404, {})


def test_a_body_without_a_media_type_is_stored_all_the_same(sink: CollectingSink):
    one = Visit(Http("tcs", {"key": "path ~ /p/(\\d+)"}), sink)
    one.send(b"PUT /p/7 HTTP/1.1\r\nContent-Length: 2\r\n\r\n12")

    assert one.send(b"GET /p/7 HTTP/1.1\r\n\r\n").endswith(b"application/json\r\nContent-Length: 2\r\n\r\n12")


def test_a_resource_without_a_key_is_asked_and_never_changed(sink: CollectingSink):
    one = Visit(Http("pool", {}), sink)

    assert status_and_body(one.send(b"GET /users HTTP/1.1\r\n\r\n")) == (200, {})
    assert status_and_body(one.send(POST)) == (200, {})
    assert [event.kind for event in sink.events] == ["requested", "answered"] * 2


@pytest.mark.parametrize(("status", "length"), [(503, 2), (204, 0)])
def test_with_a_status_nothing_changes(sink: CollectingSink, status: int, length: int):
    answer = Visit(Http("tcs", {"key": "/id", "status": status}), sink).send(POST)

    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert f"Content-Length: {length}\r\n".encode() in answer
    assert [(event.kind, event.ok) for event in sink.events] == [("requested", None), ("answered", status < 400)]


@pytest.mark.parametrize("status", [99, "503", True])
def test_a_status_that_is_none_is_refused(status: object):
    with pytest.raises(UsageError, match="is not a status of HTTP"):
        Http("tcs", {"status": status})


def test_an_unknown_setting_is_refused():
    with pytest.raises(UsageError, match=r"resource 'tcs' has no setting 'keys'; there are: key, version, status"):
        Http("tcs", {"keys": "/id"})


@pytest.mark.parametrize(
    ("sent", "wire", "path"),
    [(POST[:-1], "POST", "/placements"), (POST[:20], "POST", ""), (b"PO", "PO", "")],
)
def test_a_request_that_broke_off_was_requested_but_not_whole(sink: CollectingSink, tcs: Http, sent: bytes, wire: str, path: str):
    one = Visit(tcs, sink)
    one.send(sent)
    one.terminal.ended("rst")
    one.terminal.ended("fin")

    (event,) = sink.events
    assert (event.kind, event.wire, event.ok, event.x) == ("requested", wire, False, 1)
    assert event.data == {"path": path, "complete": False}
    assert tcs.stored == {}


def test_a_barrier_at_a_broken_request_holds_nothing(sink: CollectingSink, tcs: Http, loop: asyncio.AbstractEventLoop):
    sink.loop, sink.holds = loop, lambda _: True
    one = Visit(tcs, sink)
    one.send(POST[:-1])
    one.terminal.ended("fin")

    assert [event.kind for event in sink.events] == ["requested"]


def test_an_end_between_requests_is_nothing(sink: CollectingSink, tcs: Http):
    one = Visit(tcs, sink)
    one.send(POST)
    one.terminal.ended("fin")

    assert [event.kind for event in sink.events] == ["requested", "effected", "answered"]


def test_who_says_close_is_answered_and_closed(sink: CollectingSink, tcs: Http):
    one = Visit(tcs, sink)
    answer = one.send(POST.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))

    assert b"\r\nConnection: close\r\n" in answer
    assert one.closed
    assert one.send(POST) == b""


def test_what_is_not_http_is_answered_400_and_closed(sink: CollectingSink, tcs: Http):
    one = Visit(tcs, sink)

    assert one.send(b"\x16\x03\x01\r\n\r\n").startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert one.closed
    assert [event.kind for event in sink.events] == ["gap"]


def test_who_waits_for_100_continue_is_told_once(sink: CollectingSink, tcs: Http):
    one = Visit(tcs, sink)
    head, body = POST.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n").split(b"{")

    assert one.send(head) == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert one.send(b"{" + body, by=2).startswith(b"HTTP/1.1 200 OK\r\n")


@given(place=st.integers(0, len(POST)), noise=st.binary(max_size=60), by=st.integers(1, 80))
def test_no_bytes_raise(place: int, noise: bytes, by: int):
    sink = CollectingSink()
    one = Visit(Http("tcs", {"key": "/id"}), sink)
    for chunk in cut(POST[:place] + noise + POST[place + len(noise) // 2 :] + POST, by):
        one.send(chunk)
    one.terminal.ended("fin")

    assert all(event.kind in ("requested", "effected", "answered", "gap") for event in sink.events)


CLIENTS: dict[str, Callable[[str], int]] = {
    "httpx": lambda url: httpx.post(url, json={"id": 7}, timeout=60).status_code,
    "httpx chunked": lambda url: httpx.post(url, content=iter([b'{"id"', b": 7}"]), timeout=60).status_code,
    "requests": lambda url: requests.post(url, json={"id": 7}, timeout=60).status_code,
}


@pytest.mark.parametrize("client", CLIENTS)
def test_real_clients_reach_it_through_both_taps(sink: CollectingSink, tcs: Http, client: str):
    with visited(tcs, sink) as url:
        status = CLIENTS[client](f"{url}/placements")
        eventually(lambda: sink.of("answered", at="near"), awaited="the near answer", within=60, last=lambda: sink.events)

    assert status == 200
    about = sink.of("requested", "effected", "answered")
    assert {(event.key, event.x, event.conn, event.wire) for event in about} == {("7", 1, 1, "POST")}
    assert [(event.kind, event.at) for event in about[:3]] == [
        ("requested", "near"),
        ("requested", "resource"),
        ("effected", "resource"),
    ]


def test_a_real_keep_alive_connection_counts_its_exchanges(sink: CollectingSink, tcs: Http):
    with visited(tcs, sink) as url, httpx.Client(base_url=url, timeout=60) as client:
        bodies = [client.post("/p", json={"id": n}).json() for n in range(5)]
        eventually(lambda: len(sink.of("answered", at="near")) == 5, awaited="5 answers", within=60, last=lambda: sink.events)

    assert bodies == [{"key": str(n), "count": 1} for n in range(5)]
    assert [(event.conn, event.x) for event in sink.of("requested", at="resource")] == [(1, n) for n in (1, 2, 3, 4, 5)]
