"""Faults of single messages on AMQP in a whole world: what the judgement makes of a service that does not know of any of it."""

import sys
from pathlib import Path

import pytest

from harness import require
from harness.checks import accounted, effected_once
from harness.faults import duplicate, held
from harness.model import Fault, Link
from harness.sandbox.sandbox import Sandbox
from harness.services.service import Service

PROGRAM = Path(__file__).parents[2] / "fixtures" / "programs" / "worker.py"
WORKER = Service("worker", command=[sys.executable, str(PROGRAM)])
LINK = Link("worker", "rabbitmq")


@pytest.mark.parametrize(
    ("fault", "label"),
    [(duplicate(LINK, on="Basic.Deliver", key="2"), "duplicated"), (held(LINK, key="2", lasts=0.3), None)],
    ids=["twice", "late"],
)
def test_a_message_that_a_fault_changed_is_one_message_to_who_judges(sandbox: Sandbox, fault: Fault, label: str | None) -> None:
    tcs = sandbox.http("tcs", key="/id")
    jobs = sandbox.rabbitmq.queue("jobs", key="/id", effect=tcs)
    sandbox.start(WORKER, uses={"AMQP_URL": sandbox.rabbitmq, "TCS_URL": tcs})
    sandbox.inject(fault)
    jobs.publish({"id": n} for n in range(1, 4))
    history = sandbox.drain(within=20)
    require(accounted(history), effected_once(history).broken_as(label))
