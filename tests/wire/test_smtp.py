"""What a tap follows of SMTP, byte by byte."""

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.wire import smtp
from tests.wire.smtp_said import CONTENT, ENVELOPE, GREETING, INVITED, OK, TAKEN, begun, near, rule, told
from tests.wire.taps import CollectingSink, cut


@pytest.fixture
def sink() -> CollectingSink:
    return CollectingSink(resources={"mails": r"subject ~ form (\S+)"})


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    one = asyncio.new_event_loop()
    yield one
    one.close()


@pytest.mark.parametrize("by", [None, 1, 3])
def test_a_mail_is_recorded_when_whole_and_its_reply_when_it_has_left(sink: CollectingSink, by: int | None):
    wire = near(sink)
    said = [(b"", GREETING), (b"EHLO me\r\n", b"250-mx\r\n250 HELP\r\n"), (ENVELOPE, OK + OK), (b"DATA\r\n", INVITED)]
    for asked, replied in [*said, (CONTENT, TAKEN), (ENVELOPE, OK + OK), (b"DATA\r\n", INVITED), (CONTENT, TAKEN)]:
        assert wire.ask(asked, by=by) == asked
        assert wire.reply(replied, by=by) == replied
    wire.session.ended("service", "fin")

    assert told(sink) == [
        ("requested", 1, "F1", "", None, None),
        ("answered", 1, "F1", "", 250, True),
        ("requested", 2, "F1", "", None, None),
        ("answered", 2, "F1", "", 250, True),
    ]
    assert (sink.events[0].wire, sink.events[0].size, sink.events[0].body) == ("DATA", len(CONTENT), "hello\r\n.\r\n")
    assert sink.events[0].data == {"from": "a@x.test", "to": ["b@y.test"], "subject": "form F1"}


def test_a_mail_is_under_way_until_its_reply_has_come(sink: CollectingSink):
    wire = begun(sink)
    session = wire.session
    assert isinstance(session, smtp.Smtp)
    before = session.carries("DATA")
    wire.ask(CONTENT[:5])
    reading = session.carries("DATA")
    wire.ask(CONTENT[5:])
    waiting = session.carries("DATA")
    wire.reply(TAKEN)

    assert (before, reading, waiting, session.carries("DATA"), session.carries("POST")) == (False, True, True, False, False)


def test_a_refused_recipient_gets_no_mail_and_a_reset_forgets_all(sink: CollectingSink):
    wire = near(sink)
    wire.reply(GREETING)
    wire.ask(ENVELOPE + b"RCPT TO:<no@y.test>\r\nRSET\r\n" + ENVELOPE + b"RCPT TO:<no@y.test>\r\nDATA\r\n")
    wire.reply(OK + OK + b"550 no\r\n" + OK + OK + OK + b"550 no\r\n" + INVITED)
    wire.ask(CONTENT)

    assert (sink.events[0].data or {})["to"] == ["b@y.test"]


def test_what_is_said_to_a_challenge_is_no_command(sink: CollectingSink):
    wire = near(sink)
    wire.reply(GREETING)
    wire.ask(b"AUTH LOGIN\r\n")
    wire.reply(b"334 VXNlcm5hbWU6\r\n")
    wire.ask(b"DATA\r\n")  # the user's name, in base64

    assert wire.reply(INVITED.replace(b"354", b"334")) == INVITED.replace(b"354", b"334")
    wire.ask(b"BDAT\r\n")
    assert wire.reply(b"235 welcome\r\n421 too slow\r\n") == b"235 welcome\r\n421 too slow\r\n"
    assert sink.events == []


@pytest.mark.parametrize(
    ("asked", "replied", "reason"),
    [
        (b"STARTTLS\r\n", b"220 go on\r\n", "STARTTLS: what follows cannot be read"),
        (b"BDAT 5 LAST\r\nhello", OK, "a mail in chunks"),
        (b"x" * 70_000, b"", "a line of more than"),
        (b"NOOP\r\n", b"HTTP/1.1 200 OK\r\n", "not a reply of SMTP: b'HTTP/1.1 200 OK'"),
        (b"NOOP\r\n", b"250-" + b"x" * 70_000, "a line of more than"),
    ],
)
@pytest.mark.parametrize("by", [None, 5000])
def test_what_cannot_be_followed_is_one_gap_and_passes(
    sink: CollectingSink, asked: bytes, replied: bytes, reason: str, by: int | None
):
    wire = near(sink, rule("held", key="nobody"))
    wire.reply(GREETING)
    wire.ask(asked, by=by)
    wire.reply(replied, by=by)
    wire.ask(b"more")
    wire.reply(b"and more")

    assert (wire.to_target, wire.to_service) == (asked + b"more", GREETING + replied + b"and more")
    (gap,) = sink.of("gap")
    assert reason in str(gap.data)


def test_a_barrier_at_answered_lets_the_reply_go_and_stops_what_comes_next(sink: CollectingSink, loop: asyncio.AbstractEventLoop):
    wire = begun(sink)
    wire.ask(CONTENT)
    sink.loop, sink.holds = loop, lambda event: event.kind == "answered"
    answered = list(wire.session.from_target(TAKEN))
    waiting = list(wire.session.from_service(b"QUIT\r\n"))
    sink.held[0].release()

    assert answered == [TAKEN, sink.held[0]]
    assert waiting == [sink.held[0], b"QUIT\r\n"]
    assert list(wire.session.from_service(b"NOOP\r\n")) == [b"NOOP\r\n"]


@given(asked=st.binary(max_size=200), replied=st.binary(max_size=200), at=st.integers(0, 120), by=st.integers(1, 60))
def test_no_bytes_raise_and_without_a_bite_all_go_on(asked: bytes, replied: bytes, at: int, by: int):
    wire = near(CollectingSink(), rule("answer_lost", key="nobody"))
    said, heard = ENVELOPE + b"DATA\r\n" + CONTENT, GREETING + OK + OK + INVITED + TAKEN
    said, heard = said[:at] + asked + said[at:], heard[:at] + replied + heard[at:]
    for one, other in zip(cut(said, by), [*cut(heard, by)] + [b""] * len(said), strict=False):
        wire.ask(one)
        wire.reply(other)

    assert wire.to_target == said
    assert heard.startswith(wire.to_service)
