"""RabbitMQ's management API, against the real broker."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pika
import pytest

from harness import clock
from harness.address import free_port
from harness.errors import StackError
from harness.stack import Stack
from harness.stack.management import Management
from harness.warden import Warden

Brokers = tuple[Stack, Warden, Path]


@pytest.fixture
def management(brokers: Brokers) -> Management:
    stack = brokers[0]
    return Management(stack.management.host, stack.management.port, stack.user, stack.password)


def connection(stack: Stack, vhost: str) -> pika.BlockingConnection:
    return pika.BlockingConnection(pika.ConnectionParameters(stack.rabbitmq.host, stack.rabbitmq.port, vhost))


def test_a_vhost_can_be_used_at_once_and_deleting_it_closes_its_connections(brokers: Brokers, management: Management):
    management.create_vhost("a/b")
    management.create_vhost("a/b")
    opened = connection(brokers[0], "a/b")
    opened.channel().queue_declare("q")
    before = management.vhosts()
    management.delete_vhost("a/b")
    management.delete_vhost("a/b")
    with pytest.raises(pika.exceptions.ConnectionClosedByBroker, match=r"vhost 'a/b' is (deleted|down)"):
        opened.process_data_events(time_limit=10)
    assert "a/b" in before
    assert "a/b" not in management.vhosts()


def test_a_vhost_has_the_queue_type_that_was_asked_for(brokers: Brokers, management: Management):
    management.create_vhost("typed", default_queue_type="classic")
    assert "typed" in management.vhosts()
    management.delete_vhost("typed")


def test_connections_are_listed_with_the_clients_port_and_can_be_closed(brokers: Brokers, management: Management):
    management.create_vhost("c")
    opened = connection(brokers[0], "c")
    found = clock.eventually(lambda: management.connections("c"), awaited="the connection in the list", within=60, every=0.1)
    everywhere = management.connections()
    management.close_connection(found[0].name)
    management.close_connection("not there")
    with pytest.raises(pika.exceptions.ConnectionClosedByBroker, match="closed by the harness"):
        opened.process_data_events(time_limit=10)
    management.delete_vhost("c")
    assert [(one.vhost, one.user, one.peer_host) for one in found] == [("c", "guest", "127.0.0.1")]
    assert found[0] in everywhere


def test_a_refusal_is_told_in_the_brokers_words(brokers: Brokers):
    stack = brokers[0]
    wrong = Management(stack.management.host, stack.management.port, "guest", "wrong")
    with pytest.raises(StackError, match=r"refused PUT /api/vhosts/x: 401"):
        wrong.create_vhost("x")


def test_a_broker_that_is_gone_is_named():
    gone = Management("127.0.0.1", free_port(), "guest", "guest")
    with pytest.raises(StackError, match=r"at 127\.0\.0\.1:\d+ does not answer: ConnectionRefused.*still running\?"):
        gone.vhosts()


@pytest.fixture
def odd() -> Iterator[Management]:
    """A server that answers every GET with an object: not RabbitMQ."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        Thread(target=server.serve_forever).start()
        yield Management("127.0.0.1", server.server_port, "guest", "guest")
        server.shutdown()


def test_an_answer_that_is_no_list_is_not_taken_for_one(odd: Management):
    with pytest.raises(StackError, match=r"GET /api/vhosts.* gave no list"):
        odd.vhosts()
