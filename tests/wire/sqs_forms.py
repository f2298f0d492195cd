"""Literal SQS calls and answers in the AWS query protocol, as botocore 1.29 and LocalStack write them."""

import re
from collections.abc import Mapping
from html import escape, unescape
from urllib.parse import parse_qsl, urlencode

NAMESPACE = "http://queue.amazonaws.com/doc/2012-11-05/"
URL = "http://127.0.0.1:4566/queue/us-east-1/000000000001/mail"
PERSON = '{"personId": 7, "text": "<&>\\r\\n"}'
HANDLE = "NzQ3ZjQ"


def form(operation: str, fields: Mapping[str, object] | None = None, **headers: str) -> bytes:
    body = urlencode({"Action": operation, "Version": "2012-11-05", "QueueUrl": URL, **(fields or {})}).encode()
    extra = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    head = "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded; charset=utf-8\r\n"
    return f"{head}{extra}Content-Length: {len(body)}\r\n\r\n".encode() + body


def attribute(prefix: str, number: int, name: str, kind: str, value: str) -> dict[str, str]:
    member = "BinaryValue" if kind.startswith("Binary") else "StringValue"
    start = f"{prefix}MessageAttribute.{number}."
    return {f"{start}Name": name, f"{start}Value.DataType": kind, f"{start}Value.{member}": value}


def xml(operation: str, result: str, status: int = 200) -> bytes:
    inner = f"<{operation}Result>{result}</{operation}Result>" if result else ""
    return document(
        f'<{operation}Response xmlns="{NAMESPACE}">{inner}<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata>'
        f"</{operation}Response>",
        status,
    )


def failure(code: str, status: int) -> bytes:
    return document(
        f'<ErrorResponse xmlns="{NAMESPACE}"><Error><Code>{code}</Code><Type>Sender</Type></Error></ErrorResponse>', status
    )


def document(content: str, status: int = 200) -> bytes:
    body = f"<?xml version='1.0' encoding='utf-8'?>\n{content}".encode()
    return f"HTTP/1.1 {status} X\r\nContent-Type: text/xml\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def message(number: int = 1, *, body: str = PERSON, handle: str = HANDLE, attributes: str = "") -> str:
    text = escape(body).replace("\r", "&#xD;")
    return (
        f"<Message><MessageId>m-{number}</MessageId><MD5OfBody>x</MD5OfBody><Body>{text}</Body>"
        "<Attribute><Name>ApproximateReceiveCount</Name><Value>2</Value></Attribute>"
        f"<Attribute><Name>MessageGroupId</Name><Value>g</Value></Attribute>{attributes}"
        f"<ReceiptHandle>{handle}</ReceiptHandle></Message>"
    )


JAVA = (
    "<MessageAttribute><Name>JavaType</Name><Value><StringValue>a.B</StringValue><DataType>String</DataType></Value>"
    "</MessageAttribute>"
)
SEND = form(
    "SendMessage",
    {"MessageBody": PERSON, **attribute("", 1, "JavaType", "String", "a.B")},
    amz_sdk_request="attempt=2; max=3",
)
SENT = xml("SendMessage", "<MessageId>m-1</MessageId><MD5OfMessageBody>x</MD5OfMessageBody>")
RECEIVE = form("ReceiveMessage", {"MessageAttributeName.1": "All", "AttributeName.1": "All", "VisibilityTimeout": 30})
RECEIVED = xml("ReceiveMessage", message(attributes=JAVA))
DELETE = form("DeleteMessage", {"ReceiptHandle": HANDLE})


def fields(raw: bytes) -> dict[str, str]:
    """Return the fields of a form on the wire; a wrong Content-Length cuts it."""
    return dict(parse_qsl(body_of(raw), keep_blank_values=True, strict_parsing=True))


def texts(raw: bytes, tag: str) -> list[str]:
    """Return the texts of all elements with this name."""
    return [unescape(one) for one in re.findall(f"<{tag}>(.*?)</{tag}>", body_of(raw), re.DOTALL)]


def body_of(raw: bytes) -> str:
    head, _, body = raw.partition(b"\r\n\r\n")
    length = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
    return body[: int(length.split(b":")[1])].decode()
