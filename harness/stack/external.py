"""A stack that somebody else keeps running: its addresses from the environment, asked before they are believed."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar
from urllib.parse import unquote, urlsplit

from harness.address import Address
from harness.errors import StackError
from harness.stack import probe
from harness.stack.model import LOCALSTACK, MANAGEMENT, RABBITMQ, TOXIPROXY, Stack
from harness.stack.probe import NoAnswerError

EXAMPLES = {
    LOCALSTACK: "127.0.0.1:4566",
    RABBITMQ: "amqp://guest:guest@127.0.0.1:5672",
    MANAGEMENT: "127.0.0.1:15672",
    TOXIPROXY: "127.0.0.1:8474",
}
AMQP_PORT = 5672
T = TypeVar("T")


def attach(environ: Mapping[str, str]) -> Stack:
    """Return the stack the four variables name; raises StackError where one is missing, means nothing, or leads nowhere."""
    missing = [f"{name} (such as {example})" for name, example in EXAMPLES.items() if not environ.get(name)]
    if missing:
        message = f"an external stack needs its addresses: set {', '.join(missing)}; or let the harness start its own stack"
        raise StackError(message)
    rabbitmq, user, password = _broker(environ[RABBITMQ])
    stack = Stack(
        kind="external",
        localstack=_address(LOCALSTACK, environ[LOCALSTACK]),
        rabbitmq=rabbitmq,
        management=_address(MANAGEMENT, environ[MANAGEMENT]),
        toxiproxy=_address(TOXIPROXY, environ[TOXIPROXY]),
        user=user,
        password=password,
        versions={},
    )
    return replace(stack, versions=answering(stack), toxiproxy_kind=probe.toxiproxy_kind(stack.toxiproxy))


def answering(stack: Stack) -> dict[str, str]:
    """Ask each server and return the versions; raises StackError naming the first that does not answer as it should."""
    _asked("RabbitMQ", RABBITMQ, stack.rabbitmq, lambda: probe.amqp(stack.rabbitmq))
    management = "RabbitMQ's management"
    asked = stack.management, stack.user, stack.password
    found = {
        "localstack": _asked("LocalStack", LOCALSTACK, stack.localstack, lambda: probe.localstack(stack.localstack)),
        "rabbitmq": _asked(management, MANAGEMENT, stack.management, lambda: probe.management(*asked)),
        "toxiproxy": _asked("Toxiproxy", TOXIPROXY, stack.toxiproxy, lambda: probe.toxiproxy(stack.toxiproxy)),
    }
    _asked(management, MANAGEMENT, stack.management, lambda: probe.administrator(*asked))
    return found


def _asked(server: str, variable: str, address: Address, ask: Callable[[], T]) -> T:
    try:
        return ask()
    except NoAnswerError as error:
        mend = f"; let {RABBITMQ} name an administrator" if "user" in str(error) else ""
        message = f"{server} at {address} ({variable}) {error}{mend}"
        raise StackError(message) from error


def _address(variable: str, text: str) -> Address:
    try:
        return Address.parse(text.removeprefix("http://").rstrip("/"))
    except ValueError as error:
        message = f"{variable}: {error}, such as {EXAMPLES[variable]}"
        raise StackError(message) from error


def _broker(text: str) -> tuple[Address, str, str]:
    """Read amqp://user:password@host:port; a vhost in it is not used, each sandbox makes its own."""
    message = f"{RABBITMQ}={text} is not the address of a broker, such as {EXAMPLES[RABBITMQ]} (amqps is not spoken)"
    try:
        url = urlsplit(text)
        host, port = url.hostname, url.port or AMQP_PORT
    except ValueError as error:
        raise StackError(message) from error
    if url.scheme != "amqp" or not host:
        raise StackError(message)
    return Address(host, port), unquote(url.username or "guest"), unquote(url.password or "guest")
