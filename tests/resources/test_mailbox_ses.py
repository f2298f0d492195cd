"""Mails sent with SES, as both taps of a link to AWS and the mailbox see them, byte by byte; with real clients: tests/table."""

import asyncio
from collections.abc import Iterator

import pytest

from harness.resources.mailbox import Mailbox
from harness.wire import ses
from harness.wire.rules import Rule
from harness.wire.streams import Back, Close
from tests.wire.taps import CollectingSink, Wire, tap

LINK = "mailer->aws"


def call(subject: str) -> bytes:
    body = f"Action=SendEmail&Version=2010-12-01&Source=a%40x.test&Message.Subject.Data={subject}".encode()
    return b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body


@pytest.fixture
def sink() -> CollectingSink:
    sink = CollectingSink()
    sink.mailbox = Mailbox("mails", {"key": r"subject ~ form (\S+)"})
    return sink


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    one = asyncio.new_event_loop()
    yield one
    one.close()


def wires(sink: CollectingSink, *rules: Rule) -> tuple[Wire, Wire]:
    shared: dict[str, object] = {}
    near, far = (tap(sink, *rules, at=at, link=LINK, shared=shared) for at in ("near", "far"))
    return Wire(ses.session(near)), Wire(ses.session(far))


@pytest.mark.parametrize("by", [None, 1])
def test_a_mail_is_answered_at_the_far_tap_and_never_goes_on(sink: CollectingSink, by: int | None):
    near, far = wires(sink)
    far.ask(near.ask(call("form+F1"), by=by), by=by)
    session = near.session
    assert isinstance(session, ses.Aws)
    under_way = session.carries("SendEmail"), session.carries("ReceiveMessage")
    near.reply(far.to_service, by=by)

    assert far.to_target == b""
    assert near.to_service == far.to_service
    assert b"<SendEmailResult><MessageId>" in near.to_service
    assert (under_way, session.carries("SendEmail")) == ((True, False), False)
    assert sink.story("kind", "at", "wire", "key", "status") == [
        ("requested", "near", "SendEmail", "F1", None),
        ("requested", "resource", "SendEmail", "F1", None),
        ("effected", "resource", "SendEmail", "F1", None),
        ("answered", "far", "SendEmail", "F1", 200),
        ("answered", "near", "SendEmail", "F1", 200),
    ]


def test_a_mail_without_its_key_is_taken_too(sink: CollectingSink):
    near, far = wires(sink, Rule(id="f1", name="latency", link=LINK, key="F1", seconds=9))
    far.ask(near.ask(call("hello")))

    assert far.to_service.startswith(b"HTTP/1.1 200 OK\r\n")
    assert sink.of("effected")[0].key.startswith("sha256:")
    assert sink.of("bit") == []


def test_what_was_cut_while_it_was_held_is_not_taken(sink: CollectingSink, loop: asyncio.AbstractEventLoop):
    sink.loop, sink.holds = loop, lambda event: event.kind == "requested" and event.at == "resource"
    _, far = wires(sink)
    steps = far.session.from_service(call("form+F1"))
    next(steps)
    sink.held[0].cut = True

    assert list(steps) == [Close()]
    assert sink.of("effected") == []


def test_without_a_mailbox_a_mail_goes_to_localstack():
    near, far = wires(CollectingSink())

    assert far.ask(near.ask(call("form+F1"))) == call("form+F1")


def test_who_says_close_is_told_close(sink: CollectingSink):
    _, far = wires(sink)
    steps = list(far.session.from_service(call("form+F1").replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")))

    assert isinstance(steps[0], Back)
    assert b"\r\nConnection: close\r\n" in steps[0].data
    assert steps[1:] == [Close()]


def test_other_calls_keep_their_rules(sink: CollectingSink):
    near, _ = wires(sink, Rule(id="f1", name="status", link=LINK, code=503))
    body = b'{"QueueUrl": "http://x/jobs"}'
    head = b"POST / HTTP/1.1\r\nX-Amz-Target: AmazonSQS.PurgeQueue\r\nContent-Length: %d\r\n\r\n" % len(body)

    assert near.ask(head + body) == b""
    assert near.to_service.startswith(b"HTTP/1.1 503 ")
