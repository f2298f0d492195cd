"""TIS-ESR: exported placements lost their tick because another service was away for a moment.

The Data Export service tells the Inbound Data Writer by a RabbitMQ queue which placements went to ESR; the writer records each in
TCS by a REST call. One afternoon TCS did not answer for a moment, and the writer treated that like a fault of the message: it
rejected them, a great many at once, into the dead-letter queue (S2-02). With pika and Spring AMQP somebody has to write it so; in
aio-pika it is what `async with message.process()` does with any exception. The first idea for a fix, to requeue at once, would
have asked TCS thousands of times a second (S2-09). What holds is a delayed retry with a budget, after which a message is parked.

The numbers are those of production; the clock of brokers and services runs 20 times faster.
"""

import pytest

from harness import History, Sandbox, Service, require
from harness.checks import accounted, effected_once, nothing_dead_lettered, paced, recovered
from harness.faults import outage

scenario = pytest.mark.scenario
WRITER = Service.named("esr-writer")
AIO_PIKA, SPRING = WRITER["aio-pika 10.2.1"], Service.named("esr-data-writer")
each_writer = pytest.mark.parametrize("writer", [WRITER, AIO_PIKA, SPRING], ids=["pika", "aio-pika", "Spring AMQP"])
either_writer = pytest.mark.parametrize("writer", [WRITER, SPRING], ids=["pika", "Spring AMQP"])


def momentary_outage(
    sandbox: Sandbox, writer: Service, *, placements: int, after: int | None = None, lasts: float | None = 30
) -> History:
    """TCS refuses connections for a while `after` so many answers (default: a fifth); without `lasts` it never does."""
    tcs = sandbox.http("tcs", key="/placementId")
    exported = sandbox.rabbitmq.queue("placement-exported", key="/placementId", effect=tcs, dead_letter="placement-exported.dlq")
    sandbox.rabbitmq.queue("placement-exported.retry", key="/placementId", ttl=10, dead_letter="placement-exported")
    sandbox.rabbitmq.queue("placement-exported.parked", key="/placementId", role="parking")
    service = sandbox.start(writer, uses={"AMQP_URL": sandbox.rabbitmq, "TCS_URL": tcs})
    if lasts is not None:
        sandbox.inject(outage(service.link(tcs), begins=tcs.answered(after or placements // 5), lasts=lasts))
    exported.publish({"placementId": n} for n in range(1, placements + 1))
    return sandbox.drain()


@scenario("S2-01", "baseline", speed=20)
def test_every_exported_placement_is_recorded_once(sandbox: Sandbox):
    history = momentary_outage(sandbox, WRITER["as it was"], placements=50, lasts=None)
    require(accounted(history), effected_once(history), nothing_dead_lettered(history))


@scenario("S2-02", "as it was", speed=20)
@each_writer
def test_a_short_outage_dead_letters_good_messages(sandbox: Sandbox, writer: Service):
    history = momentary_outage(sandbox, writer["as it was"], placements=50)
    require(accounted(history), nothing_dead_lettered(history).broken_as("transient_dead_lettered"))


@scenario("S2-02", "as fixed", speed=20)
@each_writer
def test_a_short_outage_only_delays(sandbox: Sandbox, writer: Service):
    history = momentary_outage(sandbox, writer["as fixed"], placements=50)
    require(accounted(history), nothing_dead_lettered(history), effected_once(history), recovered(history, within=60))


@scenario("S2-09", "as it was", speed=20)
@either_writer
def test_requeueing_at_once_is_a_hot_loop(sandbox: Sandbox, writer: Service):
    # Only one is left when TCS goes away: several take turns, and each waits for the others.
    history = momentary_outage(sandbox, writer["requeued at once"], placements=3, after=2)
    require(paced(history, per_second=1).broken_as("hot_loop"))


@scenario("S2-09", "as fixed", speed=20)
@either_writer
def test_a_delayed_retry_is_paced(sandbox: Sandbox, writer: Service):
    history = momentary_outage(sandbox, writer["as fixed"], placements=10)
    require(accounted(history), paced(history, per_second=1), effected_once(history))
