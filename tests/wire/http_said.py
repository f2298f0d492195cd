"""What is said on HTTP in tests of its rules, and a tap to say it to."""

from harness.wire import http
from harness.wire.rules import Name, Rule
from tests.wire.taps import CollectingSink, Wire, tap

POST = b'POST /placements HTTP/1.1\r\nHost: 127.0.0.1:9\r\nContent-Length: 18\r\n\r\n{"placement": "7"}'
CHUNKED = b'POST /p HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n12\r\n{"placement": "7"}\r\n0\r\n\r\n'
CLOSING = POST.replace(b"Content-Length", b"Connection: close\r\nContent-Length")
EXPECTING = POST.replace(b"Content-Length", b"Expect: 100-continue\r\nContent-Length")
GET = b"GET /placements HTTP/1.1\r\nHost: 127.0.0.1:9\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
OTHER = ANSWER.replace(b"{}", b"[]")
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
UNAVAILABLE = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"


def rule(name: Name, **how: object) -> Rule:
    return Rule(id="f1", name=name, link="writer->tcs", **how)  # type: ignore[arg-type]


def near(sink: CollectingSink, *rules: Rule) -> Wire:
    return Wire(http.session(tap(sink, *rules)))


def told(sink: CollectingSink) -> list[tuple[object, ...]]:
    return sink.story("kind", "x", "key", "fault", "status")
