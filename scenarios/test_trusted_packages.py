"""Spring AMQP, today: a patch release of the library brings every message back thousands of times a second (L-15).

A listener that is a class with a method for each kind of event finds the method by the header __TypeId__, in which the producer's
library writes the class it sent. Up to 3.2.9 the converter trusted any package; from 3.2.11 on it trusts but a few, and says so
with an exception that the container takes for one that will pass: the message is requeued at once, past the dead-letter exchange,
where a class that does not exist was rejected before. Nothing is wrong with the message, and the class is the consumer's own.

The numbers are those of production; the clock of brokers and services runs 20 times faster.
"""

import pytest

from harness import History, Sandbox, Service, require
from harness.checks import accounted, effected_once, paced

scenario = pytest.mark.scenario
WRITER = Service.named("esr-data-writer")["class-level"]


def one_message_with_its_type(sandbox: Sandbox, writer: Service) -> History:
    tcs = sandbox.http("tcs", key="/placementId")
    exported = sandbox.rabbitmq.queue("placement-exported", key="/placementId", effect=tcs, dead_letter="placement-exported.dlq")
    sandbox.start(writer, uses={"AMQP_URL": sandbox.rabbitmq, "TCS_URL": tcs})
    exported.publish([{"placementId": 1}], attributes={"__TypeId__": "esr.PlacementExported"})
    return sandbox.drain()


@scenario("L-15", "as it was", speed=20)
@pytest.mark.parametrize("version", ["Boot 3.5", "Boot 4.1"])
def test_a_patch_release_trusts_nobody(sandbox: Sandbox, version: str):
    history = one_message_with_its_type(sandbox, WRITER[version])
    require(paced(history).broken_as("hot_loop"))


@scenario("L-15", "as fixed", speed=20)
@pytest.mark.parametrize(
    "writer",
    [WRITER["Boot 3.5, Spring AMQP 3.2.9"], WRITER["Boot 3.5", "trusts its own package"]],
    ids=["the patch before", "package named"],
)
def test_its_own_class_is_trusted(sandbox: Sandbox, writer: Service):
    history = one_message_with_its_type(sandbox, writer)
    require(accounted(history), effected_once(history))
