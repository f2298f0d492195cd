"""What a tap follows of PostgreSQL's protocol, byte by byte; with psycopg and a real server: tests/sandbox/test_databases.py."""

import asyncio
import struct
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.wire import postgres
from harness.wire.postgres_messages import Prepared, Statement, statements
from harness.wire.rules import Name, Rule
from harness.wire.streams import Close, Seat
from tests.wire.taps import CollectingSink, Wire, cut, tap

LINK = "writer->db"


def said(kind: str, body: bytes = b"") -> bytes:
    return kind.encode() + struct.pack("!i", len(body) + 4) + body


def first(code: int, body: bytes = b"") -> bytes:
    return struct.pack("!ii", len(body) + 8, code) + body


def query(text: str) -> bytes:
    return said("Q", text.encode() + b"\0")


def done(*tags: str, state: str = "I", error: str = "") -> bytes:
    told = [said("C", tag.encode() + b"\0") for tag in tags]
    refused = [said("E", b"SERROR\0C" + error.encode() + b"\0Mno\0\0")] if error else []
    return b"".join([*told, *refused, said("Z", state.encode())])


def bound(values: Sequence[bytes | None], formats: list[int]) -> bytes:
    parts = [b"\0s1\0", struct.pack(f"!h{len(formats)}h", len(formats), *formats), struct.pack("!h", len(values))]
    parts += [struct.pack("!i", -1 if one is None else len(one)) + (one or b"") for one in values]
    return said("B", b"".join(parts) + struct.pack("!h", 0))


START = first(80_877_103)
HELLO = first(196_608, b"user\0me\0\0")
WELCOME = said("R", struct.pack("!i", 0)) + said("K", b"12345678") + said("Z", b"I")
INSERT = said("P", b"s1\0INSERT INTO p VALUES ($1, $2)\0\0\0") + bound([b"7", None], []) + said("E", b"\0\0\0\0\0")
SYNC = said("S")


@pytest.fixture
def sink() -> CollectingSink:
    return CollectingSink(resources={"db": r"body ~ (?:\n|VALUES \()(\d+)"})


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    one = asyncio.new_event_loop()
    yield one
    one.close()


def rule(name: Name, **how: object) -> Rule:
    return Rule(id="f1", name=name, link=LINK, **how)  # type: ignore[arg-type]


def begun(sink: CollectingSink, *rules: Rule, at: Seat = "near") -> Wire:
    wire = Wire(postgres.session(tap(sink, *rules, link=LINK, at=at)))
    wire.ask(HELLO)
    wire.reply(WELCOME)
    return wire


def told(sink: CollectingSink) -> list[tuple[object, ...]]:
    return sink.story("kind", "wire", "key", "x", "ok")


@pytest.mark.parametrize("by", [None, 1, 7])
def test_a_transaction_is_recorded_when_it_is_decided_and_when_it_is_answered(sink: CollectingSink, by: int | None):
    wire = Wire(postgres.session(tap(sink, link=LINK)))
    rows = said("T", b"\0\1") + said("D", b"\0" * 300) * 3
    talk = [
        (START, b"N"), (HELLO, WELCOME), (query("BEGIN"), done("BEGIN", state="T")),
        (INSERT + SYNC, done("INSERT 0 1", state="T")), (query("COMMIT"), done("COMMIT")),
        (query("SELECT 1"), rows + done("SELECT 3")), (query("SET a = 1"), done("SET")),
        (query("INSERT INTO p VALUES (8)"), done(error="23505")),
    ]  # fmt: skip
    for asked, replied in talk:
        assert wire.ask(asked, by=by) == asked
        assert wire.reply(replied, by=by) == replied

    assert told(sink) == [
        ("requested", "COMMIT", "7", 1, None),
        ("answered", "COMMIT", "7", 1, True),
        ("requested", "SELECT", "", 2, None),
        ("answered", "SELECT", "", 2, True),
        ("requested", "INSERT", "8", 3, None),
        ("answered", "INSERT", "8", 3, False),
    ]
    assert sink.events[0].data == {"statements": ["INSERT", "COMMIT"]}
    assert sink.events[5].data == {"tags": [], "code": "23505"}


def test_a_commit_that_became_a_rollback_is_no_success(sink: CollectingSink):
    wire = begun(sink)
    wire.ask(query("BEGIN; INSERT INTO p VALUES (7); COMMIT"))
    wire.reply(done("BEGIN", "INSERT 0 1", "ROLLBACK"))

    assert told(sink) == [("requested", "COMMIT", "7", 1, None), ("answered", "COMMIT", "7", 1, False)]


