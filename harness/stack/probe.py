"""One question each to LocalStack, RabbitMQ and Toxiproxy: do you answer, in which version? No client library takes part."""

import base64
import http.client
import json
import socket
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from http.client import HTTPMessage
from typing import Any

from harness.address import Address
from harness.clock import utc
from harness.errors import StackError
from harness.stack.model import Stack, ToxiproxyKind
from harness.stack.tempo import shown
from harness.toxiproxy.embedded.api import SERVER

WITHIN = 20.0  # s; every one of these answers takes milliseconds on a server that is up and a machine that is not in use
HEADER = b"AMQP\x00\x00\x09\x01"
METHOD_FRAME = b"\x01"


class NoAnswerError(Exception):
    """Nothing answered, or not what this server would say; the text is the end of the sentence "X at Y ..."."""


def request(
    address: Address,
    method: str,
    path: str,
    *,
    body: object = None,
    headers: Mapping[str, str] | None = None,
    within: float = WITHIN,
) -> tuple[int, bytes]:
    """Make one HTTP request and return status and body; raises NoAnswerError after `within` seconds or without an answer."""
    status, _, answer = _asked(address, method, path, body=body, headers=headers, within=within)
    return status, answer


def _asked(
    address: Address,
    method: str,
    path: str,
    *,
    body: object = None,
    headers: Mapping[str, str] | None = None,
    within: float = WITHIN,
) -> tuple[int, HTTPMessage, bytes]:
    connection = http.client.HTTPConnection(address.host, address.port, timeout=within)
    try:
        sent = None if body is None else json.dumps(body)
        connection.request(method, path, sent, {"Content-Type": "application/json", **(headers or {})})
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    except (OSError, http.client.HTTPException) as error:
        message = f"does not answer: {error!r}"
        raise NoAnswerError(message) from error
    finally:
        connection.close()


def basic(user: str, password: str) -> dict[str, str]:
    """Return the header of HTTP basic authentication."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def localstack(address: Address) -> str:
    """Return LocalStack's version once SQS can be used; raises NoAnswerError until then."""
    health = _object(address, "/_localstack/health", "LocalStack")
    state = health.get("services", {}).get("sqs")
    if state not in ("running", "available"):
        message = f"answers, but its SQS is {state or 'not there'}; it needs SERVICES=sqs,sns,ses,cloudwatch"
        raise NoAnswerError(message)
    return str(health.get("version"))


def toxiproxy(address: Address) -> str:
    """Return the Toxiproxy server's version; raises NoAnswerError."""
    return str(_object(address, "/version", "Toxiproxy").get("version"))


def toxiproxy_kind(address: Address) -> ToxiproxyKind:
    """Return whether it is the original Toxiproxy server or the harness's own; raises NoAnswerError."""
    _, headers, _ = _asked(address, "GET", "/version")
    return "embedded" if headers.get("Server") == SERVER else "server"


def management(address: Address, user: str, password: str) -> str:
    """Return RabbitMQ's version as its management API says it; raises NoAnswerError."""
    overview = _object(address, "/api/overview", "RabbitMQ's management", headers=basic(user, password))
    return str(overview.get("rabbitmq_version"))


def administrator(address: Address, user: str, password: str) -> None:
    """Return where the management API lets this user in, and it may make vhosts; raises NoAnswerError otherwise."""
    who = _object(address, "/api/whoami", "RabbitMQ's management", headers=basic(user, password))
    if "administrator" not in who.get("tags", ()):  # a list, or a text with commas between
        message = f"lets user {user!r} in, but not make the vhost that each sandbox has: it is no administrator"
        raise NoAnswerError(message)


def amqp(address: Address) -> None:
    """Return when a broker answers the AMQP 0-9-1 header with a method frame; raises NoAnswerError otherwise."""
    try:
        with socket.create_connection((address.host, address.port), timeout=WITHIN) as connection:
            connection.sendall(HEADER)
            answer = connection.recv(1)
    except OSError as error:
        message = f"does not answer: {error!r}"
        raise NoAnswerError(message) from error
    if answer != METHOD_FRAME:
        message = "answers, but not in AMQP 0-9-1" if answer else "closes the connection instead of answering in AMQP 0-9-1"
        raise NoAnswerError(message)


def hold_to_clock(stack: Stack) -> None:
    """Raise StackError where a broker of a compressed stack does not have the clock that its services will have."""
    if not stack.clock:
        return
    for server, address in (("LocalStack", stack.localstack), ("RabbitMQ", stack.management)):
        try:
            _, headers, _ = _asked(address, "GET", "/")
        except NoAnswerError as error:
            message = f"{server} at {address} was ready, and {error} when it was asked for its clock; its log may say why"
            raise StackError(message) from error
        real, wanted = utc(), shown(stack.clock)
        seen = parsedate_to_datetime(headers["Date"]) if headers["Date"] else real
        if abs(wanted - seen) > abs(seen - real):
            message = (
                f"time does not pass {stack.speed} times faster in {server} at {address}: it shows {seen:%H:%M:%S}, where"
                f" services will see {wanted:%H:%M:%S}; libfaketime was not loaded there, its log may say why"
            )
            raise StackError(message)


def _object(address: Address, path: str, server: str, *, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    status, body = request(address, "GET", path, headers=headers)
    if status == http.HTTPStatus.UNAUTHORIZED:
        message = "refuses user and password"
        raise NoAnswerError(message)
    try:
        data = json.loads(body)
    except ValueError:
        data = None
    if status != http.HTTPStatus.OK or not isinstance(data, dict):
        message = f"answers, but not as {server} does (GET {path}: status {status})"
        raise NoAnswerError(message)
    return data
