"""The services in Node that scenarios are told with do in a sandbox what they were seen to do by hand."""

import pytest

from harness import History, Sandbox, Service
from harness.checks import accounted, effected_once
from harness.faults import reset
from harness.model import Moment
from harness.sandbox.instances import Instance
from tests.sandboxes import Tell

POLLER, TAKER = Service.named("sqs-poller"), Service.named("job-taker")


def polled(sandbox: Sandbox, poller: Service) -> History:
    work = sandbox.http("work", key="/id")
    jobs = sandbox.aws.queue("jobs", key="/id", effect=work, visibility_timeout=2)
    uses = {"AWS_ENDPOINT_URL": sandbox.aws, "QUEUE_URL": jobs, "WORK_URL": work}
    sandbox.start(poller, uses=uses, environment={"POLL_SECONDS": "1"})
    jobs.publish([{"id": 1}])
    return sandbox.drain(within=12)


@pytest.mark.parametrize(
    ("version", "variant", "conclusion", "label"),
    [
        ("sqs-consumer 13.0.0", "returns nothing", "kept", ""),
        ("sqs-consumer 15.0.3", "returns nothing", "broken", "duplicated_by_expiry"),
        ("sqs-consumer 15.0.3", "returns the message", "kept", ""),
    ],
)
def test_what_the_handler_returns_decides_whether_a_message_is_deleted(
    tell: Tell, version: str, variant: str, conclusion: str, label: str
):
    with tell("") as sandbox:
        verdict = effected_once(polled(sandbox, POLLER[version, variant]))
        found = (verdict.conclusion, verdict.label)

    assert found == (conclusion, label)


def taken(sandbox: Sandbox, taker: Service) -> tuple[Instance, Moment]:
    """Five jobs for a taker that loses its connection at the third; also the moment at which it has ended."""
    work = sandbox.http("work", key="/id")
    jobs = sandbox.rabbitmq.queue("jobs", key="/id", effect=work)
    started = sandbox.start(taker, uses={"AMQP_URL": sandbox.rabbitmq, "WORK_URL": work})
    sandbox.inject(reset(started.link(jobs), begins=jobs.delivered(3)))
    jobs.publish({"id": number} for number in range(1, 6))
    return started, started.exited()


@pytest.mark.parametrize(("variant", "status"), [("without handlers", 1), ("handlers that log", 0)])
def test_a_lost_connection_ends_a_taker_that_does_not_reconnect(tell: Tell, variant: str, status: int):
    """With handlers it ends as if all were well: nothing keeps Node's event loop alive."""
    with tell("") as sandbox:
        taker, ended = taken(sandbox, TAKER[variant])
        sandbox.until(ended)
        found = taker.exit_of_its_own

    assert found == status


def test_a_taker_that_reconnects_does_the_rest(tell: Tell):
    with tell("") as sandbox:
        taken(sandbox, TAKER["reconnects"])
        found = accounted(sandbox.drain()).conclusion

    assert found == "kept"
