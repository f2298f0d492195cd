"""What is said on SMTP in tests of its tap, and conversations that have begun."""

from harness.wire import smtp
from harness.wire.rules import Name, Rule, RuleBook
from tests.wire.taps import CollectingSink, Wire, tap

GREETING = b"220-mx.test\r\n220 ESMTP\r\n"
ENVELOPE = b"MAIL FROM:<a@x.test>\r\nRCPT TO:<b@y.test>\r\n"
CONTENT = b"Subject: form F1\r\n\r\nhello\r\n..\r\n.\r\n"
OK, INVITED, TAKEN = b"250 OK\r\n", b"354 go on\r\n", b"250-taken\r\n250 as 1\r\n"
BUSY = b"451 Local error in processing\r\n"
LINK = "mailer->mails"


def rule(name: Name, **how: object) -> Rule:
    return Rule(id="f1", name=name, link=LINK, **how)  # type: ignore[arg-type]


def near(sink: CollectingSink, *rules: Rule, book: RuleBook | None = None) -> Wire:
    return Wire(smtp.session(tap(sink, *rules, link=LINK, book=book)))


def begun(sink: CollectingSink, *rules: Rule, book: RuleBook | None = None) -> Wire:
    """A conversation up to the invitation of the content, by whoever gives it."""
    wire = near(sink, *rules, book=book)
    wire.reply(GREETING)
    for line in ENVELOPE.splitlines(keepends=True):
        wire.ask(line)
        wire.reply(OK)
    if wire.ask(b"DATA\r\n"):
        wire.reply(INVITED)
    return wire


def told(sink: CollectingSink) -> list[tuple[object, ...]]:
    return sink.story("kind", "x", "key", "fault", "status", "ok")
