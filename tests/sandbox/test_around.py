"""Traffic that goes around a link is noticed, and nothing is said to be kept that was not seen: real services on both brokers."""

import sys
from pathlib import Path

import pytest

from harness.checks import accounted
from harness.errors import StartError
from harness.history import History
from harness.sandbox.sandbox import Sandbox
from harness.services.service import Service

PROGRAM = Path(__file__).parents[2] / "fixtures" / "programs" / "around.py"


def told(sandbox: Sandbox, broker: str, **environment: str) -> History:
    tcs = sandbox.http("tcs", key="/id")
    declare = sandbox.rabbitmq.queue if broker == "amqp" else sandbox.aws.queue
    given = {name: declare(name, key="/id", effect=tcs) for name in ("jobs", "beside")}
    uses = {"AMQP_URL": sandbox.rabbitmq} if broker == "amqp" else {"AWS_ENDPOINT_URL": sandbox.aws, "QUEUE_URL": given["jobs"]}
    service = Service("around", command=[sys.executable, str(PROGRAM), broker])
    sandbox.start(service, uses={**uses, "TCS_URL": tcs}, environment=environment)
    for name, queue in given.items():
        queue.publish({"id": f"{name}-{number}"} for number in range(3))
    return sandbox.drain()


def straight(sandbox: Sandbox, broker: str) -> str:
    """Return the address that a service is not to know."""
    stack = sandbox._context.stack  # noqa: SLF001
    if broker == "sqs":
        return str(stack.localstack)
    return f"amqp://{stack.user}:{stack.password}@{stack.rabbitmq}/{sandbox._context.ident}"  # noqa: SLF001


@pytest.mark.parametrize("broker", ["amqp", "sqs"])
def test_who_goes_where_he_was_told_is_judged(sandbox: Sandbox, broker: str):
    assert accounted(told(sandbox, broker)).conclusion == "kept"


@pytest.mark.parametrize(
    ("broker", "told_by"), [("amqp", "is connected straight to RabbitMQ"), ("sqs", "traffic went around a link")]
)
def test_of_who_goes_around_his_link_nothing_is_known(sandbox: Sandbox, broker: str, told_by: str):
    verdict = accounted(told(sandbox, broker, STRAIGHT=straight(sandbox, broker)))

    assert verdict.conclusion == "unknown"
    assert told_by in verdict.sentence


def test_a_service_that_never_comes_over_its_link_is_told_where_it_goes(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("harness.sandbox.instances.READY_WITHIN", 6)
    address = sandbox._context.stack.rabbitmq  # noqa: SLF001
    dials = f"import socket, time; s = socket.create_connection(({address.host!r}, {address.port})); time.sleep(60)"
    sandbox.start(Service("dials", command=[sys.executable, "-c", dials]), uses={"AMQP_URL": sandbox.rabbitmq})

    with pytest.raises(StartError, match=r"(?s)did not get ready in 6 s.*is connected straight to RabbitMQ"):
        sandbox.drain()
