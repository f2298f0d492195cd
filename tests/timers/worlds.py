"""Timers in small worlds: real programs wait for them, and the taps' record says how long each took.

For each timer one function tells a world, and another reads from the record, in seconds of the world, how long it took in each
round: from what surely came before the timer began (the send of its message, the answer that was awaited) to what came after it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from operator import and_
from typing import Any

import boto3
from botocore.config import Config

from harness import Sandbox
from harness.history.events import Event
from harness.model import Link, Moment
from harness.sandbox.sqs import SqsQueue
from tests.timers.consumers import KEY, POISON, Start, body

Events = Sequence[Event]


def come(sandbox: Sandbox, moments: Sequence[Moment], within: float) -> None:
    """Wait until all of these have come."""
    sandbox.until(reduce(and_, moments), within=within)


# ---------------------------------------------------------------------------------------------- SQS: visibility and delay


def received(sandbox: Sandbox, consumers: Mapping[str, Start], wanted: int, rounds: int) -> None:
    """In each round one message comes back after its visibility timeout, and one comes after its delay, to each consumer."""
    queues = {name: sandbox.aws.queue(name, key=KEY, visibility_timeout=wanted) for name in consumers}
    for name, start in consumers.items():
        start(sandbox, queues[name])
    for number in range(1, rounds + 1):
        for queue in queues.values():
            queue.publish([body(number)], like="spring-cloud-aws-3.1.1", type=POISON)
            _send_delayed(sandbox, queue, body(-number), wanted)
        again = [queue.delivered(2, key=str(number)) for queue in queues.values()]
        come(sandbox, [*again, *(queue.delivered(key=str(-number)) for queue in queues.values())], 6 * wanted)


def _send_delayed(sandbox: Sandbox, queue: SqsQueue, message: Mapping[str, object], seconds: int) -> None:
    """Send as a program of its own would, over a link, so that it is written down when."""
    parts = sandbox.aws.parts(sandbox.aws.reach(Link("sender", "aws")))
    client: Any = boto3.client(
        "sqs", endpoint_url=parts.value, region_name="eu-west-2", aws_access_key_id=parts.user, aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}),
    )  # fmt: skip
    attributes = {"JavaType": {"DataType": "String", "StringValue": POISON}}
    given = {"MessageBody": json.dumps(message), "DelaySeconds": seconds, "MessageAttributes": attributes}
    client.send_message(QueueUrl=queue.url_at(parts.port or 0), **given)
    client.close()


def came_back(events: Events, queue: str) -> Iterator[float]:
    """Yield how long each message was away that was delivered, and delivered again."""
    for key, begun in sends(events, queue):
        if not key.startswith("-"):
            yield _deliveries(events, queue, key)[1] - begun


def came_late(events: Events, queue: str) -> Iterator[float]:
    """Yield how long each delayed message was under way."""
    for key, begun in sends(events, queue):
        if key.startswith("-"):
            yield _deliveries(events, queue, key)[0] - begun


def sends(events: Events, queue: str) -> Iterator[tuple[str, float]]:
    return ((one.key, one.t) for one in events if one.kind == "attempted" and one.queue == queue and one.at != "far")


def _deliveries(events: Events, queue: str, key: str) -> list[float]:
    return [one.t for one in events if (one.kind, one.at, one.queue, one.key) == ("delivered", "far", queue, key)]


# ----------------------------------------------------------------------------------------------------------- RabbitMQ: TTL


def expired(sandbox: Sandbox, consumers: Mapping[str, Start], wanted: int, rounds: int) -> None:
    """In each round one message expires in a queue and is dead-lettered to a consumer's, for each of them."""
    queues = {name: sandbox.rabbitmq.queue(name, key=KEY) for name in consumers}
    later = [sandbox.rabbitmq.queue(f"{name}-later", key=KEY, ttl=wanted, dead_letter=name) for name in consumers]
    for name, start in consumers.items():
        start(sandbox, queues[name])
    for number in range(1, rounds + 1):
        for queue in later:
            queue.publish([body(number)])
        come(sandbox, [queue.delivered(key=str(number)) for queue in queues.values()], 6 * wanted)


def came_over(events: Events, queue: str) -> Iterator[float]:
    """Yield how long each message was under way that was sent to be dead-lettered to this queue."""
    for key, begun in sends(events, f"{queue}-later"):
        yield _deliveries(events, queue, key)[0] - begun
