"""`answer_lost(times=1)` with several connections open loses exactly one answer over HTTP and SQS (AMQP: test_amqp_publishes).

Toxiproxy's `timeout`, which a fault like this one could be made of, loses as many as there are connections.
"""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from botocore.exceptions import ConnectionClosedError

from harness.faults import answer_lost
from harness.history.events import Declaration
from harness.model import Link
from harness.stack import Stack
from tests.table.seen import Way, way
from tests.table.sqs_queue import ACCOUNT, connected

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

TCS = Link("writer", "tcs")
AWS = Link("writer", "aws")
FOUR_SIZES = pytest.mark.parametrize("connections", [1, 2, 4, 8])


def posted(client: httpx.Client, key: str) -> str:
    try:
        return str(client.post("/p", json={"id": key}).status_code)
    except httpx.RemoteProtocolError:
        return "closed"


def sent(client: "SQSClient", url: str, key: str) -> str:
    try:
        client.send_message(QueueUrl=url, MessageBody=key)
    except ConnectionClosedError:
        return "closed"
    return "200"


@FOUR_SIZES
def test_one_answer_of_http_is_lost(stack: Stack, tmp_path: Path, connections: int) -> None:
    tcs = Declaration(what="resource", name="tcs", kind="http", key="/id")
    keys = [str(number) for number in range(connections)]
    with ExitStack() as end:
        road = end.enter_context(way(stack, tmp_path, TCS, "http", tcs))
        url = f"http://127.0.0.1:{road.port}"
        clients = [end.enter_context(httpx.Client(base_url=url, timeout=60)) for _ in keys]
        opened = [posted(client, "first") for client in clients]
        road.arm(answer_lost(TCS, times=1))
        saw = list(end.enter_context(ThreadPoolExecutor(connections)).map(posted, clients, keys))
        effects = sorted(key for _, key in road.at_resource("effected"))
        bitten = road.bites()
    assert opened == ["200"] * connections
    assert sorted(saw) == sorted(["closed", *["200"] * (connections - 1)])
    assert effects == sorted([*keys, *["first"] * connections])
    assert [(fault, wire) for fault, _, wire, _ in bitten] == [("f1", "POST")]


@FOUR_SIZES
def test_one_answer_of_sqs_is_lost(stack: Stack, tmp_path: Path, connections: int) -> None:
    direct = connected(f"http://{stack.localstack}")
    name = f"one-of-{connections}-{tmp_path.parent.name}"
    direct.create_queue(QueueName=name)
    keys = [str(number) for number in range(connections)]
    with way(stack, tmp_path, AWS, "sqs", (stack.localstack.host, stack.localstack.port)) as road:
        saw, bitten = lost_of(road, f"http://127.0.0.1:{road.port}/queue/us-east-1/{ACCOUNT}/{name}", keys)
    url = direct.get_queue_url(QueueName=name)["QueueUrl"]
    count = direct.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])["Attributes"]
    direct.delete_queue(QueueUrl=url)
    assert sorted(saw) == sorted(["closed", *["200"] * (connections - 1)])
    assert count["ApproximateNumberOfMessages"] == str(2 * connections)
    assert bitten == [("f1", "SendMessage")]


def lost_of(road: Way, url: str, keys: list[str]) -> tuple[list[str], list[tuple[str, str]]]:
    """Open a connection for each key, then send all at once with one answer to be lost."""
    clients = [connected(f"http://127.0.0.1:{road.port}") for _ in keys]
    for client in clients:
        sent(client, url, "first")
    road.arm(answer_lost(AWS, times=1))
    with ThreadPoolExecutor(len(keys)) as threads:
        saw = list(threads.map(sent, clients, [url] * len(keys), keys))
    return saw, [(fault, wire) for fault, _, wire, _ in road.bites()]
