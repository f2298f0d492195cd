"""Calls of SES that send one mail, in the query protocol (v1) and in REST (v2): read, and answered. Nothing is recorded here.

A call that sends many mails at once (SendBulk...) is none of them, nor is one that asks or sets something.
"""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from harness.wire.aws import Refusal, UnreadableCallError
from harness.wire.aws_forms import Form, Nested, listed
from harness.wire.aws_query import error_answer
from harness.wire.aws_xml import built, written
from harness.wire.mails import Mail, read
from harness.wire.messages import Message

OPERATIONS = ("SendEmail", "SendRawEmail", "SendTemplatedEmail")
VERSION = "2010-12-01"
NAMESPACE = f"http://ses.amazonaws.com/doc/{VERSION}/"
PATH = "/v2/email/outbound-emails"

Fields = Mapping[str, object]


class MailCall(NamedTuple):
    """One call that sends a mail; `is_rest` tells SES v2 from v1."""

    operation: str
    mail: Mail
    is_rest: bool

    def accepted(self, ident: str) -> tuple[dict[str, str], bytes]:
        """Return fields and body of the answer that the mail was taken as `ident`."""
        if self.is_rest:
            return {"Content-Type": "application/json"}, json.dumps({"MessageId": ident}).encode()
        metadata = {"RequestId": "00000000-0000-0000-0000-000000000000"}
        root = built(f"{self.operation}Response", {f"{self.operation}Result": {"MessageId": ident}, "ResponseMetadata": metadata})
        root.set("xmlns", NAMESPACE)
        return {"Content-Type": "text/xml"}, written(root)

    def refused(self, refusal: Refusal) -> tuple[dict[str, str], bytes]:
        """Return fields and body of an error answer."""
        if self.is_rest:
            fields = {"Content-Type": "application/json", "x-amzn-ErrorType": refusal.code}
            return fields, json.dumps({"message": refusal.text}).encode()
        return error_answer(refusal, NAMESPACE)


def mail_call(request: Message) -> MailCall | None:
    """Return the call that a whole request is, None where it sends no mail; what cannot be read is left to the server."""
    if request.method != "POST":
        return None
    try:
        if request.target.partition("?")[0].rstrip("/") == PATH:
            return MailCall("SendEmail", _rest(json.loads(request.body)), is_rest=True)
        return _query(request)
    except (UnreadableCallError, AttributeError, ValueError, RecursionError):  # members that are not what they should be, too
        return None


def ident(link: str, conn: int, x: int) -> str:
    """Return a message id as SES gives them, the same in every run."""
    digits = hashlib.sha256(f"{link} {conn} {x}".encode()).hexdigest()
    return f"{digits[:16]}-{digits[16:24]}-{digits[24:28]}-{digits[28:32]}-{digits[32:36]}-{digits[36:48]}-000000"


def _query(request: Message) -> MailCall | None:
    form = Form(request)
    operation = form.get("Action")
    if operation not in OPERATIONS or form.get("Version") != VERSION:
        return None
    told = form.nested()
    sender = form.get("Source")
    if operation == "SendRawEmail":
        raw = base64.b64decode(form.get("RawMessage.Data"))
        return MailCall(operation, _raw(raw, sender, tuple(_members(told, "Destinations"))), is_rest=False)
    recipients = [one for kind in ("To", "Cc", "Bcc") for one in _members(_inner(told, "Destination"), f"{kind}Addresses")]
    if operation == "SendTemplatedEmail":
        return MailCall(operation, Mail(sender, tuple(recipients), form.get("Template"), form.get("TemplateData")), is_rest=False)
    texts = [form.get(f"Message.Body.{kind}.Data") for kind in ("Text", "Html")]
    mail = Mail(sender, tuple(recipients), form.get("Message.Subject.Data"), "\n".join(filter(None, texts)))
    return MailCall(operation, mail, is_rest=False)


def _inner(found: Nested, name: str) -> Nested:
    inner = found.get(name, {})
    return inner if isinstance(inner, dict) else {}


def _members(found: Nested, name: str) -> Iterator[str]:
    for _, one in listed(_inner(found, name), "member"):
        yield str(one.get("", ""))


def _rest(told: Fields) -> Mail:
    content, destination = _at(told, "Content"), _at(told, "Destination")
    kinds = [_listed(destination.get(f"{kind}Addresses")) for kind in ("To", "Cc", "Bcc")]
    recipients = tuple(str(one) for kind in kinds for one in kind)
    sender = str(told.get("FromEmailAddress") or "")
    if content.get("Raw"):
        return _raw(base64.b64decode(str(_at(content, "Raw").get("Data") or "")), sender, recipients)
    if content.get("Template"):
        template = _at(content, "Template")
        return Mail(sender, recipients, str(template.get("TemplateName") or ""), str(template.get("TemplateData") or ""))
    simple = _at(content, "Simple")
    texts = [_at(_at(simple, "Body"), kind).get("Data") for kind in ("Text", "Html")]
    return Mail(sender, recipients, str(_at(simple, "Subject").get("Data") or ""), "\n".join(str(one) for one in texts if one))


def _at(found: Fields, name: str) -> Fields:
    inner = found.get(name) or {}
    if not isinstance(inner, Mapping):
        error = f"{name} is no object"
        raise ValueError(error)  # noqa: TRY004 (what a client sent, not what a caller gave)
    return inner


def _listed(found: object) -> list[object]:
    return found if isinstance(found, list) else []


def _raw(content: bytes, sender: str, recipients: tuple[str, ...]) -> Mail:
    """Return a mail that was sent whole: who gets it stands in it, where the call does not say."""
    mail = read(content, sender, recipients)
    named = [mail.fields[name] for name in ("to", "cc", "bcc") if name in mail.fields]
    return replace(mail, sender=sender or mail.fields.get("from", ""), recipients=recipients or tuple(named))
