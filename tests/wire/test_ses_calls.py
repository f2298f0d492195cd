"""Calls of SES as they are on the wire: which send a mail, what it is, and how they are answered."""

import base64
import json
from urllib.parse import urlencode

import pytest

from harness.wire.aws import Refusal
from harness.wire.mails import Mail
from harness.wire.messages import Message, Splitter
from harness.wire.ses_calls import MailCall, ident, mail_call

RAW = b"From: a@x.test\r\nTo: b@y.test\r\nCc: c@z.test\r\nSubject: form F1\r\n\r\nhello"

ENCODED = base64.b64encode(RAW).decode()


def request(path: str, body: bytes, method: str = "POST") -> Message:
    (piece,) = Splitter().feed(f"{method} {path} HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
    return piece.message


def query(**fields: str) -> Message:
    told = {"Version": "2010-12-01", **{name.replace("_", "."): value for name, value in fields.items()}}
    return request("/", urlencode(told).encode())


def rest(body: object) -> Message:
    return request("/v2/email/outbound-emails", json.dumps(body).encode())


@pytest.mark.parametrize(
    ("sent", "operation", "mail"),
    [
        (
            query(
                Action="SendEmail",
                Source="a@x.test",
                Destination_ToAddresses_member_1="b@y.test",
                Destination_CcAddresses_member_1="c@z.test",
                Message_Subject_Data="form F1",
                Message_Body_Text_Data="hello",
                Message_Body_Html_Data="<p>hello",
            ),
            "SendEmail",
            Mail("a@x.test", ("b@y.test", "c@z.test"), "form F1", "hello\n<p>hello"),
        ),
        (
            query(Action="SendTemplatedEmail", Source="a@x.test", Template="received", TemplateData='{"form": "F1"}'),
            "SendTemplatedEmail",
            Mail("a@x.test", (), "received", '{"form": "F1"}'),
        ),
        (
            rest(
                {
                    "FromEmailAddress": "a@x.test",
                    "Destination": {"ToAddresses": ["b@y.test"], "BccAddresses": ["c@z.test"]},
                    "Content": {"Simple": {"Subject": {"Data": "form F1"}, "Body": {"Html": {"Data": "<p>hello"}}}},
                }
            ),
            "SendEmail",
            Mail("a@x.test", ("b@y.test", "c@z.test"), "form F1", "<p>hello"),
        ),
        (
            rest({"Content": {"Template": {"TemplateName": "received", "TemplateData": '{"form": "F1"}'}}}),
            "SendEmail",
            Mail("", (), "received", '{"form": "F1"}'),
        ),
        (rest({}), "SendEmail", Mail()),
    ],
)
def test_a_mail_is_read(sent: Message, operation: str, mail: Mail):
    call = mail_call(sent)

    assert call is not None
    assert (call.operation, call.mail) == (operation, mail)


@pytest.mark.parametrize(
    ("sent", "recipients"),
    [
        (query(Action="SendRawEmail", RawMessage_Data=ENCODED), ("b@y.test", "c@z.test")),
        (
            query(Action="SendRawEmail", RawMessage_Data=ENCODED, Destinations_member_1="d@y.test"),
            ("d@y.test",),
        ),
        (rest({"Content": {"Raw": {"Data": ENCODED}}}), ("b@y.test", "c@z.test")),
    ],
)
def test_who_gets_a_raw_mail_stands_in_it_where_the_call_does_not_say(sent: Message, recipients: tuple[str, ...]):
    call = mail_call(sent)

    assert call is not None
    assert (call.mail.sender, call.mail.recipients) == ("a@x.test", recipients)
    assert (call.mail.subject, call.mail.text) == ("form F1", "hello")


@pytest.mark.parametrize(
    "sent",
    [
        request("/", b"", "GET"),
        query(Action="ListIdentities"),
        query(Action="SendEmail", Version="2012-11-05"),
        query(Action="SendRawEmail", RawMessage_Data="x"),
        query(Action="SendEmail", Destination="b@y.test", Destination_ToAddresses_member_1="b@y.test"),
        request("/v2/email/outbound-emails", b"{"),
        request("/v2/email/identities", b"{}"),
        rest({"Content": "x"}),
        rest([]),
    ],
)
def test_what_sends_no_mail_is_none(sent: Message):
    assert mail_call(sent) is None


def test_members_that_are_no_lists_have_no_members():
    sent = query(Action="SendEmail", Destination_ToAddresses="b@y.test")
    listed = rest({"Destination": {"ToAddresses": "b@y.test"}})

    assert [call.mail.recipients for call in (mail_call(sent), mail_call(listed)) if call is not None] == [(), ()]


@pytest.mark.parametrize(("is_rest", "accepted"), [(False, b"<MessageId>m1</MessageId>"), (True, b'{"MessageId": "m1"}')])
def test_an_answer_is_in_the_protocol_of_its_call(is_rest: bool, accepted: bytes):  # noqa: FBT001 (from the table)
    call = MailCall("SendEmail", Mail(), is_rest)
    _, taken = call.accepted("m1")
    fields, refused = call.refused(Refusal(400, "MessageRejected", "MessageRejected", "no"))

    assert accepted in taken
    assert b"MessageRejected" in refused + fields.get("x-amzn-ErrorType", "").encode()


def test_an_id_is_the_same_in_every_run_and_another_for_every_call():
    assert ident("a->aws", 1, 1) == ident("a->aws", 1, 1)
    assert len({ident("a->aws", conn, x) for conn in (1, 2) for x in (1, 2)}) == 4
