"""Celery on SQS, today: three releases that turn a small thing into a loss, and say nothing of it or nothing more.

kombu 5.3.3 asks SQS in XML for what botocore from 1.31.81 on reads as JSON: a worker with that pair receives tasks and sees none
(L-01). kombu 5.7.0 makes an error of a list of what one failed ReceiveMessage answered, and its worker never asks again (L-02);
it ends as a rule, but where the error comes to light in a timer of its loop it is logged only, and the worker lives on. What it
rejects, a task that is not registered or no task at all, it deletes, unless the queue has a dead-letter queue (L-03).

The numbers are those of production; the clock of brokers and services runs 20 times faster.
"""

import pytest

from harness import History, Sandbox, Service, require
from harness.checks import accounted, effected_once, parked, recovered, signalled, survived
from harness.faults import answer_lost

scenario = pytest.mark.scenario
NOTIFY = Service.named("notify-worker")["solo"]


def texts(first: int, last: int) -> list[dict[str, object]]:
    return [{"task": "deliver_sms", "args": [f"N{n}"]} for n in range(first, last + 1)]


def three_texts(sandbox: Sandbox, worker: Service) -> History:
    mmg, sentry = sandbox.http("mmg", key="/reference"), sandbox.alarms("sentry")
    tasks = sandbox.aws.queue("send-sms-tasks", key="/args/0", effect=mmg, visibility_timeout=30)
    sandbox.aws.queue("retry-tasks", key="/args/0", role="retry")
    sandbox.start(worker, uses={"AWS_ENDPOINT_URL": sandbox.aws, "MMG_URL": mmg, "SENTRY_DSN": sentry})
    tasks.publish(texts(1, 3), like="celery-5.3.4")
    return sandbox.drain()


@scenario("L-01", "as it was", speed=20)
def test_whatever_is_received_is_dropped(sandbox: Sandbox):
    history = three_texts(sandbox, NOTIFY["kombu 5.3.3, botocore 1.31.85"])
    require(accounted(history).broken_as("stuck"), signalled(history, within=60).broken_as("silent"), survived(history))


@scenario("L-01", "as fixed", speed=20)
@pytest.mark.parametrize("version", ["kombu 5.3.3, botocore 1.31.80", "kombu 5.6.2"])
def test_a_pair_that_speaks_one_language(sandbox: Sandbox, version: str):
    history = three_texts(sandbox, NOTIFY[version])
    require(accounted(history), effected_once(history))


def one_failed_receive(sandbox: Sandbox, worker: Service) -> History:
    """Lose the receive of the first text in a load balancer, which answers with 503; 30 s later the text is visible again."""
    mmg = sandbox.http("mmg", key="/reference")
    tasks = sandbox.aws.queue("send-sms-tasks", key="/args/0", effect=mmg, visibility_timeout=30)
    sandbox.aws.queue("retry-tasks", key="/args/0", role="retry")
    service = sandbox.start(worker, uses={"AWS_ENDPOINT_URL": sandbox.aws, "MMG_URL": mmg})
    sandbox.inject(answer_lost(service.link(sandbox.aws), on="ReceiveMessage", status=503, times=1))
    tasks.publish(texts(1, 3), like="celery-5.6.2")
    return sandbox.drain()


@scenario("L-02", "as it was", speed=20)
def test_one_failed_receive_is_the_last(sandbox: Sandbox):
    history = one_failed_receive(sandbox, NOTIFY["kombu 5.7.0"])
    require(recovered(history, within=60).broken_as("never"))


@scenario("L-02", "as fixed", speed=20)
def test_one_failed_receive_is_nothing(sandbox: Sandbox):
    history = one_failed_receive(sandbox, NOTIFY["kombu 5.6.2"])
    require(survived(history), accounted(history), effected_once(history), recovered(history, within=60))


STRANGE = [({"task": "deliver_mms", "args": ["N2"]}, "celery-5.7.0"), ({"args": ["N2"], "channel": "mms"}, None)]
strange = pytest.mark.parametrize(("body", "like"), STRANGE, ids=["unknown task", "foreign JSON"])


def a_strange_one(sandbox: Sandbox, body: dict[str, object], like: str | None, *, dead_letter: str | None) -> History:
    """Between two texts comes what this worker cannot know."""
    mmg = sandbox.http("mmg", key="/reference")
    tasks = sandbox.aws.queue(
        "send-sms-tasks", key="/args/0", effect=mmg, visibility_timeout=30, dead_letter=dead_letter, max_receive_count=2
    )
    sandbox.aws.queue("retry-tasks", key="/args/0", role="retry")
    sandbox.start(NOTIFY["kombu 5.7.0"], uses={"AWS_ENDPOINT_URL": sandbox.aws, "MMG_URL": mmg})
    tasks.publish(texts(1, 1), like="celery-5.7.0")
    tasks.publish([body], like=like)
    tasks.publish(texts(3, 3), like="celery-5.7.0")
    return sandbox.drain()


@scenario("L-03", "as it was", speed=20)
@strange
def test_what_is_rejected_is_deleted(sandbox: Sandbox, body: dict[str, object], like: str | None):
    history = a_strange_one(sandbox, body, like, dead_letter=None)
    require(accounted(history).broken_as("acked_without_effect", only={"N2"}))


@scenario("L-03", "as fixed", speed=20)
@strange
def test_with_a_dead_letter_queue_it_is_kept(sandbox: Sandbox, body: dict[str, object], like: str | None):
    history = a_strange_one(sandbox, body, like, dead_letter="send-sms-tasks-dlq")
    require(accounted(history), parked(history, attempts=2))
