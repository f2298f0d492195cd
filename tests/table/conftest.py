"""Links for the table: to SQS with two clients, the newest and the last that speaks the query protocol; and to RabbitMQ."""

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from harness.history.events import Declaration
from harness.model import Link
from harness.services.build import paths_of
from harness.stack import Stack
from harness.stack.cache import folder as cache_folder
from tests.clients import client
from tests.table import rabbit as rabbits
from tests.table.asking_aws import Asking
from tests.table.seen import Way, way
from tests.table.sqs_queue import ACCOUNT, OLD, Queue, connected

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient


@pytest.fixture(scope="session")
def sqs_road(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Way]:
    target = (stack.localstack.host, stack.localstack.port)
    with way(stack, tmp_path_factory.mktemp("sqs"), Link("mailer", "aws"), "sqs", target) as one:
        one.world.declare(Declaration(what="queue", name="jobs", broker="aws", key="/id"))
        yield one


@pytest.fixture(scope="session")
def sqs_direct(stack: Stack) -> "SQSClient":
    return connected(f"http://{stack.localstack}")


@pytest.fixture(scope="session")
def newest_boto(sqs_road: Way) -> Iterator[Asking]:
    one = Asking(sys.executable, f"http://127.0.0.1:{sqs_road.port}", ACCOUNT)
    yield one
    one.end()


@pytest.fixture(scope="session")
def oldest_boto(sqs_road: Way) -> Iterator[Asking]:
    built = paths_of(client("sqs-boto", f"botocore {OLD}"), cache_folder())
    one = Asking(f"{built['venv']}/bin/python", f"http://127.0.0.1:{sqs_road.port}", ACCOUNT)
    yield one
    one.end()


@pytest.fixture(params=["newest_boto", "oldest_boto"])
def queue(request: pytest.FixtureRequest, sqs_road: Way, sqs_direct: "SQSClient") -> Iterator[Queue]:
    """A queue, with the new client and with the old one."""
    one = Queue(sqs_road, request.getfixturevalue(request.param), sqs_direct)
    sqs_road.forget()
    yield one
    one.delete()


@pytest.fixture(params=["newest_boto", "oldest_boto"])
def fifo(request: pytest.FixtureRequest, sqs_road: Way, sqs_direct: "SQSClient") -> Iterator[Queue]:
    """A FIFO queue, with the new client and with the old one."""
    one = Queue(sqs_road, request.getfixturevalue(request.param), sqs_direct, fifo=True)
    sqs_road.forget()
    yield one
    one.delete()


@pytest.fixture
def in_json(sqs_road: Way, newest_boto: Asking, sqs_direct: "SQSClient") -> Iterator[Queue]:
    """A queue with the new client."""
    one = Queue(sqs_road, newest_boto, sqs_direct)
    sqs_road.forget()
    yield one
    one.delete()


@pytest.fixture(scope="module")
def one_rabbit(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[rabbits.Rabbit]:
    with way(
        stack, tmp_path_factory.mktemp("amqp"), rabbits.LINK, "amqp", (stack.rabbitmq.host, stack.rabbitmq.port)
    ) as open_way:
        made = rabbits.Rabbit(stack, open_way)
        yield made
        made.close()


@pytest.fixture
def rabbit(one_rabbit: rabbits.Rabbit) -> Iterator[rabbits.Rabbit]:
    """A link with no fault on it, whose journal is read from here on, and an empty queue."""
    one_rabbit.way.forget()
    one_rabbit.direct.queue_purge(one_rabbit.queue)
    yield one_rabbit
    one_rabbit.leave()
