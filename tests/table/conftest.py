"""A link to RabbitMQ that the tests of one module share."""

from collections.abc import Iterator

import pytest

from harness.stack import Stack
from tests.table.rabbit import LINK, Rabbit
from tests.table.seen import way


@pytest.fixture(scope="module")
def one_rabbit(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rabbit]:
    with way(stack, tmp_path_factory.mktemp("amqp"), LINK, "amqp", (stack.rabbitmq.host, stack.rabbitmq.port)) as open_way:
        made = Rabbit(stack, open_way)
        yield made
        made.close()


@pytest.fixture
def rabbit(one_rabbit: Rabbit) -> Iterator[Rabbit]:
    """A link with no fault on it, whose journal is read from here on, and an empty queue."""
    one_rabbit.way.forget()
    one_rabbit.direct.queue_purge(one_rabbit.queue)
    yield one_rabbit
    one_rabbit.leave()
