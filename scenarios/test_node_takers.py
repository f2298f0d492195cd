"""Node, today: two libraries that do what nobody wrote, and say nothing.

From version 14 on, sqs-consumer deletes a message only if its handler returns it. A handler of before, which returns nothing,
does its work, and does it again whenever the message is visible again; nothing is logged (L-05). amqplib does not reconnect:
whoever handles its 'error' event, so as not to crash, has a process with nothing left to wait for. It ends with 0, which looks
like success to a supervisor that restarts what failed (L-10). And its nack() requeues at once and for ever (S2-09).

The numbers are those of production; the clock of brokers and services runs 20 times faster.
"""

import pytest

from harness import History, Sandbox, Service, require
from harness.checks import accounted, effected_once, paced, recovered, survived
from harness.faults import reset, status

scenario = pytest.mark.scenario
POLLER, TAKER = Service.named("sqs-poller"), Service.named("job-taker")


def three_jobs(sandbox: Sandbox, poller: Service) -> History:
    work = sandbox.http("work", key="/id")
    jobs = sandbox.aws.queue("jobs", key="/id", effect=work, visibility_timeout=30)
    sandbox.start(poller, uses={"AWS_ENDPOINT_URL": sandbox.aws, "QUEUE_URL": jobs, "WORK_URL": work})
    jobs.publish({"id": n} for n in (1, 2, 3))
    return sandbox.drain(within=100)  # what is done again and again is never over


@scenario("L-05", "as it was", speed=20)
def test_what_the_handler_does_not_return_is_done_again(sandbox: Sandbox):
    history = three_jobs(sandbox, POLLER["sqs-consumer 15.0.3", "returns nothing"])
    require(effected_once(history).broken_as("duplicated_by_expiry"))


@scenario("L-05", "as fixed", speed=20)
@pytest.mark.parametrize(
    "poller",
    [POLLER["sqs-consumer 13.0.0", "returns nothing"], POLLER["sqs-consumer 15.0.3", "returns the message"]],
    ids=["13, which asks for nothing", "15, and the message returned"],
)
def test_what_is_returned_is_done_once(sandbox: Sandbox, poller: Service):
    history = three_jobs(sandbox, poller)
    require(accounted(history), effected_once(history))


def connection_reset(sandbox: Sandbox, taker: Service) -> History:
    """Five jobs, and a reset of the connection when the third is handed out."""
    work = sandbox.http("work", key="/id")
    jobs = sandbox.rabbitmq.queue("jobs", key="/id", effect=work)
    service = sandbox.start(taker, uses={"AMQP_URL": sandbox.rabbitmq, "WORK_URL": work})
    sandbox.inject(reset(service.link(jobs), begins=jobs.delivered(3)))
    jobs.publish({"id": n} for n in range(1, 6))
    return sandbox.drain()


@scenario("L-10", "as it was", speed=20)
def test_a_lost_connection_ends_it_as_if_all_were_well(sandbox: Sandbox):
    history = connection_reset(sandbox, TAKER["handlers that log"])
    require(survived(history).broken_as("exited"), recovered(history, within=60).broken_as("never"))


@scenario("L-10", "as fixed", speed=20)
def test_who_reconnects_does_the_rest(sandbox: Sandbox):
    history = connection_reset(sandbox, TAKER["reconnects"])
    require(survived(history), accounted(history), recovered(history, within=60))


def work_is_away(sandbox: Sandbox, taker: Service, *, jobs: int) -> History:
    """For half a minute the work is answered with 503; what is rejected waits in a queue of its own for 10 s."""
    work = sandbox.http("work", key="/id")
    queue = sandbox.rabbitmq.queue("jobs", key="/id", effect=work, dead_letter="jobs.retry")
    sandbox.rabbitmq.queue("jobs.retry", key="/id", role="retry", ttl=10, dead_letter="jobs")
    service = sandbox.start(taker, uses={"AMQP_URL": sandbox.rabbitmq, "WORK_URL": work})
    sandbox.inject(status(service.link(work), 503, lasts=30))
    queue.publish({"id": n} for n in range(1, jobs + 1))
    return sandbox.drain()


@scenario("S2-09", "as it was", speed=20)
def test_nack_is_a_hot_loop(sandbox: Sandbox):
    history = work_is_away(sandbox, TAKER["requeues"], jobs=1)  # several take turns, and each waits for the others
    require(paced(history).broken_as("hot_loop"))


@scenario("S2-09", "as fixed", speed=20)
def test_what_waits_before_it_is_tried_again_is_paced(sandbox: Sandbox):
    history = work_is_away(sandbox, TAKER["rejects"], jobs=5)
    require(accounted(history), paced(history), effected_once(history))
