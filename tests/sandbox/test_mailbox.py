"""A mailbox in a sandbox: a service that mails, and what faults on the way of its mails make of them."""

import sys
from pathlib import Path

import pytest

from harness import Link, Sandbox, Service, require
from harness.checks import accounted, effected_once, nothing_dead_lettered
from harness.errors import UsageError
from harness.faults import answer_lost, outage, request_lost, status
from harness.model import Fault, Moment
from harness.sandbox.resources import Mailbox

PROGRAM = Path(__file__).parents[2] / "fixtures" / "programs" / "mailer.py"
MAILER = Service("mailer", command=[sys.executable, str(PROGRAM)])
SES_MAILER = Service("mailer", command=[sys.executable, str(PROGRAM.with_name("ses_mailer.py"))])
LINK, AWS = Link("mailer", "mailbox"), Link("mailer", "aws")


def mailing(sandbox: Sandbox, *faults: Fault) -> Mailbox:
    mails = sandbox.mailbox(key=r"subject ~ form (\S+)")
    forms = sandbox.rabbitmq.queue("forms", key="/form", effect=mails)
    sandbox.start(MAILER, uses={"AMQP_URL": sandbox.rabbitmq, "MAIL_URL": mails})
    sandbox.inject(*faults)
    forms.publish({"form": f"F{n}"} for n in (1, 2, 3))
    return mails


@pytest.mark.parametrize(
    "fault",
    [
        request_lost(LINK, key="F2", times=1),
        status(LINK, 451, key="F2", times=1),
        outage(LINK, begins=Moment("mailbox", "answered"), lasts=0.3),
    ],
    ids=str,
)
def test_a_mail_that_was_not_taken_is_sent_again(sandbox: Sandbox, fault: Fault):
    mailing(sandbox, fault)
    history = sandbox.drain()

    require(accounted(history), effected_once(history), nothing_dead_lettered(history))


def test_a_mail_whose_answer_was_lost_is_sent_twice(sandbox: Sandbox):
    mailing(sandbox, answer_lost(LINK, key="F2", times=1))
    history = sandbox.drain()

    require(accounted(history), effected_once(history).broken_as("duplicated_by_blind_retry"))


def test_its_moments_can_be_waited_for(sandbox: Sandbox):
    mails = mailing(sandbox)
    sandbox.until(mails.answered(3) & mails.effected(key="F2"))


def test_a_key_no_mail_can_have_is_refused(sandbox: Sandbox):
    with pytest.raises(UsageError, match="a mail has no JSON and no path"):
        sandbox.mailbox(key="/form")


def mailing_with_ses(sandbox: Sandbox, *faults: Fault) -> None:
    mails = sandbox.aws.mailbox(key=r"subject ~ form (\S+)")
    forms = sandbox.aws.queue("forms", key="/form", effect=mails)
    sandbox.start(SES_MAILER, uses={"AWS_ENDPOINT_URL": sandbox.aws, "QUEUE_URL": forms})
    sandbox.inject(*faults)
    forms.publish({"form": f"F{n}"} for n in (1, 2, 3))
    sandbox.until(mails.effected(3), within=60)


@pytest.mark.parametrize(
    "fault",
    [status(AWS, "TooManyRequestsException", on="SendEmail", key="F2", times=1), request_lost(AWS, key="F2", times=1)],
    ids=str,
)
def test_a_mail_that_ses_did_not_take_is_sent_again(sandbox: Sandbox, fault: Fault):
    mailing_with_ses(sandbox, fault)
    history = sandbox.drain()

    require(accounted(history), effected_once(history))


def test_a_mail_whose_answer_by_ses_was_lost_is_sent_twice(sandbox: Sandbox):
    mailing_with_ses(sandbox, answer_lost(AWS, on="SendEmail", key="F2", times=1))
    history = sandbox.drain()

    require(accounted(history), effected_once(history).broken_as("duplicated_by_blind_retry"))


def test_there_is_one_mailbox_for_what_is_sent_with_ses(sandbox: Sandbox):
    sandbox.aws.mailbox()
    sandbox.mailbox("other")
    with pytest.raises(UsageError, match="there is one already, and it takes all mails of SES"):
        sandbox.aws.mailbox(name="another")
