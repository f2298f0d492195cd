"""One recording link by itself: real clients through it, what it says of them, and what it cannot do."""

import http.server
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import boto3
import pika
import pytest
import requests

from harness.address import free_port
from harness.cli import main
from harness.clock import eventually
from harness.history.journal import Journal
from harness.stack import Stack
from tests.cli.proxies import proxy

ACCOUNT = "426181370942"


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal.jsonl"


@pytest.fixture
def queue(stack: Stack) -> Iterator[str]:
    """A queue in the broker's own vhost, for who comes from outside of every sandbox."""
    connection = pika.BlockingConnection(amqp(stack, stack.rabbitmq.port))
    name = connection.channel().queue_declare("", exclusive=False).method.queue
    yield name
    connection.channel().queue_delete(name)
    connection.close()


def amqp(stack: Stack, port: int) -> pika.ConnectionParameters:
    return pika.ConnectionParameters("127.0.0.1", port, "/", pika.PlainCredentials(stack.user, stack.password))


def seen(journal: Path, *kinds: str) -> list[tuple[str, str, str]]:
    return [(event.at, event.kind, event.key) for event in Journal(journal).events() if event.kind in kinds]


def test_amqp_is_recorded_and_told(stack: Stack, queue: str, journal: Path, tmp_path: Path):
    with proxy(
        tmp_path, "amqp", "--listen", "127.0.0.1:0", "--upstream", str(stack.rabbitmq), "--journal", str(journal), "--key", "/id"
    ) as one:
        connection = pika.BlockingConnection(amqp(stack, one.port))
        channel = connection.channel()
        channel.confirm_delivery()
        channel.basic_publish("", queue, b'{"id": 7}')
        channel.basic_get(queue)
        channel.basic_reject(1, requeue=True)
        body = channel.basic_get(queue)[2]
        channel.basic_ack(2)
        connection.close()
        ended = one.interrupt()

    assert body == b'{"id": 7}'
    assert ended.passed == [
        "1 connections",
        f"{queue}: 1 sent (confirmed 1), 2 delivered (again 1), 2 settled (requeue 1, ack 1)",
    ]
    assert (ended.status, len(ended.told)) == (0, 1)
    assert seen(journal, "attempted", "acknowledged") == [
        ("near", "attempted", "7"), ("far", "attempted", "7"), ("far", "acknowledged", "7"), ("near", "acknowledged", "7"),
    ]  # fmt: skip
    assert Journal(journal).header.links == ("client->rabbitmq",)


def test_sqs_is_recorded_and_told(stack: Stack, journal: Path, tmp_path: Path):
    with proxy(
        tmp_path, "sqs", "--listen", "127.0.0.1:0", "--upstream", f"localhost:{stack.localstack.port}", "--journal", str(journal)
    ) as one:
        sqs = boto3.client(
            "sqs", endpoint_url=f"http://127.0.0.1:{one.port}", region_name="eu-west-2",
            aws_access_key_id=ACCOUNT, aws_secret_access_key="test",
        )  # fmt: skip
        url = sqs.create_queue(QueueName="proxied")["QueueUrl"]
        mid = sqs.send_message(QueueUrl=url, MessageBody="hello")["MessageId"]
        sqs.delete_queue(QueueUrl=url)
        ended = one.interrupt()

    assert ended.passed == [
        "1 connections",
        "proxied: 1 sent (confirmed 1)",
        "CreateQueue: 1 answered (200 1)",
        "DeleteQueue: 1 answered (200 1)",
        "SendMessage: 1 answered (200 1)",
    ]
    assert ended.status == 0
    assert seen(journal, "acknowledged") == [("far", "acknowledged", f"id:{mid}"), ("near", "acknowledged", f"id:{mid}")]


