"""Timers in small worlds: real programs wait for them, and the taps' record says how long each took.

For each timer one function tells a world, and another reads from the record, in seconds of the world, how long it took in each
round: from what surely came before the timer began (the send of its message, the answer that was awaited) to what came after it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from itertools import pairwise
from operator import and_
from typing import Any

import boto3
from botocore.config import Config

from harness import Sandbox, Service
from harness.faults import status
from harness.history.events import Event
from harness.model import Link, Moment
from harness.sandbox.sqs import SqsQueue
from tests.timers.consumers import KEY, POISON, Start, body, to_work

Events = Sequence[Event]
VERSION = "5.6.2"
CELERY = Service.named("notify-worker")[f"kombu {VERSION}"]


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


# ---------------------------------------------------------------------------------- Celery: countdown and ETA, on SQS


def put_off(sandbox: Sandbox, name: str, wanted: int, rounds: int) -> None:
    """In each round a worker of Celery is sent a task with a countdown; it fails, and is retried after as much again."""
    place = sandbox.http(to_work(name).thing, key="/reference")
    queues = [sandbox.aws.queue(one, key="/args/0", visibility_timeout=4 * wanted) for one in ("send-sms-tasks", "retry-tasks")]
    uses = {"AWS_ENDPOINT_URL": sandbox.aws, "MMG_URL": place}
    again = {"RETRY_SECONDS": str(wanted), "FIRST_RETRY_SECONDS": str(wanted)}
    sandbox.start(CELERY, uses=uses, environment=again, name=to_work(name).service)
    sandbox.inject(status(to_work(name), 503))
    for number in range(1, rounds + 1):
        queues[0].publish([{"task": "deliver_sms", "args": [str(number)], "countdown": wanted}], like=f"celery-{VERSION}")
        come(sandbox, [Moment(place.thing_name, "answered", 2, key=str(number))], 12 * wanted)


def began_when_due(events: Events, name: str) -> Iterator[float]:
    """Yield how long each task waited to ask for its first time: its ETA was reckoned after what came before its send."""
    for before, one in pairwise(events):
        if (one.kind, one.queue, one.at) == ("attempted", "send-sms-tasks", "harness"):
            yield _asked(events, name, one.key)[0] - before.t


def began_again(events: Events, name: str) -> Iterator[float]:
    """Yield what passed between the attempt of a task that was to fail and its retry: a countdown and a little more."""
    for key, _ in sends(events, "send-sms-tasks"):
        first, second, *_ = _asked(events, name, key)
        yield second - first


def _asked(events: Events, name: str, key: str) -> list[float]:
    return [one.t for one in events if (one.kind, one.at, one.link, one.key) == ("requested", "near", str(to_work(name)), key)]
