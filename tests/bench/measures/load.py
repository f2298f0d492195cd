"""The service of the benchmarks, in a process of its own as services are: sends and receives over several roads in turn.

Commands and answers are JSON, one a line; it ends with its standard input.
"""

import json
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import boto3
import pika
from botocore.config import Config

from harness.clock import now, pause

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

AMQP_BODY = 512
SQS_BODY = 440
PREFETCH = 200


class Amqp:
    """One road to RabbitMQ: a connection that publishes to a queue of its own and consumes from it."""

    def __init__(self, url: str, queue: str) -> None:
        parameters = pika.URLParameters(url)
        parameters.heartbeat = 0
        self._connection = pika.BlockingConnection(parameters)
        self._channel = self._connection.channel()
        self._queue = queue
        self._channel.queue_declare(queue)
        self._channel.basic_qos(prefetch_count=PREFETCH)
        self._channel.basic_consume(queue, self._got)
        self._number = self._seen = 0
        self._arrived = 0.0

    def _got(self, channel: Any, method: Any, properties: Any, body: bytes) -> None:
        del properties, body
        self._arrived = now()
        self._seen += 1
        channel.basic_ack(method.delivery_tag)

    def _publish(self) -> None:
        self._number += 1
        body = b'{"id": "%d", "padding": "' % self._number
        properties = pika.BasicProperties(message_id=f"m{self._number}", headers={"type": "Placement", "attempt": 1})
        self._channel.basic_publish("", self._queue, body + b"x" * (AMQP_BODY - len(body) - 2) + b'"}', properties)

    def trip(self) -> float:
        """Return the seconds from a publish to its callback."""
        began = now()
        self._publish()
        while self._seen < self._number:
            self._connection.process_data_events(time_limit=None)
        return self._arrived - began

    def flood(self, messages: int) -> float:
        """Return messages a second: all published, then all consumed and acknowledged."""
        began = now()
        for _ in range(messages):
            self._publish()
        while self._seen < self._number:
            self._connection.process_data_events(time_limit=None)
        return messages / (now() - began)


class Sqs:
    """One road to SQS."""

    def __init__(self, endpoint: str, url: str, account: str) -> None:
        self._url = url
        self._client: SQSClient = boto3.client(
            "sqs",
            endpoint_url=endpoint,
            region_name="us-east-1",
            aws_access_key_id=account,
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}),
        )
        self._number = 0

    def trip(self) -> float:
        """Return the seconds that it takes to send, receive and delete one message."""
        self._number += 1
        body = f'{{"id": "{self._number}", "padding": "'
        began = now()
        self._client.send_message(QueueUrl=self._url, MessageBody=body + "x" * (SQS_BODY - len(body) - 2) + '"}')
        got = self._client.receive_message(QueueUrl=self._url, MaxNumberOfMessages=1, WaitTimeSeconds=5)
        for message in got["Messages"]:
            self._client.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return now() - began


class Load:
    """The roads opened so far, and what can be asked of them."""

    def __init__(self) -> None:
        self._roads: dict[str, Amqp | Sqs] = {}

    def open_amqp(self, roads: Mapping[str, str]) -> None:
        """Connect over each of these URLs."""
        for name, url in roads.items():
            self._roads[f"amqp {name}"] = Amqp(url, f"bench.{name}")

    def open_sqs(self, roads: Mapping[str, tuple[str, str, str]]) -> None:
        """Make a client for each endpoint, QueueUrl and account."""
        for name, (endpoint, url, account) in roads.items():
            self._roads[f"sqs {name}"] = Sqs(endpoint, url, account)

    def trips(self, roads: list[str], blocks: int, block: int, rest: float) -> dict[str, list[float]]:
        """Return seconds by road: in turn over all roads `block` messages, so many times, each after `rest` seconds."""
        found: dict[str, list[float]] = {name: [] for name in roads}
        for _ in range(blocks):
            for name in roads:
                road = self._roads[name]
                for _number in range(block):
                    pause(rest)
                    found[name].append(road.trip())
        return found

    def floods(self, roads: list[str], messages: int) -> dict[str, list[float]]:
        """Return messages a second by road."""
        return {name: [road.flood(messages)] for name in roads if isinstance(road := self._roads[name], Amqp)}


def main() -> None:
    """Answer commands until there are no more."""
    load = Load()
    for line in sys.stdin:
        given = json.loads(line)
        do: Callable[..., object] = getattr(load, given.pop("do"))
        sys.stdout.write(json.dumps(do(**given)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
