"""The three real servers, used with the clients people use."""

from pathlib import Path
from typing import Any

import boto3
import pika
import pytest
from toxiproxy.api import APIConsumer

from harness.address import Address
from harness.stack import Stack, external
from harness.stack.listeners import listener
from harness.warden import Warden, running_in
from harness.warden.processes import process

Brokers = tuple[Stack, Warden, Path]


def listening(pids: set[int]) -> set[str]:
    """Return the local addresses, as /proc writes them, on which these processes listen."""
    inodes = {link for pid in pids for link in _links(pid)}
    lines = [line.split() for name in ("tcp", "tcp6") for line in Path("/proc/net", name).read_text().splitlines()[1:]]
    return {fields[1].rpartition(":")[0] for fields in lines if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes}


def _links(pid: int) -> list[str]:
    return [str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir() if entry.is_symlink()]


def test_pika_connects(brokers: Brokers):
    stack = brokers[0]
    with pika.BlockingConnection(pika.URLParameters(stack.environment()["HARNESS_RABBITMQ_URL"] + "/%2F")) as connection:
        channel = connection.channel()
        queue = channel.queue_declare("", exclusive=True).method.queue
        channel.basic_publish("", queue, b"hello")
        got = channel.basic_get(queue, auto_ack=True)
    assert got[2] == b"hello"


def test_sqs_works_and_its_queue_urls_name_the_address_that_was_used(brokers: Brokers):
    stack = brokers[0]
    client = boto3.client(
        "sqs",
        endpoint_url=f"http://{stack.localstack}",
        region_name="us-east-1",
        aws_access_key_id="111111111111",
        aws_secret_access_key="x",
    )
    url = client.create_queue(QueueName="q")["QueueUrl"]
    client.send_message(QueueUrl=url, MessageBody="hello")
    got = client.receive_message(QueueUrl=url)["Messages"]
    client.delete_queue(QueueUrl=url)
    assert url == f"http://{stack.localstack}/queue/us-east-1/111111111111/q"
    assert [one["Body"] for one in got] == ["hello"]


def test_the_versions_are_the_servers_own(brokers: Brokers):
    stack = brokers[0]
    assert dict(stack.versions) == external.answering(stack)
    assert stack.versions["localstack"] == "4.13.1"
    assert set(stack.versions) == {"localstack", "rabbitmq", "toxiproxy"}


def test_toxiproxy_makes_a_proxy(brokers: Brokers):
    stack = brokers[0]
    api: Any = type("Api", (APIConsumer,), {"host": stack.toxiproxy.host, "port": stack.toxiproxy.port})
    made = api.post("/proxies", json={"name": "p", "listen": "127.0.0.1:0", "upstream": str(stack.rabbitmq)}).json()
    via = Address.parse(made["listen"])
    with pika.BlockingConnection(pika.ConnectionParameters(via.host, via.port)) as connection:
        opened = connection.is_open
    assert api.delete("/proxies/p").status_code == 204
    assert opened


def test_everything_listens_on_loopback_only(brokers: Brokers):
    pids = set(running_in(brokers[1].run_id))
    assert listening(pids) <= {"0100007F", "0000000000000000FFFF00000100007F"}


def test_no_epmd_is_started(brokers: Brokers):
    names = {Path(f"/proc/{pid}/comm").read_text().strip() for pid in running_in(brokers[1].run_id)}
    assert "beam.smp" in names or "ld-linux-x86-64" in names
    assert "epmd" not in names


def test_all_data_lie_below_the_wardens_folder_and_the_logs_where_they_were_wanted(brokers: Brokers):
    _, warden, logs = brokers
    assert (warden.folder / "stack" / "rabbitmq" / "data" / "rabbit@localhost").is_dir()
    assert any((warden.folder / "stack" / "localstack").rglob("metrics.db"))
    assert {path.name for path in logs.iterdir()} == {"localstack.log", "rabbitmq.log", "toxiproxy.log"}
    assert "Starting broker" in (logs / "rabbitmq.log").read_text()


def test_the_servers_are_below_the_warden(brokers: Brokers):
    stack, warden, _ = brokers
    for address in (stack.localstack, stack.rabbitmq, stack.management, stack.toxiproxy):
        pid = int(listener(address.port).split()[1])
        found = process(pid)
        assert found is not None
        assert found.parent == warden.pid


def test_another_process_attaches_by_the_environment(brokers: Brokers):
    stack = brokers[0]
    attached = external.attach(stack.environment())
    assert attached.kind == "external"
    assert {**attached.to_json(), "kind": "native"} == stack.to_json()


def test_a_stack_survives_json(brokers: Brokers):
    assert Stack.from_json(brokers[0].to_json()) == brokers[0]


@pytest.mark.parametrize("broken", [{}, {"kind": "native", "localstack": "nowhere"}])
def test_what_is_no_stack_is_not_read_as_one(broken: dict[str, object]):
    with pytest.raises((KeyError, ValueError), match=r"localstack|is not an address"):
        Stack.from_json(broken)


def test_versions_that_are_no_object_are_not_read(brokers: Brokers):
    data = {**brokers[0].to_json(), "versions": 3}
    with pytest.raises(TypeError, match="versions is not an object"):
        Stack.from_json(data)
