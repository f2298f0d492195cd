"""A consumer that is alive and deaf: its connection to RabbitMQ is reset once, and it never takes a message again (L-09).

pika's SelectConnection and aio-pika's `connect` tell of a lost connection in a callback, and open no other by themselves. A
program whose callback only logs goes on waiting in its loop: its process lives, whoever looks at the process finds it well, and
its queue has no consumer any more. One that opens another connection, or uses `connect_robust`, is back after a moment.
"""

import pytest

from harness import History, Sandbox, Service, require
from harness.checks import accounted, recovered, survived
from harness.faults import reset

scenario = pytest.mark.scenario
TAKER = Service.named("job-taker")
each_taker = pytest.mark.parametrize("taker", [TAKER["pika 1.4.4"], TAKER["aio-pika 10.2.1"]], ids=["pika", "aio-pika"])


def reset_in_the_middle_of_a_job(sandbox: Sandbox, taker: Service) -> History:
    work = sandbox.http("work", key="/id")
    jobs = sandbox.rabbitmq.queue("jobs", key="/id", effect=work)
    one_at_a_time = {"PREFETCH": "1"}  # aio-pika does side by side what it is handed: all five could be done before the reset
    service = sandbox.start(taker, uses={"AMQP_URL": sandbox.rabbitmq, "WORK_URL": work}, environment=one_at_a_time)
    sandbox.inject(reset(service.link(jobs), begins=work.requested(2)))
    jobs.publish({"id": f"J{n}"} for n in range(1, 6))
    return sandbox.drain()


@scenario("L-09", "as it was", speed=20)
@each_taker
def test_who_only_logs_the_loss_takes_nothing_any_more(sandbox: Sandbox, taker: Service):
    history = reset_in_the_middle_of_a_job(sandbox, taker["handlers that log"])
    require(survived(history), recovered(history, within=30).broken_as("never"))


@scenario("L-09", "as fixed", speed=20)
@each_taker
def test_who_opens_another_connection_does_the_rest(sandbox: Sandbox, taker: Service):
    history = reset_in_the_middle_of_a_job(sandbox, taker["reconnects"])
    require(survived(history), accounted(history), recovered(history, within=30))
