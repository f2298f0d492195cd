"""A mailbox by SMTP: what is said, what is recorded, and real clients through both taps."""

import asyncio
import smtplib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.clock import eventually
from harness.errors import UsageError
from harness.resources.mailbox import Mailbox
from harness.wire import smtp
from harness.wire.streams import Close
from tests.resources.visits import Visit
from tests.wire.linked import linked
from tests.wire.taps import CollectingSink, cut

ENVELOPE = b"MAIL FROM:<a@x.test> SIZE=9\r\nRCPT TO:<b@y.test>\r\nRCPT TO: c@z.test\r\nDATA\r\n"
CONTENT = b"Subject: form F1 was\r\n received\r\nTo: B <b@y.test>\r\n\r\nDear B\r\n..\r\nyours\r\n.\r\n"


@pytest.fixture
def sink() -> CollectingSink:
    return CollectingSink(resources={"mails": r"subject ~ form (\S+)"})


@pytest.fixture
def mails() -> Mailbox:
    return Mailbox("mails", {"key": r"subject ~ form (\S+)"})


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    one = asyncio.new_event_loop()
    yield one
    one.close()


def codes(said: bytes) -> list[str]:
    return [line[:3].decode() for line in said.splitlines() if line[3:4] == b" "]


@pytest.mark.parametrize("by", [None, 1, 30])
def test_a_mail_is_requested_then_effected_then_answered(sink: CollectingSink, mails: Mailbox, by: int | None):
    one = Visit(mails, sink)
    assert codes(one.send(b"HELO me\r\n" + ENVELOPE, by=by)) == ["250", "250", "250", "250", "354"]
    assert codes(one.send(CONTENT, by=by)) == ["250"]

    assert sink.story("kind", "at", "wire", "key", "x", "status", "ok") == [
        ("requested", "resource", "DATA", "F1", 1, None, None),
        ("effected", "resource", "DATA", "F1", 1, None, None),
        ("answered", "resource", "DATA", "F1", 1, 250, True),
    ]
    said = {"from": "a@x.test", "to": ["b@y.test", "c@z.test"], "subject": "form F1 was received"}
    assert sink.events[0].data == {**said, "resource": "mails"}
    (mail,) = mails.mails
    assert (mail.text, mail.recipients) == ("Dear B\r\n.\r\nyours\r\n", ("b@y.test", "c@z.test"))


def test_barriers_stand_before_the_mail_is_taken_before_the_answer_and_after_it(
    sink: CollectingSink, mails: Mailbox, loop: asyncio.AbstractEventLoop
):
    sink.loop, sink.holds = loop, lambda _: True
    one = Visit(mails, sink)
    one.send(ENVELOPE)
    taken = [(step, len(mails.mails)) for step in one.terminal.received(CONTENT)]

    assert [count for _, count in taken] == [0, 1, 1, 1]
    assert [step for step, _ in taken if not isinstance(step, bytes)] == sink.held


def test_what_was_cut_while_it_was_held_is_not_taken(sink: CollectingSink, mails: Mailbox, loop: asyncio.AbstractEventLoop):
    sink.loop, sink.holds = loop, lambda event: event.kind == "requested"
    one = Visit(mails, sink)
    one.send(ENVELOPE)
    steps = one.terminal.received(CONTENT)
    next(steps)
    sink.held[0].cut = True

    assert list(steps) == []
    assert mails.mails == []


def test_a_mail_that_broke_off_was_requested_but_not_whole(sink: CollectingSink, mails: Mailbox):
    one = Visit(mails, sink)
    one.send(ENVELOPE + CONTENT[:-3])
    one.terminal.ended("rst")
    one.terminal.ended("fin")

    (event,) = sink.events
    assert (event.kind, event.ok, event.key, event.x) == ("requested", False, "F1", 1)
    assert (event.data or {})["complete"] is False
    assert mails.mails == []


def test_a_barrier_at_a_broken_mail_holds_nothing(sink: CollectingSink, mails: Mailbox, loop: asyncio.AbstractEventLoop):
    sink.loop, sink.holds = loop, lambda _: True
    one = Visit(mails, sink)
    one.send(ENVELOPE)
    one.terminal.ended("fin")

    assert [event.kind for event in sink.events] == ["requested"]


def test_an_end_between_mails_is_nothing(sink: CollectingSink, mails: Mailbox):
    one = Visit(mails, sink)
    one.send(ENVELOPE + CONTENT + b"MAIL FROM:<a@x.test>\r\n")
    one.terminal.ended("fin")

    assert len(sink.events) == 3


def test_without_a_key_a_mail_is_known_by_what_it_says_and_to_whom(sink: CollectingSink):
    mails = Mailbox("mails", {})
    one = Visit(mails, sink)
    one.send(ENVELOPE + CONTENT + ENVELOPE + b"Message-ID: <other>\r\n" + CONTENT + ENVELOPE + CONTENT.replace(b"Dear", b"Bye"))
    keys = [event.key for event in sink.of("effected")]

    assert keys[0].startswith("sha256:")
    assert (keys[0] == keys[1], keys[0] == keys[2]) == (True, False)
    assert [event.x for event in sink.of("effected")] == [1, 2, 3]


