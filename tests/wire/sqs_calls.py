"""Literal SQS calls and answers in AWS JSON 1.0."""

import json
from collections.abc import Mapping
from typing import Any

from harness.wire import sqs
from harness.wire.aws import handle_tag
from harness.wire.rules import Rule, RuleBook
from harness.wire.streams import Seat
from tests.wire.taps import CollectingSink, Wire, tap

URL = "http://127.0.0.1:4566/queue/us-east-1/000000000001/mail"
LINK = "mailer->aws"
JAVA = {"JavaType": {"DataType": "String", "StringValue": "a.B"}}
PERSON = '{"personId": 7}'
HANDLE = "NzQ3ZjQ"
TAG = handle_tag(HANDLE)


def call(operation: str, content: Mapping[str, object] | bytes, **headers: str) -> bytes:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    extra = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    lines = f"POST / HTTP/1.1\r\nHost: 127.0.0.1:4566\r\nX-Amz-Target: AmazonSQS.{operation}\r\n"
    head = f"{lines}{extra}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def answer(content: Mapping[str, object] | bytes = b"", status: int = 200, **headers: str) -> bytes:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    extra = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    head = f"HTTP/1.1 {status} X\r\nContent-Type: application/x-amz-json-1.0\r\n{extra}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


SEND = call(
    "SendMessage", {"QueueUrl": URL, "MessageBody": PERSON, "MessageAttributes": JAVA}, amz_sdk_request="attempt=2; max=3"
)
SENT = answer({"MessageId": "m-1", "MD5OfMessageBody": "x", "MD5OfMessageAttributes": "y"})
RECEIVE = call("ReceiveMessage", {"QueueUrl": URL, "MessageAttributeNames": ["All"], "VisibilityTimeout": 30})
MESSAGE = {"MessageId": "m-1", "ReceiptHandle": HANDLE, "Body": PERSON, "MD5OfBody": "x"}
RECEIVED = answer(
    {"Messages": [{**MESSAGE, "Attributes": {"ApproximateReceiveCount": "2", "MessageGroupId": "g"}, "MessageAttributes": JAVA}]}
)
DELETE = call("DeleteMessage", {"QueueUrl": URL, "ReceiptHandle": HANDLE})


def wire(
    sink: CollectingSink,
    *rules: Rule,
    at: Seat = "far",
    shared: dict[str, object] | None = None,
    book: RuleBook | None = None,
) -> Wire:
    return Wire(sqs.session(tap(sink, *rules, at=at, link=LINK, shared=shared, book=book)))


def content(raw: bytes) -> tuple[bytes, Any]:
    """Return head and JSON content of a message; a wrong Content-Length is not JSON."""
    head, _, body = raw.partition(b"\r\n\r\n")
    length = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
    return head, json.loads(body[: int(length.split(b":")[1])])