def test_a_transaction_is_under_way_until_it_is_answered(sink: CollectingSink):
    wire = begun(sink)
    wire.ask(query("COMMIT"))
    session = wire.session
    assert isinstance(session, postgres.Postgres)
    before = session.carries("COMMIT"), session.carries("INSERT")
    wire.reply(done("COMMIT"))

    assert (before, session.carries("COMMIT")) == ((True, False), False)


@pytest.mark.parametrize(("at", "recorded"), [("near", 1), ("far", 0)])
def test_a_transaction_that_a_lost_connection_ended_was_asked_for_in_part(sink: CollectingSink, at: Seat, recorded: int):
    wire = begun(sink, at=at)
    wire.ask(query("BEGIN") + query("INSERT INTO p VALUES (7)"))
    wire.session.ended("service", "rst")
    wire.session.ended("target", "rst")

    assert told(sink) == [("requested", "ROLLBACK", "7", 1, False)] * recorded


@pytest.mark.parametrize(("last", "recorded"), [(said("X"), 1), (b"", 0)], ids=["the client's goodbye", "the server's alone"])
def test_also_where_the_server_s_end_is_seen_before_the_client_s(sink: CollectingSink, last: bytes, recorded: int):
    wire = begun(sink)
    wire.ask(query("BEGIN") + query("INSERT INTO p VALUES (7)") + last)
    wire.session.ended("target", "fin")
    wire.session.ended("service", "fin")

    assert told(sink) == [("requested", "ROLLBACK", "7", 1, False)] * recorded


@pytest.mark.parametrize(
    ("asked", "replied", "reason"),
    [
        (START, b"S\x16\x03", "TLS: what follows cannot be read"),
        (first(80_877_104), b"G\x16\x03", "GSSAPI: what follows cannot be read"),
        (b"GET / HTTP/1.1\r\n\r\n", b"", "a message of 1195725856 bytes is not PostgreSQL's"),
        (b"\0\0\0\1", b"", "a message of 1 bytes is not PostgreSQL's"),
    ],
)
@pytest.mark.parametrize("by", [None, 3])
def test_what_cannot_be_followed_is_one_gap_and_passes(
    sink: CollectingSink, asked: bytes, replied: bytes, reason: str, by: int | None
):
    wire = Wire(postgres.session(tap(sink, rule("request_lost", key="nobody"), link=LINK)))
    wire.ask(asked, by=by)
    wire.reply(replied, by=by)
    wire.ask(b"more")
    wire.reply(b"and more")

    assert (wire.to_target, wire.to_service) == (asked + b"more", replied + b"and more")
    (gap,) = sink.of("gap")
    assert reason in str(gap.data)


def test_a_cancellation_is_a_connection_of_its_own(sink: CollectingSink):
    wire = Wire(postgres.session(tap(sink, link=LINK)))

    assert wire.ask(first(80_877_102, b"12345678")) == first(80_877_102, b"12345678")
    assert sink.events == []


class TestFaults:
    @pytest.mark.parametrize("by", [None, 1])
    def test_a_commit_is_lost(self, sink: CollectingSink, by: int | None):
        wire = begun(sink, rule("request_lost"))
        wire.ask(query("BEGIN"), by=by)
        wire.reply(done("BEGIN", state="T"))
        before = len(wire.to_target)
        wire.ask(query("COMMIT"), by=by)

        assert (len(wire.to_target), wire.closed) == (before, [Close()])
        assert [event.kind for event in sink.events] == ["requested", "bit"]

    @pytest.mark.parametrize("by", [None, 1])
    def test_an_answer_is_lost_after_it_was_recorded(self, sink: CollectingSink, by: int | None):
        wire = begun(sink, rule("answer_lost"), at="far")
        before = len(wire.to_service)
        wire.ask(query("INSERT INTO p VALUES (7)"))
        wire.reply(done("INSERT 0 1"), by=by)

        assert (len(wire.to_service), wire.closed) == (before, [Close()])
        assert [(event.kind, event.ok) for event in sink.events] == [("requested", None), ("bit", None), ("answered", True)]

    @pytest.mark.parametrize("at", ["near", "far"])
    @pytest.mark.parametrize("name", ["request_lost", "held", "answer_lost", "latency"])
    @pytest.mark.parametrize("but", [{"key": "8"}, {"on": "DELETE"}, {"times": 0}], ids=["key", "on", "times"])
    def test_what_the_rule_does_not_mean_passes(self, sink: CollectingSink, at: Seat, name: Name, but: dict[str, object]):
        wire = begun(sink, rule(name, **but), at=at)
        asked, replied = INSERT + SYNC + query("SELECT 1"), done("INSERT 0 1") + done("SELECT 1")

        assert wire.ask(asked, by=5) == asked
        assert wire.reply(replied, by=5) == replied
        assert sink.of("bit") == []

    def test_a_question_is_meant_only_by_its_name(self, sink: CollectingSink):
        passing = begun(sink, rule("request_lost"))
        passing.ask(query("SELECT 1"))
        named = begun(sink, rule("request_lost", on="SELECT"))
        named.ask(query("SELECT 1"))

        assert (passing.closed, named.closed) == ([], [Close()])


