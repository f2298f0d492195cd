"""Attaching to addresses that are missing, mean nothing, or lead somewhere else."""

import socket
from collections.abc import Iterator
from threading import Thread

import pytest

from harness.address import Address, free_port
from harness.errors import StackError
from harness.stack import external, native, probe
from harness.stack.model import Stack
from harness.warden import Warden
from tests.stack.fakes import tools


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HARNESS_CACHE", str(tmp_path_factory.mktemp("cache")))
        warden = Warden.start()
        yield native.start(warden, tools(tmp_path_factory.mktemp("tools")), ports={})
        warden.end()


@pytest.fixture
def saying(request: pytest.FixtureRequest) -> Iterator[Address]:
    """A server that answers everything with the same bytes, and then closes."""
    answer: bytes = request.param

    def serve() -> None:
        for _ in range(1):
            connection, _ = server.accept()
            connection.recv(65536)
            connection.sendall(answer)
            connection.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = Thread(target=serve)
        thread.start()
        yield Address("127.0.0.1", server.getsockname()[1])
        thread.join()


def test_addresses_may_be_written_as_urls(stack: Stack):
    given = {
        "HARNESS_LOCALSTACK_ADDRESS": f"http://{stack.localstack}/",
        "HARNESS_RABBITMQ_URL": f"amqp://a%40b:c%2Fd@{stack.rabbitmq}/vhost",
        "HARNESS_RABBITMQ_MANAGEMENT_ADDRESS": f"http://{stack.management}",
        "HARNESS_TOXIPROXY_ADDRESS": str(stack.toxiproxy),
    }
    attached = external.attach(given)
    assert (attached.localstack, attached.management, attached.toxiproxy) == (stack.localstack, stack.management, stack.toxiproxy)
    assert (attached.user, attached.password) == ("a@b", "c/d")
    assert attached.versions == stack.versions


def test_every_address_that_is_missing_is_named():
    missing = r"set HARNESS_RABBITMQ_URL \(such as amqp:.*HARNESS_RABBITMQ_MANAGEMENT_ADDRESS .*HARNESS_TOXIPROXY_ADDRESS"
    with pytest.raises(StackError, match=missing) as raised:
        external.attach({"HARNESS_LOCALSTACK_ADDRESS": "127.0.0.1:4566", "HARNESS_TOXIPROXY_ADDRESS": ""})
    assert "HARNESS_LOCALSTACK_ADDRESS" not in str(raised.value)


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("HARNESS_LOCALSTACK_ADDRESS", "localhost"),
        ("HARNESS_TOXIPROXY_ADDRESS", "127.0.0.1:port"),
        ("HARNESS_RABBITMQ_MANAGEMENT_ADDRESS", "https://127.0.0.1"),
        ("HARNESS_RABBITMQ_URL", "127.0.0.1:5672"),
        ("HARNESS_RABBITMQ_URL", "amqps://127.0.0.1:5671"),
        ("HARNESS_RABBITMQ_URL", "amqp://"),
        ("HARNESS_RABBITMQ_URL", "amqp://127.0.0.1:port"),
    ],
)
def test_what_is_no_address_is_named_with_its_variable_and_an_example(stack: Stack, variable: str, text: str):
    with pytest.raises(StackError, match=f"{variable}[:=].* such as "):
        external.attach({**stack.environment(), variable: text})


@pytest.mark.parametrize(
    ("variable", "server"),
    [
        ("HARNESS_LOCALSTACK_ADDRESS", "LocalStack"),
        ("HARNESS_RABBITMQ_URL", "RabbitMQ"),
        ("HARNESS_RABBITMQ_MANAGEMENT_ADDRESS", "RabbitMQ's management"),
        ("HARNESS_TOXIPROXY_ADDRESS", "Toxiproxy"),
    ],
)
def test_a_server_that_does_not_answer_is_named(stack: Stack, variable: str, server: str):
    port = free_port()
    nowhere = f"amqp://127.0.0.1:{port}" if variable == "HARNESS_RABBITMQ_URL" else f"127.0.0.1:{port}"
    with pytest.raises(StackError, match=rf"^{server} at 127\.0\.0\.1:{port} \({variable}\) does not answer: ConnectionRefused"):
        external.attach({**stack.environment(), variable: nowhere})


@pytest.mark.parametrize(
    ("saying", "why"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "answers, but not in AMQP"),
        (b"", "closes the connection instead of answering in AMQP"),
    ],
    indirect=["saying"],
    ids=["http", "nothing"],
)
def test_what_is_no_broker_is_not_taken_for_one(saying: Address, why: str):
    with pytest.raises(probe.NoAnswerError, match=why):
        probe.amqp(saying)


@pytest.mark.parametrize(
    ("saying", "why"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npong", "not as Toxiproxy does"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", "not as Toxiproxy does"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}", r"GET /version: status 404"),
        (b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", "refuses user and password"),
        (b"AMQP\0\0\x09\x01", "does not answer: BadStatusLine"),
    ],
    indirect=["saying"],
    ids=["text", "list", "404", "401", "amqp"],
)
def test_what_is_no_toxiproxy_is_not_taken_for_one(saying: Address, why: str):
    with pytest.raises(probe.NoAnswerError, match=why):
        probe.toxiproxy(saying)
