"""The job taker in Python does in a sandbox what it was seen to do by hand when its connection was lost."""

import pytest

from harness import History, Instance, Sandbox, Service
from harness.checks import accounted, survived
from harness.faults import reset
from tests.sandboxes import Tell

TAKER = Service.named("job-taker")
each_library = pytest.mark.parametrize("taker", [TAKER["pika 1.4.4"], TAKER["aio-pika 10.2.1"]], ids=["pika", "aio-pika"])


def reset_at_the_third(sandbox: Sandbox, taker: Service) -> tuple[Instance, History]:
    work = sandbox.http("work", key="/id")
    jobs = sandbox.rabbitmq.queue("jobs", key="/id", effect=work)
    started = sandbox.start(taker, uses={"AMQP_URL": sandbox.rabbitmq, "WORK_URL": work})
    sandbox.inject(reset(started.link(jobs), begins=jobs.delivered(3)))
    jobs.publish({"id": number} for number in range(1, 6))
    return started, sandbox.drain()


@each_library
def test_a_taker_that_only_logs_lives_on_and_takes_nothing(tell: Tell, taker: Service):
    with tell("") as sandbox:
        started, history = reset_at_the_third(sandbox, taker["handlers that log"])
        found = (accounted(history).conclusion, survived(history).conclusion, started.exit_of_its_own)

    assert found == ("broken", "kept", None)


@each_library
def test_a_taker_that_reconnects_does_the_rest(tell: Tell, taker: Service):
    with tell("") as sandbox:
        _, history = reset_at_the_third(sandbox, taker["reconnects"])
        found = accounted(history).conclusion

    assert found == "kept"
