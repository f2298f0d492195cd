import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.wire import http
from harness.wire.rules import Rule, RuleBook
from harness.wire.streams import Close
from tests.wire.taps import CollectingSink, Wire, cut, tap

POST = b'POST /placements?day=1 HTTP/1.1\r\nHost: 127.0.0.1:9\r\nContent-Length: 18\r\n\r\n{"placement": "7"}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
SHORT = b"GET /a HTTP/1.1\r\n\r\n"
LOST = Rule(id="f1", name="answer_lost", link="writer->tcs")


@pytest.fixture
def sink() -> CollectingSink:
    return CollectingSink(resources={"tcs": "/placement", "asked": None})


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    one = asyncio.new_event_loop()
    yield one
    one.close()


@pytest.mark.parametrize("by", [None, 1, 3, 64])
def test_a_request_is_recorded_when_whole_and_an_answer_when_it_has_left(sink: CollectingSink, by: int | None):
    wire = Wire(http.session(tap(sink)))
    assert wire.ask(POST, by=by) == POST
    assert wire.reply(ANSWER, by=by) == ANSWER
    assert wire.ask(POST, by=by) == POST

    assert sink.story("kind", "at", "wire", "key", "x", "status", "ok") == [
        ("requested", "near", "POST", "7", 1, None, None),
        ("answered", "near", "POST", "7", 1, 200, True),
        ("requested", "near", "POST", "7", 2, None, None),
    ]
    assert sink.events[0].data == {"path": "/placements?day=1"}
    assert (sink.events[0].size, sink.events[0].body) == (18, '{"placement": "7"}')


def test_nothing_is_recorded_before_the_last_byte(sink: CollectingSink):
    wire = Wire(http.session(tap(sink)))
    assert wire.ask(POST[:-1]) == POST[:-1]
    assert sink.events == []
    assert wire.ask(POST[-1:]) == POST[-1:]
    assert wire.reply(ANSWER[:-1]) == ANSWER[:-1]
    assert [event.kind for event in sink.events] == ["requested"]


def test_pipelined_requests_are_answered_in_their_order(sink: CollectingSink):
    wire = Wire(http.session(tap(sink)))
    wire.ask(SHORT + SHORT.replace(b"GET", b"HEAD") + POST)
    wire.reply(ANSWER + b"HTTP/1.1 404 Not Found\r\nContent-Length: 99\r\n\r\n" + ANSWER)

    assert [(event.x, event.wire, event.status, event.ok) for event in sink.of("answered")] == [
        (1, "GET", 200, True),
        (2, "HEAD", 404, False),
        (3, "POST", 200, True),
    ]


