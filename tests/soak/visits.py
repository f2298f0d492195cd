"""Visitors of a world: each sends one message on a connection of its own, again and again until it is confirmed."""

import http.client
import json
import socket
import struct
from collections.abc import Callable
from contextlib import closing, suppress
from typing import NamedTuple

import pika
from pika.exceptions import AMQPError

from harness.clock import eventually
from harness.services.parts import REGION, Parts

PATIENCE = 5.0
RESET = struct.pack("ii", 1, 0)


class Road(NamedTuple):
    """Where a visitor goes: the address of a broker on the visitors' link, and the queue's name or URL."""

    broker: Parts
    queue: str


def job(road: Road, key: str) -> bool:
    """Publish to RabbitMQ with a confirm, and close; False where it is not known to be there."""
    parameters = pika.URLParameters(road.broker.value)
    parameters.heartbeat, parameters.socket_timeout, parameters.blocked_connection_timeout = 4, PATIENCE, PATIENCE
    is_there = False
    with suppress(AMQPError, OSError):
        connection = pika.BlockingConnection(parameters)
        try:
            channel = connection.channel()
            channel.confirm_delivery()
            channel.basic_publish("", road.queue, _body(key), mandatory=True)
            is_there = True
        finally:
            with suppress(AMQPError):  # it is closed already
                connection.close()
    return is_there


def mail(road: Road, key: str) -> bool:
    """Send to SQS, and close; False where it is not known to be there."""
    scope = f"{road.broker.account}/20260101/{REGION}/sqs/aws4_request"
    headers = {
        "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": "AmazonSQS.SendMessage",
    }
    is_there = False
    connection = http.client.HTTPConnection("127.0.0.1", road.broker.port, timeout=PATIENCE)
    with suppress(OSError, http.client.HTTPException), closing(connection):
        connection.request("POST", "/", json.dumps({"QueueUrl": road.queue, "MessageBody": _body(key).decode()}), headers)
        is_there = connection.getresponse().status == http.client.OK
    return is_there


def strange(port: int | None) -> None:
    """Come and go without a word, once orderly and once by a reset."""
    for rst in (False, True):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port or 0), timeout=PATIENCE) as one:
            if rst:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


def until_confirmed(visit: Callable[[Road, str], bool], road: Road, key: str) -> str:
    """Send one message until it is confirmed; return its key. Raises TimedOutError where that takes longer than any fault."""
    eventually(lambda: visit(road, key), awaited=f"{key} is confirmed", within=60, every=0.1)
    return key


def _body(key: str) -> bytes:
    return json.dumps({"id": key, "padding": "x" * (int(key.rpartition("-")[2]) % 7 * 300)}).encode()
