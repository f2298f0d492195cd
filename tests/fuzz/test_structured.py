"""Messages that are well formed and mean nothing sensible: right frames with wrong contents, right calls with wrong members."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from hypothesis import given, settings
from hypothesis import strategies as st
from pika import frame, spec

from harness.wire.amqp_frames import BODY, HEADER, METHOD, framed
from harness.wire.streams import Seat
from tests.fuzz.decoders import MODES, SEATS, Fed
from tests.wire import amqp_bytes as b
from tests.wire.recorded import Side

EXAMPLES = 500
SETTINGS = settings(max_examples=EXAMPLES, derandomize=True, deadline=None)
WAYS = st.tuples(st.sampled_from(MODES), st.sampled_from(SEATS), st.integers(0, 6))

Said = Sequence[tuple[Side, bytes]]


def troubles(protocol: str, way: tuple[str, Seat, int], said: Said) -> list[str]:
    """Return what is wrong with a tap that is told this."""

    async def play() -> list[str]:
        fed = Fed(protocol, *way)
        return [how for how in (*(fed.feed(side, data) for side, data in said), fed.ended()) if how]

    return asyncio.run(play())


LEAVES: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**31), 2**31 - 1), st.text(max_size=20), st.binary(max_size=8)
)
NAMES = st.text(st.characters(max_codepoint=127), max_size=12)
TABLES = st.dictionaries(
    NAMES,
    st.recursive(LEAVES, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3))),
    max_size=4,
)
PROPERTIES = st.builds(
    spec.BasicProperties,
    headers=st.one_of(st.none(), TABLES),
    message_id=st.one_of(st.none(), NAMES),
    correlation_id=st.one_of(st.none(), NAMES),
    priority=st.one_of(st.none(), st.integers(0, 255)),
    timestamp=st.one_of(st.none(), st.integers(0, 2**63 - 1)),
)
TAGS = st.integers(0, 5)
QUEUES = st.sampled_from(["jobs", "", "other"])
ROUTE: dict[str, Any] = {"exchange": QUEUES, "routing_key": QUEUES}
METHODS: st.SearchStrategy[Any] = st.one_of(
    st.builds(spec.Basic.Publish, mandatory=st.booleans(), **ROUTE),
    st.builds(spec.Basic.Deliver, consumer_tag=QUEUES, delivery_tag=TAGS, redelivered=st.booleans(), **ROUTE),
    st.builds(spec.Basic.GetOk, delivery_tag=TAGS, redelivered=st.booleans(), message_count=TAGS, **ROUTE),
    st.builds(spec.Basic.Return, reply_code=TAGS, reply_text=NAMES, **ROUTE),
    st.builds(spec.Basic.Ack, delivery_tag=TAGS, multiple=st.booleans()),
    st.builds(spec.Basic.Nack, delivery_tag=TAGS, multiple=st.booleans(), requeue=st.booleans()),
    st.builds(spec.Basic.Reject, delivery_tag=TAGS, requeue=st.booleans()),
    st.builds(spec.Basic.Consume, queue=QUEUES, consumer_tag=QUEUES, no_ack=st.booleans(), nowait=st.booleans()),
    st.builds(spec.Basic.ConsumeOk, consumer_tag=QUEUES),
    st.builds(spec.Basic.Cancel, consumer_tag=QUEUES, nowait=st.booleans()),
    st.builds(spec.Basic.Get, queue=QUEUES, no_ack=st.booleans()),
    st.builds(spec.Basic.Recover, requeue=st.booleans()),
    st.builds(spec.Queue.DeclareOk, queue=QUEUES, message_count=TAGS, consumer_count=TAGS),
    st.builds(spec.Channel.Close, reply_code=TAGS, reply_text=NAMES, class_id=TAGS, method_id=TAGS),
    st.sampled_from(
        [
            spec.Basic.GetEmpty(), spec.Confirm.Select(), spec.Tx.Select(), spec.Tx.Commit(), spec.Tx.CommitOk(),
            spec.Tx.Rollback(), spec.Tx.RollbackOk(), spec.Channel.OpenOk(), spec.Channel.CloseOk(), spec.Channel.Open(),
        ]
    ),
)  # fmt: skip
CHANNELS = st.integers(0, 3)


@st.composite
def amqp_frames(draw: st.DrawFn) -> bytes:
    """Return a frame, or all frames of a message with a body of another length than its header says, now and then."""
    channel, body = draw(CHANNELS), draw(st.binary(max_size=40))
    method = b.method(channel, draw(METHODS))
    header: bytes = frame.Header(channel, draw(st.sampled_from([len(body), 0, 7, 2**63])), draw(PROPERTIES)).marshal()
    content = [header, framed(BODY, channel, body[:9]), framed(BODY, channel, body[9:])]
    odd = [framed(draw(st.sampled_from([METHOD, HEADER, BODY])), channel, draw(st.binary(max_size=20))), b.BEAT]
    return b"".join(draw(st.sampled_from([[method], [method, *content], content[:1], content[1:], odd[:1], odd[1:]])))


@SETTINGS
@given(way=WAYS, said=st.lists(st.tuples(st.sampled_from(list[Side]([">", "<"])), amqp_frames()), max_size=5))
def test_frames_that_mean_nothing(way: tuple[str, Seat, int], said: Said) -> None:
    assert troubles("amqp", way, [(">", b.HELLO), *said]) == []


def http(head: str, body: bytes, **fields: str) -> bytes:
    lines = [head, *(f"{name.replace('_', '-')}: {value}" for name, value in fields.items()), f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + body


PLAIN = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20)
CHUNKED = st.lists(st.binary(min_size=1, max_size=9), max_size=3).map(
    lambda parts: b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
)
REQUESTS = st.one_of(
    st.builds(
        lambda method, path, name, value, body: http(f"{method} /{path} HTTP/1.1", body, **{f"X{len(name)}": value}),
        st.sampled_from(["GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "CONNECT", "PATCH"]), PLAIN, PLAIN, PLAIN,
        st.binary(max_size=40),
    ),
    CHUNKED.map(lambda body: b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n" + body),
)  # fmt: skip
ANSWERS = st.one_of(
    st.builds(
        lambda status, body, name: http(f"HTTP/1.1 {status} X", body, Connection=name),
        st.sampled_from([100, 101, 103, 200, 204, 304, 404, 500, 599, 999]), st.binary(max_size=40),
        st.sampled_from(["close", "keep-alive", "upgrade", ""]),
    ),
    CHUNKED.map(lambda body: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body),
    st.just(b"HTTP/1.1 200 OK\r\n\r\nuntil the end"),
)  # fmt: skip
TALK = st.lists(st.one_of(REQUESTS.map(lambda data: (">", data)), ANSWERS.map(lambda data: ("<", data))), max_size=8)


@SETTINGS
@given(way=WAYS, said=TALK)
def test_requests_and_answers_that_belong_to_nothing(way: tuple[str, Seat, int], said: Said) -> None:
    assert troubles("http", way, said) == []


OPERATIONS = [
    "SendMessage", "SendMessageBatch", "ReceiveMessage", "DeleteMessage", "DeleteMessageBatch", "ChangeMessageVisibility",
    "ChangeMessageVisibilityBatch", "CreateQueue", "Publish", "Nonsense",
]  # fmt: skip
MEMBERS = [
    "QueueUrl", "MessageBody", "Body", "Entries", "Successful", "Failed", "Messages", "Id", "MessageId", "ReceiptHandle",
    "Attributes", "MessageAttributes", "StringValue", "DataType", "BinaryValue", "VisibilityTimeout", "MaxNumberOfMessages",
    "MessageGroupId", "MD5OfBody", "MessageSystemAttributes", "Code", "__type",
]  # fmt: skip
WORDS = st.sampled_from(["String", "Binary", "10"])
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=9), WORDS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(MEMBERS), inner, max_size=4)),
    max_leaves=6,
)
JSON = "application/x-amz-json-1.0"
DOCUMENTS = st.dictionaries(st.sampled_from(MEMBERS), VALUES, max_size=6).map(lambda members: json.dumps(members).encode())
STATUSES = st.sampled_from([200, 400, 403, 500])


JSON_CALLS = st.lists(st.tuples(st.sampled_from(OPERATIONS), DOCUMENTS, STATUSES, DOCUMENTS), max_size=2)


@SETTINGS
@given(way=WAYS, calls=JSON_CALLS)
def test_calls_in_json_with_members_of_any_kind(
    way: tuple[str, Seat, int], calls: Sequence[tuple[str, bytes, int, bytes]]
) -> None:
    said: list[tuple[Side, bytes]] = []
    for operation, asked, status, replied in calls:
        target = f"AmazonSQS.{operation}"
        said.append((">", http("POST / HTTP/1.1", asked, X_Amz_Target=target, Content_Type=JSON)))
        said.append(("<", http(f"HTTP/1.1 {status} X", replied, Content_Type=JSON)))
    assert troubles("sqs", way, said) == []


PARTS = st.sampled_from(["1", "2", "x", "", "MessageAttribute", "SendMessageBatchRequestEntry", "Name", "Value", *MEMBERS])
FIELDS = st.lists(st.tuples(st.lists(PARTS, min_size=1, max_size=4).map(".".join), st.text(max_size=9)), max_size=8)
TAGGED = st.sampled_from([*MEMBERS, "Message", "Attribute", "Name", "Value", "Error"])
ELEMENTS = st.recursive(
    PLAIN.map(lambda text: text.replace("&", "&amp;").replace("<", "&lt;")),
    lambda inner: st.lists(st.tuples(TAGGED, inner), max_size=3).map(
        lambda found: "".join(f"<{name}>{text}</{name}>" for name, text in found)
    ),
    max_leaves=6,
)


@SETTINGS
@given(way=WAYS, calls=st.lists(st.tuples(st.sampled_from(OPERATIONS), FIELDS, STATUSES, ELEMENTS), max_size=2))
def test_calls_in_forms_with_fields_of_any_name(
    way: tuple[str, Seat, int], calls: Sequence[tuple[str, list[tuple[str, str]], int, str]]
) -> None:
    said: list[tuple[Side, bytes]] = []
    for operation, fields, status, text in calls:
        form = urlencode([("Action", operation), ("Version", "2012-11-05"), *fields], errors="surrogatepass").encode()
        said.append((">", http("POST / HTTP/1.1", form, Content_Type="application/x-www-form-urlencoded")))
        document = f"<{operation}Response><{operation}Result>{text}</{operation}Result></{operation}Response>".encode()
        said.append(("<", http(f"HTTP/1.1 {status} X", document, Content_Type="text/xml")))
    assert troubles("sqs", way, said) == []
