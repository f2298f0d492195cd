"""The faults of single mails on SMTP, with smtplib: what the client saw, what near tap and mailbox saw, and what bit."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.clock import eventually, now
from harness.errors import UsageError
from harness.faults import answer_lost, duplicate, held, latency, request_lost, status
from harness.history.events import Declaration
from harness.model import Fault, Link
from harness.stack import Stack
from tests.table.calling import mailed
from tests.table.seen import Way, way

LINK = Link("mailer", "mails")
REQUESTED, EFFECTED, ANSWERED = ("requested", "F1"), ("effected", "F1"), ("answered", "F1")
GONE = "SMTPServerDisconnected"


@pytest.fixture(scope="module")
def road(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Way]:
    mails = Declaration(what="resource", name="mails", kind="mailbox", key=r"subject ~ form (\S+)")
    with way(stack, tmp_path_factory.mktemp("mails"), LINK, "smtp", mails) as open_way:
        yield open_way


@pytest.fixture
def mails(road: Way) -> Way:
    """A link with no fault on it, whose journal is read from here on."""
    road.forget()
    return road


@pytest.mark.parametrize(
    ("fault", "saw"),
    [
        (answer_lost(LINK, times=1), GONE),
        (answer_lost(LINK, status=451, times=1), "SMTPDataError 451"),
        (request_lost(LINK, times=1), GONE),
        (status(LINK, 451, times=1), "SMTPDataError 451"),
        (status(LINK, 554, times=1), "SMTPDataError 554"),
    ],
    ids=str,
)
def test_a_mail_that_failed_for_its_service(mails: Way, fault: Fault, saw: str):
    mails.arm(fault)
    first, second = mailed(mails.port, "F1")[0], mailed(mails.port, "F2")[0]
    taken = [EFFECTED] if fault.name == "answer_lost" else []

    assert (first, second) == (saw, "250")
    assert mails.near("requested") == [REQUESTED, ("requested", "F2")]
    assert mails.at_resource("effected") == [*taken, ("effected", "F2")]
    assert mails.bites() == [("f1", "near", "DATA", "F1")]


@pytest.mark.parametrize(("on", "saw"), [("MAIL", "SMTPSenderRefused 450"), ("RCPT", "SMTPRecipientsRefused")])
def test_a_sender_or_a_recipient_is_refused(mails: Way, on: str, saw: str):
    mails.arm(status(LINK, 450, on=on, times=1))

    assert mailed(mails.port, "F1", "F2") == [saw, "250"]
    assert mails.near("requested") == [("requested", "F2")]
    assert mails.at_resource("requested", "effected") == [("requested", "F2"), ("effected", "F2")]
    assert mails.bites() == [("f1", "near", on, "")]


def test_after_a_refusal_the_connection_goes_on(mails: Way):
    mails.arm(status(LINK, 451, key="F2"))

    assert mailed(mails.port, "F1", "F2", "F3") == ["250", "SMTPDataError 451", "250"]
    assert mails.at_resource("effected") == [EFFECTED, ("effected", "F3")]
    assert {event.conn for event in mails.events("requested", at="near")} == {mails.events("effected")[0].conn}
    assert mails.made("answered") == [("f1", "answered", "F2")]
    asked, done = mails.events("requested", at="near")[2], mails.events("effected")[1]
    assert (asked.key, asked.conn, asked.x) == (done.key, done.conn, done.x)


def test_a_late_answer(mails: Way):
    mails.arm(latency(LINK, 0.15, on="DATA"))
    start = now()
    saw = mailed(mails.port, "F1")
    took = now() - start

    assert saw == ["250"]
    assert took >= 0.15
    assert mails.bites() == [("f1", "near", "DATA", "F1")]


def test_a_held_mail_waits_until_the_fault_ends(mails: Way):
    mails.arm(held(LINK, key="F1"))
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(mailed, mails.port, "F1")
        eventually(mails.bites, awaited="the bite", within=60)
        passed, before = mailed(mails.port, "F2"), mails.at_resource("effected")
        mails.world.disarm("f1")
        saw = waiting.result(60)

    assert (passed, before, saw) == (["250"], [("effected", "F2")], ["250"])
    assert mails.at_resource("effected") == [("effected", "F2"), EFFECTED]


def test_what_cannot_bite_here_is_refused(mails: Way):
    with pytest.raises(UsageError, match=r"duplicate on mailer->mails: a link that mails are sent on has no such fault"):
        mails.arm(duplicate(LINK))
