"""Clients see through a link what they would see without it: the same exception classes, the causes underneath included.

A retry policy hangs on these classes. Behind a proxy that goes on listening, a refused connection would become one that is
accepted and closed, and urllib3's `Retry` would no longer repeat a POST.
"""

import contextlib
import socket
from collections.abc import Callable, Iterator

import boto3
import httpx
import pika
import pytest
import requests
import urllib3
from botocore.config import Config

from harness.address import free_port
from harness.clock import eventually
from harness.toxiproxy.client import Toxiproxy
from tests.toxiproxy.servers import toxiproxy_server
from tests.wire.client_roads import Road, Roads
from tests.wire.targets import Manner, answers_half, answers_half_a_head, behaving, ends, is_silent, resets

AWAITED, NOT_AWAITED = 60.0, 0.4
"""Seconds a client waits for an answer: long where one comes, so that a busy machine does not look like a slow answer."""


def with_httpx(port: int, patience: float) -> None:
    httpx.post(f"http://127.0.0.1:{port}/placements", json={"placementId": 1}, timeout=patience, trust_env=False)


def with_requests(port: int, patience: float) -> None:
    requests.post(f"http://127.0.0.1:{port}/placements", json={"placementId": 1}, timeout=patience)


def with_urllib3(port: int, patience: float) -> None:
    with urllib3.PoolManager(retries=False) as pool:
        pool.request("POST", f"http://127.0.0.1:{port}/placements", json={"placementId": 1}, timeout=patience)


def with_urllib3_retrying(port: int, patience: float) -> None:
    retries = urllib3.Retry(total=2, backoff_factor=0)
    with urllib3.PoolManager(retries=retries) as pool:
        pool.request("POST", f"http://127.0.0.1:{port}/placements", json={"placementId": 1}, timeout=patience)


def with_pika(port: int, patience: float) -> None:
    pika.BlockingConnection(
        pika.ConnectionParameters("127.0.0.1", port, socket_timeout=patience, stack_timeout=patience, connection_attempts=1)
    )


def with_boto3(port: int, patience: float) -> None:
    config = Config(retries={"total_max_attempts": 1}, connect_timeout=patience, read_timeout=patience)
    url = f"http://127.0.0.1:{port}"
    session = boto3.Session(aws_access_key_id="000000000000", aws_secret_access_key="x", region_name="eu-west-2")
    with contextlib.closing(session.client("sqs", endpoint_url=url, config=config)) as client:
        client.send_message(QueueUrl=f"{url}/000000000000/jobs", MessageBody="{}")


Client = Callable[[int, float], None]
CLIENTS: dict[str, tuple[Client, str]] = {
    "httpx": (with_httpx, "http"),
    "requests": (with_requests, "http"),
    "urllib3": (with_urllib3, "http"),
    "urllib3 with Retry": (with_urllib3_retrying, "http"),
    "pika": (with_pika, "amqp"),
    "boto3": (with_boto3, "sqs"),
}
MANNERS: dict[str, Manner | None] = {
    "closed port": None,
    "reset": resets,
    "end": ends,
    "half answer": answers_half,
    "half head": answers_half_a_head,
    "slow answer": is_silent,
}


@pytest.fixture(scope="module")
def toxiproxy() -> Iterator[Toxiproxy]:
    with toxiproxy_server() as client:
        yield client


@pytest.fixture(scope="module")
def roads(toxiproxy: Toxiproxy) -> Iterator[Roads]:
    with contextlib.closing(Roads(toxiproxy)) as roads:
        yield roads


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)


def outcome(client: Client, port: int, patience: float = AWAITED) -> list[str]:
    """Return the classes of what the client raises, from the outermost to its first cause."""
    try:
        client(port, patience)
    except Exception as error:  # noqa: BLE001 (whatever a client raises is what is compared)
        return list(classes(error))
    return ["returns"]  # boto3 does: it takes an answer whose body was cut short for a whole one


def classes(error: BaseException | None) -> Iterator[str]:
    while error is not None:
        yield f"{type(error).__module__}.{type(error).__qualname__}"
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize("manner", MANNERS)
@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_fails_through_the_link_as_without_it(client: str, manner: str, roads: Roads):
    call, protocol = CLIENTS[client]
    patience = NOT_AWAITED if manner == "slow answer" else AWAITED
    with behaving(MANNERS[manner]) as target:
        without = outcome(call, target, patience)
        with roads.to(("127.0.0.1", target), protocol) as road:
            if MANNERS[manner] is None:
                road.outage()
            through = outcome(call, road.port, patience)
    assert through == without


def test_the_causes_tell_the_manners_apart():
    """Without this the table could be green because all that a client raises looks the same."""
    seen = {}
    for name, manner in MANNERS.items():
        with behaving(manner) as target:
            seen[name] = outcome(with_urllib3, target, NOT_AWAITED if name == "slow answer" else AWAITED)[-1]
    assert seen == {
        "closed port": "builtins.ConnectionRefusedError",
        "reset": "builtins.ConnectionResetError",
        "end": "http.client.RemoteDisconnected",
        "half answer": "http.client.IncompleteRead",
        "half head": "http.client.BadStatusLine",
        "slow answer": "builtins.TimeoutError",
    }


@pytest.mark.parametrize("client", CLIENTS)
def test_an_outage_cuts_what_is_open_and_refuses_until_it_ends(client: str, roads: Roads):
    call, protocol = CLIENTS[client]
    closed = outcome(call, free_port())
    with behaving(is_silent) as target, roads.to(("127.0.0.1", target), protocol) as road:
        before = outcome(call, road.port, NOT_AWAITED)
        cut = received_in_an_outage(road)
        during = outcome(call, road.port)
        road.over()
        after = outcome(call, road.port, NOT_AWAITED)
        seen = road.seen()
    assert cut == b""
    assert during == closed
    assert before == after == outcome_of_silence(call)
    assert {("near", "opened"), ("far", "opened"), ("near", "closed"), ("far", "closed")} <= seen


def outcome_of_silence(call: Client) -> list[str]:
    with behaving(is_silent) as target:
        return outcome(call, target, NOT_AWAITED)


def received_in_an_outage(road: Road) -> bytes:
    """Return what an open connection receives when its link goes down; the empty text is its end."""
    opened = road.opened()
    with socket.create_connection(("127.0.0.1", road.port), timeout=60) as connection:
        eventually(lambda: road.opened() > opened, awaited="the connection at the far tap", within=60)
        road.outage()
        return connection.recv(1)
