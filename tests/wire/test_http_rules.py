"""What rules do to calls on a link to an HTTP resource, byte by byte; with real clients: tests/table."""

import pytest

from harness.errors import UsageError
from harness.wire import http
from harness.wire.rules import Name, Rule, RuleBook
from harness.wire.streams import Close
from tests.wire.http_said import ANSWER, CHUNKED, CLOSING, GET, OTHER, POST, UNAVAILABLE, near, rule, told
from tests.wire.taps import CollectingSink, Wire, tap


@pytest.fixture
def sink() -> CollectingSink:
    return CollectingSink(resources={"tcs": "/placement"})


class TestRequestLost:
    @pytest.mark.parametrize("by", [None, 1, 30])
    @pytest.mark.parametrize("request_", [POST, CHUNKED, CLOSING], ids=["length", "chunked", "closing"])
    def test_nothing_goes_on_and_the_connection_is_closed(self, sink: CollectingSink, request_: bytes, by: int | None):
        wire = near(sink, rule("request_lost"))

        assert wire.ask(request_, by=by) == b""
        assert wire.closed == [Close()]
        assert told(sink) == [("requested", 1, "7", "", None), ("bit", 1, "7", "f1", None)]

    def test_what_was_asked_before_is_answered_first_and_what_comes_after_is_not_heard(self, sink: CollectingSink):
        wire = near(sink, rule("request_lost", on="POST", times=1))

        assert wire.ask(GET + POST + GET) == GET
        assert wire.closed == []
        assert wire.ask(GET) == b""
        assert wire.reply(ANSWER) == ANSWER
        assert wire.closed == [Close()]
        assert [event.kind for event in sink.events] == ["requested", "requested", "bit", "answered"]

    def test_of_a_request_that_had_begun_to_go_on_only_the_rest_is_kept(self, sink: CollectingSink):
        book = RuleBook()
        wire = Wire(http.session(tap(sink, book=book)))
        wire.ask(POST[:30])
        book.arm(rule("request_lost"))
        wire.ask(POST[30:])

        assert (wire.to_target, wire.closed) == (POST[:30], [Close()])