class Answering(http.server.BaseHTTPRequestHandler):
    """A server in front of which the proxy stands."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002 (the name is http.server's)


@pytest.fixture
def server() -> Iterator[http.server.ThreadingHTTPServer]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering) as one:
        thread = threading.Thread(target=one.serve_forever)
        thread.start()
        yield one
        one.shutdown()
        thread.join()


def test_http_is_recorded_and_told(server: http.server.ThreadingHTTPServer, journal: Path, tmp_path: Path):
    with proxy(
        tmp_path, "http", "--listen", "127.0.0.1:0", "--upstream", f"127.0.0.1:{server.server_port}",
        "--journal", str(journal), "--key", r"path ~ /orders/(\d+)",
    ) as one:  # fmt: skip
        answer = requests.get(f"http://127.0.0.1:{one.port}/orders/12", timeout=60)
        ended = one.interrupt()

    assert answer.status_code == 404
    assert ended.passed == ["1 connections", "GET: 1 answered (404 1)"]
    assert {(at, key) for at, _, key in seen(journal, "requested")} == {("near", "12"), ("far", "12")}


def refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=60).close()
    except ConnectionRefusedError:
        return True
    return False


def test_while_the_upstream_refuses_connections_so_does_the_proxy(journal: Path, tmp_path: Path):
    port = free_port()
    with proxy(tmp_path, "amqp", "--listen", "127.0.0.1:0", "--upstream", f"127.0.0.1:{port}", "--journal", str(journal)) as one:
        at_first = refused(one.port)
        with socket.create_server(("127.0.0.1", port)) as broker:
            broker.accept()[0].close()  # the look whether it answers
            eventually(lambda: not refused(one.port), awaited="the proxy listens", within=60)
            broker.accept()[0].close()
        with socket.create_connection(("127.0.0.1", one.port), timeout=60) as service, pytest.raises(ConnectionResetError):
            service.recv(1)
        one.until("(?s)refuses connections, and so does.*refuses connections, and so does")
        at_last = refused(one.port)
        ended = one.interrupt()

    assert (at_first, at_last) == (True, True)
    assert ended.passed == ["2 connections (of which the upstream refused 1)"]
    assert ended.status == 0


def test_what_it_cannot_follow_passes_and_is_said(journal: Path, tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as broker:
        port = broker.getsockname()[1]
        with proxy(
            tmp_path, "amqp", "--listen", "127.0.0.1:0", "--upstream", f"127.0.0.1:{port}", "--journal", str(journal)
        ) as one:
            broker.accept()[0].close()  # the look whether it answers
            with socket.create_connection(("127.0.0.1", one.port), timeout=60) as service:
                upstream, _ = broker.accept()
                service.sendall(b"GET / HTTP/1.1\r\n\r\n")
                with upstream:
                    arrived = upstream.recv(100)
            ended = one.interrupt()

    assert arrived == b"GET / HTTP/1.1\r\n\r\n"
    assert re.fullmatch("NOT FOLLOWED on 1 connections: from the service: .*", ended.passed[1])
    assert ended.status == 2


def test_it_ends_where_the_journal_cannot_be_written_any_more(server: http.server.ThreadingHTTPServer, tmp_path: Path):
    upstream = f"127.0.0.1:{server.server_port}"
    with proxy(tmp_path, "http", "--listen", "127.0.0.1:0", "--upstream", upstream, "--journal", "/dev/full") as one:
        requests.get(f"http://127.0.0.1:{one.port}/", timeout=60)
        ended = one.ended()

    assert ended.told[-1] == "harness: --journal /dev/full: it cannot be written any more (No space left on device)"
    assert ended.status == 3


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"": "smtp"}, "'smtp' is no protocol that can be recorded; there are: amqp, sqs, http"),
        ({"--listen": "0.0.0.0:5673"}, "--listen 0.0.0.0:5673: it listens on this machine alone; write 127.0.0.1:5673"),
        ({"--listen": "amqp"}, "--listen amqp: that is no port; write it as 127.0.0.1:5673"),
        ({"--listen": "127.0.0.1:70000"}, "--listen 127.0.0.1:70000: that is no port; write it as 127.0.0.1:5673"),
        ({"--upstream": "5672"}, "--upstream '5672' is not an address; an address is written host:port"),
        ({"--upstream": "no-such-host.invalid:1"}, "--upstream no-such-host.invalid:1: there is no such host ("),
        ({"--key": "id"}, "key='id' is neither a JSON pointer (/placementId) nor FIELD ~ REGEX (path ~ /jobs/(\\d+))"),
        ({"--journal": "/proc/journal.jsonl"}, "--journal /proc/journal.jsonl: it cannot be written ("),
    ],
    ids=["protocol", "not-loopback", "no-port", "port-too-high", "upstream", "host", "key", "journal"],
)
def test_what_cannot_begin_is_one_sentence(
    journal: Path, capsys: pytest.CaptureFixture[str], changed: dict[str, str], sentence: str
):
    given = {"": "amqp", "--listen": "127.0.0.1:0", "--upstream": "127.0.0.1:1", "--journal": str(journal), **changed}
    with pytest.raises(SystemExit, match=r"^3$"):
        main(["proxy", *(word for pair in given.items() for word in pair if word)])

    said = capsys.readouterr().err
    assert said.startswith(f"harness: {sentence}")
    assert said.count("\n") == 1


def test_a_port_that_is_taken_is_said_and_no_empty_journal_is_left(journal: Path, capsys: pytest.CaptureFixture[str]):
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(SystemExit, match=r"^3$"):
        main(["proxy", "sqs", "--listen", str(taken.getsockname()[1]), "--upstream", "127.0.0.1:1", "--journal", str(journal)])

    assert "this port cannot be had (Address already in use); name another, or 0 for any\n" in capsys.readouterr().err
    assert not journal.exists()


def test_a_journal_that_has_something_in_it_is_not_overwritten(journal: Path, capsys: pytest.CaptureFixture[str]):
    journal.write_text("what was recorded yesterday")
    with pytest.raises(SystemExit, match=r"^3$"):
        main(["proxy", "sqs", "--listen", "0", "--upstream", "127.0.0.1:1", "--journal", str(journal)])

    assert "there is something in it already; remove it, or name another file" in capsys.readouterr().err
    assert journal.read_text() == "what was recorded yesterday"
