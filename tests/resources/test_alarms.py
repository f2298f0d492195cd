import gzip
import zlib

import pytest

from harness.errors import UsageError
from harness.resources.alarms import Alarms
from tests.resources.visits import Visit
from tests.wire.taps import CollectingSink


@pytest.fixture
def sink() -> CollectingSink:
    return CollectingSink()


def post(body: bytes, field: str = "") -> bytes:
    return f"POST /api/1/envelope/ HTTP/1.1\r\n{field}Content-Length: {len(body)}\r\n\r\n".encode() + body


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"queue is stuck", ""),
        (gzip.compress(b"queue is stuck"), "Content-Encoding: gzip\r\n"),
        (zlib.compress(b"queue is stuck"), "Content-Encoding: deflate\r\n"),
    ],
    ids=["plain", "gzip", "deflate"],  # a gzip header holds the time, and workers must collect the same names
)
def test_every_post_is_one_notice(sink: CollectingSink, body: bytes, field: str):
    answer = Visit(Alarms("sentry", {}), sink).send(post(body, field))

    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    (event,) = sink.events
    assert (event.kind, event.at, event.size, event.x) == ("noticed", "resource", len(body), 1)
    assert event.data == {"path": "/api/1/envelope/", "text": "queue is stuck"}


def test_what_cannot_be_unpacked_is_a_notice_too(sink: CollectingSink):
    Visit(Alarms("sentry", {}), sink).send(post(b"plain", "Content-Encoding: gzip\r\n"))

    assert [event.data for event in sink.events] == [{"path": "/api/1/envelope/", "text": "plain"}]


def test_the_text_is_the_first_kib_also_of_a_bomb(sink: CollectingSink):
    Visit(Alarms("sentry", {}), sink).send(post(gzip.compress(b"x" * 10_000_000), "Content-Encoding: gzip\r\n"))

    assert (sink.events[0].data or {})["text"] == "x" * 1024


def test_a_question_and_half_an_alarm_are_no_notices(sink: CollectingSink):
    one = Visit(Alarms("sentry", {}), sink)

    assert one.send(b"GET / HTTP/1.1\r\n\r\n").endswith(b"{}")
    one.send(post(b"stuck")[:-1])
    one.terminal.ended("fin")
    assert sink.events == []


def test_it_has_no_settings():
    with pytest.raises(UsageError, match=r"resource 'sentry' has no setting 'key'; there are none"):
        Alarms("sentry", {"key": "/id"})