class TestStatus:
    @pytest.mark.parametrize("by", [None, 1])
    def test_the_tap_answers_and_nothing_goes_on(self, sink: CollectingSink, by: int | None):
        wire = near(sink, rule("status", code=503, times=1))

        assert wire.ask(POST, by=by) == b""
        assert wire.to_service == UNAVAILABLE
        assert told(sink)[1:] == [("bit", 1, "7", "f1", None), ("answered", 1, "7", "f1", 503)]
        assert sink.events[2].ok is False

    def test_the_connection_lives_on(self, sink: CollectingSink):
        wire = near(sink, rule("status", code=503, times=1))
        wire.ask(POST)

        assert wire.ask(POST) == POST
        assert wire.reply(ANSWER) == ANSWER
        assert [(event.x, event.status, event.fault) for event in sink.of("answered")] == [(1, 503, "f1"), (2, 200, "")]

    def test_answers_keep_the_order_of_their_requests(self, sink: CollectingSink):
        wire = near(sink, rule("status", code=503, on="POST"))

        assert wire.ask(GET + POST + POST + GET) == GET + GET
        assert wire.to_service == b""
        assert wire.reply(ANSWER) == ANSWER + UNAVAILABLE + UNAVAILABLE
        assert wire.reply(OTHER) == OTHER
        assert [event.x for event in sink.of("answered")] == [1, 2, 3, 4]

    def test_body_and_headers_are_what_was_asked_for(self, sink: CollectingSink):
        wire = near(sink, rule("status", code=429, headers={"Retry-After": "3"}, body="slow down"))
        wire.ask(POST)

        assert wire.to_service == b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 3\r\nContent-Length: 9\r\n\r\nslow down"

    def test_a_body_without_headers_is_json(self, sink: CollectingSink):
        wire = near(sink, rule("status", code=400, body="{}"))
        wire.ask(POST)

        assert wire.to_service == b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

    @pytest.mark.parametrize(
        ("request_", "code", "answer"),
        [
            (GET.replace(b"GET", b"HEAD"), 500, b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 1\r\n\r\n"),
            (POST, 204, b"HTTP/1.1 204 No Content\r\n\r\n"),
            (GET, 304, b"HTTP/1.1 304 Not Modified\r\n\r\n"),
            (POST, 599, b"HTTP/1.1 599 \r\nContent-Length: 1\r\n\r\n-"),
        ],
    )
    def test_an_answer_without_a_body_has_none(self, sink: CollectingSink, request_: bytes, code: int, answer: bytes):
        wire = near(sink, rule("status", code=code, body="-", headers={}))
        wire.ask(request_)

        assert wire.to_service.replace(b"Content-Type: application/json\r\n", b"") == answer

    def test_who_said_close_is_told_close(self, sink: CollectingSink):
        wire = near(sink, rule("status", code=503))
        wire.ask(CLOSING)

        assert wire.to_service == UNAVAILABLE.replace(b"0\r\n", b"0\r\nConnection: close\r\n")
        assert wire.closed == [Close()]

    def test_a_request_that_had_begun_to_go_on_is_answered_and_its_connection_closed(self, sink: CollectingSink):
        book = RuleBook()
        wire = Wire(http.session(tap(sink, book=book)))
        wire.ask(POST[:30])
        book.arm(rule("status", code=503))
        wire.ask(POST[30:])

        assert (wire.to_target, wire.to_service, wire.closed) == (POST[:30], UNAVAILABLE, [Close()])


class TestDuplicate:
    @pytest.mark.parametrize("by", [None, 1])
    @pytest.mark.parametrize("request_", [POST, CHUNKED], ids=["length", "chunked"])
    def test_the_request_goes_on_again_and_the_extra_answer_nowhere(self, sink: CollectingSink, request_: bytes, by: int | None):
        wire = near(sink, rule("duplicate", times=1))

        assert wire.ask(request_, by=by) == request_ + request_
        assert wire.reply(ANSWER + OTHER, by=by) == ANSWER
        assert told(sink) == [
            ("requested", 1, "7", "", None),
            ("bit", 1, "7", "f1", None),
            ("requested", 2, "7", "f1", None),
            ("answered", 1, "7", "", 200),
        ]

    def test_exchanges_are_counted_as_the_other_side_counts_them(self, sink: CollectingSink):
        wire = near(sink, rule("duplicate", copies=2, times=1))
        wire.ask(POST + GET)

        assert wire.to_target == POST * 3 + GET
        assert wire.reply(ANSWER * 3 + OTHER) == ANSWER + OTHER
        assert [(event.x, event.fault) for event in sink.of("requested")] == [(1, ""), (2, "f1"), (3, "f1"), (4, "")]
        assert [event.x for event in sink.of("answered")] == [1, 4]

    @pytest.mark.parametrize("by", [None, 1])
    def test_only_the_last_copy_says_that_the_connection_ends(self, sink: CollectingSink, by: int | None):
        wire = near(sink, rule("duplicate", copies=2))
        staying = CLOSING.replace(b"Connection: close\r\n", b"").replace(b"18\r\n", b"18\r\nConnection: keep-alive\r\n")

        assert wire.ask(CLOSING, by=by) == staying + staying + CLOSING
        assert wire.reply(ANSWER * 3, by=by) == ANSWER.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")

    def test_an_extra_answer_without_a_length_goes_nowhere_either(self, sink: CollectingSink):
        wire = near(sink, rule("duplicate"))
        wire.ask(CLOSING)
        wire.reply(ANSWER)

        assert wire.reply(b"HTTP/1.1 200 OK\r\n\r\n{}") == b""
        wire.session.ended("target", "fin")
        assert len(sink.of("answered")) == 1

    def test_what_had_begun_to_go_on_is_not_sent_again(self, sink: CollectingSink):
        book = RuleBook()
        wire = Wire(http.session(tap(sink, book=book)))
        wire.ask(POST[:30])
        book.arm(rule("duplicate"))
        wire.ask(POST[30:])

        assert wire.to_target == POST
        assert sink.of("bit") == []


@pytest.mark.parametrize("name", ["request_lost", "status", "duplicate", "held", "latency"])
@pytest.mark.parametrize("but", [{"on": "DELETE"}, {"key": "8"}, {"times": 0}], ids=["on", "key", "times"])
@pytest.mark.parametrize("by", [None, 7])
def test_what_the_rule_does_not_mean_passes(sink: CollectingSink, name: Name, but: dict[str, object], by: int | None):
    wire = near(sink, rule(name, code=503, **but))

    assert wire.ask(POST + GET, by=by) == POST + GET
    assert wire.reply(ANSWER, by=by) == ANSWER
    assert sink.of("bit") == []


@pytest.mark.parametrize("name", ["request_lost", "status", "duplicate", "held", "latency", "answer_lost"])
def test_a_far_tap_in_front_of_somebody_elses_server_only_watches(sink: CollectingSink, name: Name):
    wire = Wire(http.session(tap(sink, rule(name, code=503), at="far")))

    assert wire.ask(POST) == POST
    assert wire.reply(ANSWER) == ANSWER
    assert [(event.kind, event.at) for event in sink.events] == [("requested", "far"), ("answered", "far")]


def test_a_request_larger_than_anybody_looks_at_is_not_kept(sink: CollectingSink, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("harness.wire.call_rules.LARGEST_KEPT", 5)
    wire = near(sink, rule("request_lost"))

    assert wire.ask(POST[:-1]) == POST[:-1]
    wire.ask(POST[-1:])
    assert wire.closed == [Close()]


def test_the_rule_injected_last_acts(sink: CollectingSink):
    last = Rule(id="f2", name="request_lost", link="writer->tcs", order=2, times=1)
    wire = near(sink, last, rule("status", code=503, order=1))
    wire.ask(POST)
    assert [event.fault for event in sink.of("bit")] == ["f2"]


@pytest.mark.parametrize(
    ("refused", "sentence"),
    [
        (rule("altered", body="x"), "altered on writer->tcs: only messages of SQS and RabbitMQ can be altered"),
        (rule("reordered"), r"requests to an HTTP resource come in no order that could be changed; use held\(link, key=...\)"),
        (rule("shortened", seconds=1), "only ReceiveMessage of SQS asks for a visibility timeout"),
        (rule("held", on="SendMessage"), "on='SendMessage' is no method of HTTP; there are: GET, "),
        (rule("status", code="AccessDenied"), r"'AccessDenied' is no status of an answer in HTTP \(200 to 599\)"),
        (rule("status", code=100), "100 is no status of an answer in HTTP"),
        (rule("status"), "None is no status of an answer in HTTP"),
        (rule("status", code=503, headers={"content-length": "3"}), "would say where the answer ends, which the tap says itself"),
        (rule("status", code=503, headers={"X": "a\nb"}), "is no field of HTTP: a name of letters"),
        (rule("status", code=503, headers={"X Y": "a"}), "is no field of HTTP: a name of letters"),
    ],
)
def test_a_rule_that_cannot_act_is_refused(refused: Rule, sentence: str):
    with pytest.raises(UsageError, match=sentence):
        http.supports(refused)


@pytest.mark.parametrize("name", ["answer_lost", "request_lost", "status", "duplicate", "held", "latency"])
def test_a_rule_that_can_act_is_not_refused(name: Name):
    http.supports(rule(name, code=503, headers={"Retry-After": "1"}, on="POST"))
