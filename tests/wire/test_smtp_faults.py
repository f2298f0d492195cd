"""What rules do to mails on SMTP, byte by byte; with a real client: tests/table."""

import asyncio
from collections.abc import Iterator

import pytest

from harness.errors import UsageError
from harness.wire import smtp
from harness.wire.rules import Name, Rule, RuleBook
from harness.wire.streams import Back, Close, Hold
from tests.wire.smtp_said import BUSY, CONTENT, ENVELOPE, GREETING, INVITED, OK, TAKEN, begun, near, rule, told
from tests.wire.taps import CollectingSink, cut


@pytest.fixture
def sink() -> CollectingSink:
    return CollectingSink(resources={"mails": r"subject ~ form (\S+)"})


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    one = asyncio.new_event_loop()
    yield one
    one.close()


class TestFaults:
    @pytest.mark.parametrize("by", [None, 1])
    def test_a_lost_mail_does_not_reach_the_mailbox(self, sink: CollectingSink, by: int | None):
        wire = begun(sink, rule("request_lost"))

        assert wire.to_service.endswith(b"354 End data with <CR><LF>.<CR><LF>\r\n")
        assert wire.ask(CONTENT, by=by) == b""
        assert (wire.to_target, wire.closed) == (ENVELOPE, [Close()])
        assert told(sink) == [("requested", 1, "F1", "", None, None), ("bit", 1, "F1", "f1", None, None)]

    @pytest.mark.parametrize("by", [None, 1])
    def test_a_status_is_the_taps_reply_and_the_mailbox_forgets_the_mail(self, sink: CollectingSink, by: int | None):
        wire = begun(sink, rule("status", code=451, times=1))

        assert wire.ask(CONTENT, by=by) == b"RSET\r\n"
        assert wire.to_service.endswith(BUSY)
        assert wire.reply(OK) == b""
        assert wire.ask(ENVELOPE + b"DATA\r\n") == ENVELOPE + b"DATA\r\n"
        assert wire.reply(OK + OK + INVITED) == OK + OK + INVITED
        assert told(sink)[1:] == [("bit", 1, "F1", "f1", None, None), ("answered", 1, "F1", "f1", 451, False)]

    def test_the_text_can_be_said_and_after_421_the_connection_ends(self, sink: CollectingSink):
        wire = begun(sink, rule("status", code=421, body="Too busy"))
        wire.ask(CONTENT)

        assert wire.to_service.endswith(b"421 Too busy\r\n")
        assert wire.closed == [Close()]

    @pytest.mark.parametrize(("on", "asked"), [("MAIL", b"MAIL FROM:<a@x.test>\r\n"), ("RCPT", b"RCPT TO:<b@y.test>\r\n")])
    def test_a_command_can_be_refused(self, sink: CollectingSink, on: str, asked: bytes):
        wire = near(sink, rule("status", code=550, on=on, times=1))
        wire.reply(GREETING)

        assert wire.ask(asked) == b""
        assert wire.to_service == GREETING + b"550 Mailbox unavailable\r\n"
        assert wire.ask(asked) == asked
        assert [(event.kind, event.wire, event.x) for event in sink.events] == [("bit", on, 1)]

    def test_a_command_behind_others_is_not_refused(self, sink: CollectingSink):
        wire = near(sink, rule("status", code=550, on="RCPT"))

        assert wire.ask(ENVELOPE) == ENVELOPE
        assert sink.events == []

    def test_a_command_that_had_begun_to_go_on_is_not_refused(self, sink: CollectingSink):
        book = RuleBook()
        wire = near(sink, book=book)
        wire.reply(GREETING)
        wire.ask(b"MAIL")
        book.arm(rule("status", code=550, on="MAIL"))

        assert wire.ask(b" FROM:<>\r\n") == b" FROM:<>\r\n"

    def test_a_held_mail_waits_until_the_fault_ends(self, sink: CollectingSink, loop: asyncio.AbstractEventLoop):
        book = RuleBook()
        wire = begun(sink, rule("held", times=1), book=book)

        async def waited() -> list[object]:
            steps = wire.session.from_service(CONTENT)
            hold = next(steps)
            assert isinstance(hold, Hold)
            book.disarm("f1")
            return list[object](steps)

        assert loop.run_until_complete(waited()) == [b"DATA\r\n" + CONTENT]
        assert wire.reply(INVITED + TAKEN) == TAKEN

    def test_a_late_answer_waits(self, sink: CollectingSink, loop: asyncio.AbstractEventLoop):
        wire = begun(sink, rule("latency", seconds=0.01))
        wire.ask(CONTENT)

        async def waited() -> list[object]:
            hold, *steps = (step for chunk in cut(TAKEN, 3) for step in wire.session.from_target(chunk))
            assert isinstance(hold, Hold)
            await hold.done
            return list[object](steps)

        assert b"".join(map(bytes, loop.run_until_complete(waited()))) == TAKEN  # type: ignore[arg-type]
        assert [event.kind for event in sink.events] == ["requested", "bit", "answered"]

    @pytest.mark.parametrize("by", [None, 1])
    def test_a_lost_answer_is_the_end_of_the_connection(self, sink: CollectingSink, by: int | None):
        wire = begun(sink, rule("answer_lost"))
        wire.ask(CONTENT)

        assert wire.reply(TAKEN, by=by) == b""
        assert wire.closed == [Close()]
        assert [event.kind for event in sink.events] == ["requested", "bit"]

    def test_with_a_status_the_answer_is_another(self, sink: CollectingSink):
        wire = begun(sink, rule("answer_lost", status=451))
        wire.ask(CONTENT)

        assert wire.reply(TAKEN) == BUSY
        assert told(sink)[-1] == ("answered", 1, "F1", "f1", 451, False)

    @pytest.mark.parametrize("code", [421, 451])
    def test_a_mail_that_had_begun_to_go_on_is_answered_and_its_connection_closed(self, sink: CollectingSink, code: int):
        book = RuleBook()
        wire = begun(sink, book=book)
        wire.ask(CONTENT[:9])
        book.arm(rule("status", code=code))
        wire.ask(CONTENT[9:])

        assert wire.to_target.endswith(CONTENT[:9])
        assert wire.closed == [Close()]

    def test_an_answer_that_had_begun_is_cut(self, sink: CollectingSink):
        book = RuleBook()
        wire = begun(sink, book=book)
        wire.ask(CONTENT)
        wire.reply(TAKEN[:5])
        book.arm(rule("answer_lost", status=451))

        assert wire.reply(TAKEN[5:]) == b""
        assert wire.closed == [Close()]

    @pytest.mark.parametrize("name", ["request_lost", "status", "held"])
    @pytest.mark.parametrize("but", [{"key": "F2"}, {"times": 0}], ids=["key", "times"])
    def test_a_mail_that_the_rule_does_not_mean_goes_on_when_it_is_whole(
        self, sink: CollectingSink, name: Name, but: dict[str, object]
    ):
        wire = begun(sink, rule(name, code=451, **but))

        assert wire.ask(CONTENT, by=9) == b"DATA\r\n" + CONTENT
        assert wire.reply(INVITED + TAKEN) == TAKEN
        assert sink.of("bit") == []

    @pytest.mark.parametrize("name", ["latency", "answer_lost", "status"])
    def test_an_answer_that_the_rule_does_not_mean_passes(self, sink: CollectingSink, name: Name):
        wire = begun(sink, rule(name, code=451, key="F2", on="RCPT"))

        assert wire.ask(CONTENT, by=9) == CONTENT
        assert wire.reply(TAKEN, by=9) == TAKEN
        assert sink.of("bit") == []

    def test_a_mail_larger_than_anybody_looks_at_is_not_kept(self, sink: CollectingSink, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr("harness.wire.smtp.LARGEST_KEPT", 5)
        wire = begun(sink, rule("status", code=451, key="F1"))

        assert wire.ask(CONTENT, by=9) == b"DATA\r\n" + CONTENT
        assert wire.reply(INVITED + TAKEN) == TAKEN


@pytest.mark.parametrize(
    ("refused", "sentence"),
    [
        (
            rule("duplicate"),
            "duplicate on mailer->mails: a link that mails are sent on has no such fault; there are: answer_lost, held",
        ),
        (rule("held", on="RCPT"), r"on='RCPT' is nothing that it can act on; there are: MAIL, RCPT, DATA \(status\), DATA"),
        (rule("status", code=451, on="POST"), "on='POST' is nothing that it can act on"),
        (rule("status", code=250), r"250 is no error of SMTP \(400 to 599\)"),
        (rule("status", code="Throttling"), "'Throttling' is no error of SMTP"),
        (rule("status", code=451, headers={"a": "b"}), "a reply of SMTP has no headers, and its body is one line"),
        (rule("status", code=451, body="a\nb"), "a reply of SMTP has no headers, and its body is one line"),
    ],
)
def test_a_rule_that_cannot_act_is_refused(refused: Rule, sentence: str):
    with pytest.raises(UsageError, match=sentence):
        smtp.supports(refused)


@pytest.mark.parametrize("on", [None, "DATA", "MAIL"])
def test_a_rule_that_can_act_is_not_refused(on: str | None):
    smtp.supports(rule("status", code=451, on=on, body="later"))
    smtp.supports(rule("answer_lost", on="DATA"))


def test_who_waits_for_the_invitation_is_invited_by_the_tap(sink: CollectingSink):
    wire = near(sink, rule("held"))
    wire.reply(GREETING)
    for line in ENVELOPE.splitlines(keepends=True):
        wire.ask(line)
        wire.reply(OK)

    assert list(wire.session.from_service(b"DATA\r\n")) == [Back(b"354 End data with <CR><LF>.<CR><LF>\r\n")]