def test_100_continue_is_no_answer(sink: CollectingSink):
    wire = Wire(http.session(tap(sink, LOST)))
    head, body = POST.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n").split(b"{")

    assert wire.ask(head) == head
    assert wire.reply(b"HTTP/1.1 100 Continue\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert wire.ask(b"{" + body) == b"{" + body
    assert [event.kind for event in sink.events] == ["requested"]


def test_an_answer_without_a_length_is_whole_by_an_orderly_end(sink: CollectingSink):
    wire = Wire(http.session(tap(sink)))
    wire.ask(SHORT)
    wire.reply(b"HTTP/1.1 200 OK\r\n\r\nall of it")
    before = len(sink.of("answered"))
    wire.session.ended("target", "fin")

    assert before == 0
    assert [event.status for event in sink.of("answered")] == [200]


@pytest.mark.parametrize(("side", "how"), [("target", "rst"), ("service", "fin")])
def test_no_other_end_makes_an_answer_whole(sink: CollectingSink, side: str, how: str):
    wire = Wire(http.session(tap(sink)))
    wire.ask(SHORT)
    wire.reply(b"HTTP/1.1 200 OK\r\n\r\nhalf")
    wire.session.ended("target" if side == "target" else "service", "rst" if how == "rst" else "fin")

    assert sink.of("answered") == []


def test_an_end_between_messages_is_only_an_end(sink: CollectingSink):
    wire = Wire(http.session(tap(sink)))
    wire.session.ended("target", "fin")

    assert sink.events == []


@pytest.mark.parametrize(
    ("asked", "replied", "reason"),
    [
        (b"\x16\x03\x01 TLS\r\n\r\n", b"x", "not HTTP/1.1"),
        (b"CONNECT a:443 HTTP/1.1\r\n\r\n\x16\x03 TLS\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\nx", "CONNECT"),
        (SHORT, b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nx", "now websocket"),
        (SHORT, b"SSH-2.0-x\r\n\r\n", "not HTTP/1.1"),
        (b"", ANSWER, "an answer (200) to no request"),
    ],
)
def test_what_cannot_be_followed_is_one_gap_and_passes(sink: CollectingSink, asked: bytes, replied: bytes, reason: str):
    wire = Wire(http.session(tap(sink, LOST)))
    wire.ask(asked)
    wire.reply(replied)
    wire.ask(b"more")
    wire.reply(b"and more")
    wire.session.ended("target", "fin")

    assert (wire.to_target, wire.to_service) == (asked + b"more", replied + b"and more")
    (gap,) = sink.of("gap")
    assert reason in str(gap.data)


def test_the_tap_of_a_resource_without_a_key_records_none(sink: CollectingSink):
    wire = Wire(http.session(tap(sink, link="writer->asked")))
    wire.ask(POST)

    assert sink.events[0].key == ""


class TestAnswerLost:
    @pytest.mark.parametrize("by", [None, 1, 5])
    def test_the_answer_is_withheld_whole_and_the_connection_closed(self, sink: CollectingSink, by: int | None):
        wire = Wire(http.session(tap(sink, LOST)))
        wire.ask(POST)
        wire.reply(ANSWER, by=by)

        assert wire.to_service == b""
        assert wire.closed == [Close()]
        assert [(event.kind, event.fault, event.key, event.x) for event in sink.events[1:]] == [("bit", "f1", "7", 1)]

    def test_with_a_status_the_service_gets_an_answer_of_our_own(self, sink: CollectingSink):
        book = RuleBook()
        wire = Wire(
            http.session(tap(sink, Rule(id="f1", name="answer_lost", link="writer->tcs", status=504, times=1), book=book))
        )
        wire.ask(POST + POST)

        assert wire.reply(ANSWER) == b"HTTP/1.1 504 Gateway Timeout\r\nContent-Length: 0\r\n\r\n"
        assert wire.reply(ANSWER) == ANSWER
        assert [(event.status, event.ok) for event in sink.of("answered")] == [(504, False), (200, True)]

    def test_who_said_close_is_told_close(self, sink: CollectingSink):
        wire = Wire(http.session(tap(sink, Rule(id="f1", name="answer_lost", link="writer->tcs", status=599))))
        wire.ask(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")

        assert wire.reply(ANSWER) == b"HTTP/1.1 599 \r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

    @pytest.mark.parametrize(
        "rule",
        [
            Rule(id="f1", name="answer_lost", link="writer->tcs", on="DELETE"),
            Rule(id="f1", name="answer_lost", link="writer->tcs", key="8"),
            Rule(id="f1", name="answer_lost", link="writer->other"),
            Rule(id="f1", name="altered", link="writer->tcs", body="x"),
            Rule(id="f1", name="answer_lost", link="writer->tcs", times=0),
        ],
    )
    def test_what_the_rule_does_not_mean_passes(self, sink: CollectingSink, rule: Rule):
        wire = Wire(http.session(tap(sink, rule)))
        wire.ask(POST)

        assert wire.reply(ANSWER, by=7) == ANSWER
        assert sink.of("bit") == []

    def test_an_answer_that_has_begun_when_the_fault_begins_is_cut(self, sink: CollectingSink):
        book = RuleBook()
        wire = Wire(http.session(tap(sink, book=book)))
        wire.ask(POST)
        wire.reply(ANSWER[:20])
        book.arm(Rule(id="f1", name="answer_lost", link="writer->tcs", status=504))
        wire.reply(ANSWER[20:])

        assert wire.to_service == ANSWER[:20]
        assert wire.closed == [Close()]

    def test_a_rule_disarmed_meanwhile_lets_go_what_was_kept(self, sink: CollectingSink):
        book = RuleBook()
        wire = Wire(http.session(tap(sink, LOST, book=book)))
        wire.ask(POST)
        assert wire.reply(ANSWER[:20]) == b""
        book.disarm("f1")

        assert wire.reply(ANSWER[20:25]) == ANSWER[:25]
        assert wire.reply(ANSWER[25:]) == ANSWER[25:]

    def test_an_answer_without_a_length_is_not_kept(self, sink: CollectingSink):
        wire = Wire(http.session(tap(sink, LOST)))
        wire.ask(SHORT)

        assert wire.reply(b"HTTP/1.1 200 OK\r\n\r\nall", by=6) == b"HTTP/1.1 200 OK\r\n\r\nall"


class TestBarriers:
    def test_the_last_bytes_of_a_request_wait_for_the_barrier(self, sink: CollectingSink, loop: asyncio.AbstractEventLoop):
        sink.loop, sink.holds = loop, lambda event: event.kind == "requested"

        steps = list(http.session(tap(sink)).from_service(POST))

        assert steps == [sink.held[0], POST]

    def test_a_barrier_at_answered_lets_the_answer_go_and_stops_the_next_request(
        self, sink: CollectingSink, loop: asyncio.AbstractEventLoop
    ):
        sink.loop, sink.holds = loop, lambda event: event.kind == "answered"
        session = http.session(tap(sink))
        list(session.from_service(POST))
        answered = list(session.from_target(ANSWER))
        waiting = list(session.from_service(SHORT))
        sink.held[0].release()
        free = list(session.from_service(SHORT))

        assert answered == [ANSWER, sink.held[0]]
        assert waiting == [sink.held[0], SHORT]
        assert free == [SHORT]


@given(
    requests_=st.binary(max_size=200),
    replies=st.binary(max_size=200),
    at=st.integers(0, 120),
    by=st.integers(1, 60),
    armed=st.booleans(),
)
def test_no_bytes_raise_and_without_a_bite_all_go_on(requests_: bytes, replies: bytes, at: int, by: int, armed: bool):  # noqa: FBT001 (drawn)
    sink = CollectingSink(resources={"tcs": "/placement"})
    rules = (Rule(id="f1", name="answer_lost", link="writer->tcs", key="nobody"),) if armed else ()
    wire = Wire(http.session(tap(sink, *rules)))
    asked, replied = POST[:at] + requests_ + POST[at:], ANSWER[:at] + replies + ANSWER[at:]
    chunks = list(zip(cut(asked, by), [*cut(replied, by)] + [b""] * len(asked), strict=False))
    for one, other in chunks:
        wire.ask(one)
        wire.reply(other)
    wire.session.ended("target", "fin")

    assert wire.to_target == asked
    assert replied.startswith(wire.to_service)