@pytest.mark.parametrize(
    ("said", "answers"),
    [
        (b"EHLO me\r\n", ["250"]),
        (b"DATA\r\n", ["503"]),
        (b"RCPT TO:<b@y.test>\r\n", ["503"]),
        (b"MAIL FROM:<>\r\nMAIL FROM:<a@x.test>\r\nRSET\r\nMAIL FROM:<a@x.test>\r\n", ["250", "503", "250", "250"]),
        (b"NOOP\r\nVRFY b\r\nSTARTTLS\r\n\r\n", ["250", "252", "502", "502"]),
        (b"AUTH PLAIN AGEAYg==\r\n", ["235"]),
        (b"AUTH PLAIN\r\nAGEAYg==\r\nNOOP\r\n", ["334", "235", "250"]),
        (b"AUTH LOGIN\r\nYQ==\r\nYg==\r\n", ["334", "334", "235"]),
        (b"auth login YQ==\r\nYg==\r\n", ["334", "235"]),
        (b"AUTH CRAM-MD5\r\n", ["504"]),
    ],
)
def test_what_is_said_is_answered_as_the_standard_says(sink: CollectingSink, mails: Mailbox, said: bytes, answers: list[str]):
    assert codes(Visit(mails, sink).send(said, by=5)) == answers
    assert sink.events == []


def test_who_says_quit_is_answered_and_closed(sink: CollectingSink, mails: Mailbox):
    one = Visit(mails, sink)

    assert codes(one.send(b"QUIT\r\n")) == ["221"]
    assert one.closed
    assert one.send(b"NOOP\r\n") == b""


def test_a_line_without_an_end_is_a_gap(sink: CollectingSink, mails: Mailbox):
    one = Visit(mails, sink)
    one.send(b"x" * 70_000)

    assert [step.answer for step in one.steps if isinstance(step, Close)] == [b"500 5.5.2 Line too long\r\n"]
    assert [event.kind for event in sink.events] == ["gap"]


def test_a_mail_that_is_too_large_is_refused(sink: CollectingSink, mails: Mailbox, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("harness.resources.smtp.LARGEST_KEPT", 50)
    one = Visit(mails, sink)

    assert codes(one.send(ENVELOPE + CONTENT))[-1] == "552"
    assert mails.mails == []


@pytest.mark.parametrize("key", ["/formId", r"path ~ /(\d+)"])
def test_a_key_that_no_mail_can_have_is_refused(key: str):
    with pytest.raises(UsageError, match="a mail has no JSON and no path; write subject ~ REGEX, to ~ REGEX or body ~ REGEX"):
        Mailbox("mails", {"key": key})


@given(at=st.integers(0, len(ENVELOPE + CONTENT)), noise=st.binary(max_size=60), by=st.integers(1, 80))
def test_no_bytes_raise(at: int, noise: bytes, by: int):
    sink = CollectingSink()
    one = Visit(Mailbox("mails", {}), sink)
    said = ENVELOPE + CONTENT
    for chunk in cut(said[:at] + noise + said[at:], by):
        one.send(chunk)
    one.terminal.ended("fin")

    assert all(event.kind in ("requested", "effected", "answered", "gap") for event in sink.events)


@contextmanager
def reached(mails: Mailbox, sink: CollectingSink) -> Iterator[int]:
    with linked("mailer->mails", smtp.session, mails.session, sink) as one:
        yield one.port


def a_mail(number: int, *, text: str = "Grüße\n.\n") -> EmailMessage:
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = f"Ihr form F{number} läuft", "a@x.test", "b@y.test, c@z.test"
    mail.set_content(text)
    mail.add_alternative("<p>hello</p>", subtype="html")
    return mail


def send_plain(port: int) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=60) as client:
        client.send_message(a_mail(1))
        client.send_message(a_mail(2))


def send_with_a_password(port: int) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=60) as client:
        client.login("user", "pässword".encode("ascii", "replace").decode())
        client.send_message(a_mail(1))
        client.send_message(a_mail(2))


@pytest.mark.parametrize("send", [send_plain, send_with_a_password])
def test_a_real_client_reaches_it_through_both_taps(sink: CollectingSink, mails: Mailbox, send: Callable[[int], None]):
    with reached(mails, sink) as port:
        send(port)
        eventually(lambda: len(sink.of("answered", at="near")) == 2, awaited="2 answers", within=60, last=lambda: sink.events)

    about = sink.of("requested", "effected", "answered")
    assert {(event.key, event.x, event.conn, event.wire) for event in about} == {("F1", 1, 1, "DATA"), ("F2", 2, 1, "DATA")}
    assert [(event.kind, event.at) for event in about[:3]] == [
        ("requested", "near"),
        ("requested", "resource"),
        ("effected", "resource"),
    ]
    assert "Grüße\r\n.\r\n" in mails.mails[0].text
    assert "<p>hello</p>" in mails.mails[0].text
    assert sink.of("gap") == []
