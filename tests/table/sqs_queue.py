"""A queue of its own on a link, the client under test, and a look at the broker beside the link."""

import json
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import boto3
from botocore.config import Config

from tests.table.asking_aws import Asking
from tests.table.seen import Way

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

ACCOUNT = "100000000061"
OLD = "1.31.80"
"""The last botocore that speaks the query protocol to SQS."""


class Queue:
    """A queue of its own on the link, the client under test, and a look at the broker beside the link."""

    def __init__(self, road: Way, asking: Asking, direct: "SQSClient", *, fifo: bool = False) -> None:
        self.road = road
        self.asking = asking
        self._direct = direct
        name = f"jobs-{uuid4().hex[:12]}{'.fifo' if fifo else ''}"
        more = {"FifoQueue": "true", "ContentBasedDeduplication": "true"} if fifo else {}
        direct.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "30", **more})  # type: ignore[dict-item]
        self.url = f"http://127.0.0.1:{road.port}/queue/us-east-1/{ACCOUNT}/{name}"

    @property
    def speaks(self) -> str:
        """The protocol of the client."""
        return "query" if self.asking.version == OLD else "json"

    def begin(self, operation: str, **arguments: Any) -> Any:
        return self.asking.begin(operation, QueueUrl=self.url, **arguments)

    def ask(self, operation: str, **arguments: Any) -> tuple[str, Any]:
        word, answer = self.begin(operation, **arguments)()
        return word, answer

    def send(self, key: str, **more: Any) -> str:
        """Send a message; return what the client saw."""
        return self.ask("send_message", MessageBody=json.dumps({"id": key}), **more)[0]

    def receive(self, most: int = 10, wait: int = 0) -> list[dict[str, Any]]:
        """Receive; return the messages the client saw."""
        word, answer = self.ask("receive_message", MaxNumberOfMessages=most, WaitTimeSeconds=wait, MessageAttributeNames=["All"])
        assert word == "ok"
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        return messages

    def settle(self, operation: str, message: dict[str, Any], **more: Any) -> str:
        return self.ask(operation, ReceiptHandle=message["ReceiptHandle"], **more)[0]

    def delete(self) -> None:
        self._direct.delete_queue(QueueUrl=self.url)

    def left(self) -> tuple[int, int]:
        """Return how many messages the broker has ready, and in flight."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self._direct.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]  # type: ignore[arg-type]
        ready, in_flight = (int(found[name]) for name in names)  # type: ignore[index]
        return ready, in_flight


def keys(messages: list[dict[str, Any]]) -> list[str]:
    return [json.loads(one["Body"])["id"] for one in messages]


def connected(endpoint: str) -> "SQSClient":
    session = boto3.Session(aws_access_key_id=ACCOUNT, aws_secret_access_key="test", region_name="us-east-1")
    made: SQSClient = session.client("sqs", endpoint_url=endpoint, config=Config(retries={"max_attempts": 0}))
    return made


def message_for(queue: "Queue") -> dict[str, str]:
    return {"QueueUrl": queue.url, "MessageBody": '{"id": "1"}'}


class Topic:
    """A topic with a queue that takes its messages raw; the client under test publishes, the queue is read beside the link."""

    def __init__(self, asking: Asking, endpoint: str) -> None:
        self._asking = asking
        session = boto3.Session(aws_access_key_id=ACCOUNT, aws_secret_access_key="test", region_name="us-east-1")
        self._sns: Any = session.client("sns", endpoint_url=endpoint)
        self._sqs = connected(endpoint)
        self.name = f"events-{uuid4().hex[:12]}"
        self.arn = self._sns.create_topic(Name=self.name)["TopicArn"]
        self._url = self._sqs.create_queue(QueueName=self.name)["QueueUrl"]
        queue = self.arn.replace(":sns:", ":sqs:")
        raw = {"RawMessageDelivery": "true"}
        self._sns.subscribe(TopicArn=self.arn, Protocol="sqs", Endpoint=queue, Attributes=raw)

    def begin(self, key: str, **attributes: str) -> Any:
        typed = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
        return self._asking.begin("publish", TopicArn=self.arn, Message=json.dumps({"id": key}), MessageAttributes=typed)

    def publish(self, key: str, **attributes: str) -> str:
        """Publish; return what the client saw."""
        word: str = self.begin(key, **attributes)()[0]
        return word

    def publish_batch(self, *keys: str) -> tuple[str, Any]:
        entries = [{"Id": f"e{key}", "Message": json.dumps({"id": key})} for key in keys]
        word, answer = self._asking.ask("publish_batch", TopicArn=self.arn, PublishBatchRequestEntries=entries)
        return word, answer

    def got(self, count: int) -> list[dict[str, Any]]:
        """Return the messages that came to the queue, once so many are there."""
        found: list[Any] = []
        while len(found) < count:
            asked: dict[str, Any] = {"MaxNumberOfMessages": 10, "WaitTimeSeconds": 5, "MessageAttributeNames": ["All"]}
            found += self._sqs.receive_message(QueueUrl=self._url, **asked).get("Messages", [])
        return found

    def delete(self) -> None:
        self._sns.delete_topic(TopicArn=self.arn)
        self._sqs.delete_queue(QueueUrl=self._url)
