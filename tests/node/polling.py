"""A consumer of SQS in Node for the tests of timers."""

from harness import Sandbox, Service
from harness.faults import status
from harness.sandbox.instances import Instance
from harness.sandbox.queues import Queue
from tests.timers.consumers import KEY, started, to_work

POLLER = Service.named("sqs-poller")


def sqs_consumer(sandbox: Sandbox, queue: Queue) -> Instance:
    """Start one whose work fails each time."""
    work = sandbox.http(to_work(queue.thing_name).thing, key=KEY)
    uses = {"AWS_ENDPOINT_URL": sandbox.aws, "QUEUE_URL": queue, "WORK_URL": work}
    instance = started(sandbox, POLLER, queue, uses, {})
    sandbox.inject(status(to_work(queue.thing_name), 503))
    return instance
