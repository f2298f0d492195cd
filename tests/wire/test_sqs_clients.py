"""boto3 against the real LocalStack, through both taps of a link (no Toxiproxy in it)."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from harness.clock import eventually
from harness.stack.model import Stack
from harness.wire import sqs
from harness.wire.aws import Attribute, md5_of_attributes, md5_of_body
from harness.wire.rules import Rule
from tests.wire.linked import Linked, linked
from tests.wire.taps import CollectingSink

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

ACCOUNT = "100000000007"
LINK = "mailer->aws"
JAVA = {"JavaType": {"DataType": "String", "StringValue": "a.B"}}


def client(url: str) -> "SQSClient":
    made: SQSClient = boto3.client(
        "sqs",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}, read_timeout=60),
    )
    return made


@pytest.fixture
def sink() -> CollectingSink:
    return CollectingSink(queues={"aws:mail": "/personId", "aws:mail.fifo": "/personId"})


@pytest.fixture
def road(stack: Stack, sink: CollectingSink) -> Iterator[Linked]:
    with linked(LINK, sqs.session, (stack.localstack.host, stack.localstack.port), sink) as one:
        yield one


@pytest.fixture
def queue(road: Linked) -> Iterator[str]:
    one = client(road.url)
    url = one.create_queue(QueueName="mail", Attributes={"VisibilityTimeout": "30"})["QueueUrl"]
    yield url
    one.delete_queue(QueueUrl=url)


def at_both(sink: CollectingSink, *kinds: str) -> list[tuple[str, str, int, int]]:
    """Return what both taps saw, once both have seen as much."""
    eventually(
        lambda: len(sink.of(*kinds, at="near")) == len(sink.of(*kinds, at="far")),
        awaited=f"{kinds}",
        within=60,
        last=lambda: sink.events,
    )
    return [(event.kind, event.key, event.conn, event.x) for event in sink.of(*kinds, at="far")]


def test_a_queue_url_leads_through_the_link(road: Linked, queue: str):
    assert queue.startswith(road.url)


def test_a_message_is_sent_received_and_deleted_in_the_eyes_of_both_taps(road: Linked, sink: CollectingSink, queue: str):
    one = client(road.url)
    sent = one.send_message(QueueUrl=queue, MessageBody='{"personId": 7}', MessageAttributes=JAVA)  # type: ignore[arg-type]
    (message,) = one.receive_message(QueueUrl=queue, AttributeNames=["All"], MessageAttributeNames=["All"], VisibilityTimeout=9)[
        "Messages"
    ]
    one.change_message_visibility(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=20)
    one.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    story = at_both(sink, "attempted", "acknowledged", "delivered", "settled", "confirmed")

    assert [(kind, key) for kind, key, _, _ in story] == [
        ("attempted", "7"), ("acknowledged", "7"), ("delivered", "7"),
        ("settled", "7"), ("confirmed", "7"), ("settled", "7"), ("confirmed", "7"),
    ]  # fmt: skip
    delivered = sink.of("delivered", at="near")[0]
    assert (delivered.mid, delivered.count, delivered.redelivered) == (sent["MessageId"], 1, False)
    assert (delivered.attributes, delivered.data) == ({"JavaType": ("String", "a.B")}, {"visibility": 9.0})
    assert [event.delay for event in sink.of("settled", at="far")] == [20.0, None]
    assert {event.ok for event in sink.of("confirmed")} == {True}
    assert sink.of("gap") == []


def test_a_fifo_queue_gives_sequence_and_group(road: Linked, sink: CollectingSink):
    one = client(road.url)
    url = one.create_queue(QueueName="mail.fifo", Attributes={"FifoQueue": "true", "ContentBasedDeduplication": "true"})[
        "QueueUrl"
    ]
    entries = [{"Id": str(n), "MessageBody": json.dumps({"personId": n}), "MessageGroupId": "g"} for n in (1, 2)]
    one.send_message_batch(QueueUrl=url, Entries=entries)  # type: ignore[arg-type]
    one.receive_message(QueueUrl=url, AttributeNames=["All"], MaxNumberOfMessages=10)
    one.delete_queue(QueueUrl=url)

    assert [bool((event.data or {}).get("sequence")) for event in sink.of("acknowledged", at="far")] == [True, True]
    assert [(event.key, (event.data or {}).get("group")) for event in sink.of("delivered", at="far")] == [("1", "g"), ("2", "g")]


def test_an_unknown_queue_is_a_refusal(road: Linked, sink: CollectingSink):
    with pytest.raises(ClientError, match="NonExistentQueue"):
        client(road.url).send_message(QueueUrl=f"{road.url}/queue/us-east-1/{ACCOUNT}/absent", MessageBody="x")
    assert [(event.status, (event.data or {}).get("code")) for event in sink.of("refused", at="far")] == [
        (400, "AWS.SimpleQueueService.NonExistentQueue")
    ]


@pytest.mark.parametrize("on", ["SendMessage", "ReceiveMessage"])
def test_an_altered_attribute_reaches_the_consumer_with_right_digests(road: Linked, queue: str, on: str):
    road.arm(Rule(id="f1", name="altered", link=LINK, on=on, attributes={"JavaType": "c.D"}, body="{}"))
    one = client(road.url)
    sent = one.send_message(QueueUrl=queue, MessageBody='{"personId": 7}', MessageAttributes=JAVA)  # type: ignore[arg-type]
    (message,) = one.receive_message(QueueUrl=queue, MessageAttributeNames=["All"])["Messages"]

    assert sent["MD5OfMessageAttributes"] == md5_of_attributes({"JavaType": Attribute("String", "a.B")})
    assert sent["MD5OfMessageBody"] == md5_of_body('{"personId": 7}')
    assert (message["Body"], message["MessageAttributes"]["JavaType"]["StringValue"]) == ("{}", "c.D")
    assert message["MD5OfMessageAttributes"] == md5_of_attributes({"JavaType": Attribute("String", "c.D")})
    assert message["MD5OfBody"] == md5_of_body("{}")


def test_a_lost_answer_was_carried_out(road: Linked, queue: str, sink: CollectingSink):
    one = client(road.url)
    road.arm(Rule(id="f1", name="answer_lost", link=LINK, on="SendMessage", times=1))
    with pytest.raises(BotoCoreError, match="Connection was closed before we received a valid response"):
        one.send_message(QueueUrl=queue, MessageBody='{"personId": 7}')
    (message,) = one.receive_message(QueueUrl=queue)["Messages"]

    assert message["Body"] == '{"personId": 7}'
    assert [(event.at, event.key) for event in sink.of("acknowledged")] == [("far", "7")]


def test_a_status_of_our_own_is_what_the_client_raises(road: Linked, queue: str):
    road.arm(Rule(id="f1", name="answer_lost", link=LINK, status=504, times=1))
    one = client(road.url)
    with pytest.raises(ClientError, match="504"):
        one.send_message(QueueUrl=queue, MessageBody="{}")
    assert one.receive_message(QueueUrl=queue)["Messages"][0]["Body"] == "{}"