def test_a_barrier_at_answered_stops_what_comes_next(sink: CollectingSink, loop: asyncio.AbstractEventLoop):
    wire = begun(sink)
    wire.ask(query("COMMIT"))
    sink.loop, sink.holds = loop, lambda event: event.kind == "answered"
    answered = list(wire.session.from_target(done("COMMIT")))
    waiting = list(wire.session.from_service(SYNC))
    sink.held[0].release()

    assert answered[-1] is sink.held[0]
    assert waiting == [sink.held[0], SYNC]
    assert list(wire.session.from_service(SYNC)) == [SYNC]


@given(asked=st.binary(max_size=200), replied=st.binary(max_size=200), at=st.integers(0, 120), by=st.integers(1, 60))
def test_no_bytes_raise_and_without_a_bite_all_go_on(asked: bytes, replied: bytes, at: int, by: int):
    wire = Wire(postgres.session(tap(CollectingSink(), rule("answer_lost", key="nobody"), link=LINK)))
    talk, heard = HELLO + INSERT + SYNC + query("COMMIT"), WELCOME + done("INSERT 0 1") + done("COMMIT")
    talk, heard = talk[:at] + asked + talk[at:], heard[:at] + replied + heard[at:]
    for one, other in zip(cut(talk, by), [*cut(heard, by)] + [b""] * len(talk), strict=False):
        wire.ask(one)
        wire.reply(other)
    wire.session.ended("service", "fin")

    assert wire.to_target == talk
    assert heard.startswith(wire.to_service)


@pytest.mark.parametrize(
    ("text", "verbs"),
    [
        ("insert into p values ('a;b', \"c;d\") -- x; delete\n; update p set a = 1", ["INSERT", "UPDATE"]),
        ("/* begin; */ SELECT 1;;", ["SELECT"]),
        ("ROLLBACK TO SAVEPOINT a; RELEASE b; ROLLBACK", ["SAVEPOINT", "RELEASE", "ROLLBACK"]),
        ("", []),
    ],
)
def test_the_statements_of_a_text(text: str, verbs: list[str]):
    assert [one.verb for one in statements(text)] == verbs


def test_what_is_executed_is_what_was_bound():
    prepared = Prepared()
    numbers = [struct.pack("!h", 1), struct.pack("!i", -2), struct.pack("!q", 3), b"\xff"]
    both = bound(numbers, [1]), bound([b"4", b"5"], [0, 0])
    list(prepared.take("P", b"s1\0INSERT\0\0\0"))
    found = [one for body in both for kind, said_ in (("B", body[5:]), ("E", b"\0")) for one in prepared.take(kind, said_)]

    assert found == [Statement("INSERT", "INSERT\n1\n-2\n3\n\ufffd"), Statement("INSERT", "INSERT\n4\n5")]
    assert list(prepared.take("E", b"nothing\0")) == []
    assert list(prepared.take("B", both[0][5:20])) == []


@pytest.mark.parametrize(
    ("refused", "sentence"),
    [
        (rule("status", code=503), "a link to PostgreSQL has no such fault; there are: answer_lost, held, latency, request_lost"),
        (rule("held", on="POST"), "on='POST' decides no transaction; there are: COMMIT, ROLLBACK"),
        (rule("answer_lost", status=504), "no gateway answers in PostgreSQL's protocol; leave status= out"),
    ],
)
def test_a_rule_that_cannot_act_is_refused(refused: Rule, sentence: str):
    with pytest.raises(UsageError, match=sentence):
        postgres.supports(refused)


def test_a_rule_that_can_act_is_not_refused():
    postgres.supports(rule("answer_lost", on="COMMIT"))
