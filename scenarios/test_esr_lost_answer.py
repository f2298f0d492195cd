"""TIS-ESR, the failure that nobody sees: TCS records the export, and its answer is lost on the way.

To the writer this looks as if TCS had been away, so it does what it does then. Rejected, the message is a dead letter of what was
done; brought back, it makes a second row, as TCS keeps no key for exports. Who asks before a repeat does neither (S2-19).

The numbers are those of production; the clock of brokers and services runs 20 times faster.
"""

import pytest

from harness import History, Sandbox, Service, require
from harness.checks import accounted, effected_once
from harness.faults import answer_lost

scenario = pytest.mark.scenario
each_writer = pytest.mark.parametrize(
    "writer", [Service.named("esr-writer"), Service.named("esr-data-writer")], ids=["pika", "Spring AMQP"]
)


def one_answer_is_lost(sandbox: Sandbox, writer: Service) -> History:
    tcs = sandbox.http("tcs", key="/placementId")
    exported = sandbox.rabbitmq.queue("placement-exported", key="/placementId", effect=tcs, dead_letter="placement-exported.dlq")
    sandbox.rabbitmq.queue("placement-exported.retry", key="/placementId", ttl=30, dead_letter="placement-exported")
    sandbox.rabbitmq.queue("placement-exported.parked", key="/placementId", role="parking")
    service = sandbox.start(writer, uses={"AMQP_URL": sandbox.rabbitmq, "TCS_URL": tcs})
    sandbox.inject(answer_lost(service.link(tcs), times=1))
    exported.publish({"placementId": n} for n in (1, 2, 3))
    return sandbox.drain()


@scenario("S2-19", "as it was", speed=20)
@each_writer
def test_what_was_done_is_dead_lettered(sandbox: Sandbox, writer: Service):
    history = one_answer_is_lost(sandbox, writer["as it was"])
    require(accounted(history).broken_as("effected_and_dead_lettered"), effected_once(history))


@scenario("S2-19", "requeued at once", speed=20)
@each_writer
def test_a_repeat_makes_a_second_row(sandbox: Sandbox, writer: Service):
    history = one_answer_is_lost(sandbox, writer["requeued at once"])
    require(accounted(history), effected_once(history).broken_as("duplicated_by_blind_retry"))


@scenario("S2-19", "as fixed", speed=20)
@each_writer
def test_who_asks_first_repeats_nothing(sandbox: Sandbox, writer: Service):
    history = one_answer_is_lost(sandbox, writer["as fixed"])
    require(accounted(history), effected_once(history))
