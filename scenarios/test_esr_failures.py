"""TIS-ESR: what becomes of a message whose handler failed depends on how that is said, and none of the usual ways is right.

After the incident the team asked for every other place in the interface that would do the same. What Spring AMQP does had been
written down before: an exception that asks not to be requeued drops the message where the queue has no dead-letter exchange, and
dead-letters it at once where it has one; any other exception brings it back at once and for ever, in both cases (S2-16).

The numbers are those of production; the clock of brokers and services runs 20 times faster.
"""

from collections.abc import Callable

import pytest

from harness import History, Sandbox, Service, Verdict, require
from harness.checks import accounted, classified, effected_once, paced
from harness.faults import status

scenario = pytest.mark.scenario
WRITER = Service.named("esr-data-writer")
DROPPED, DEAD_LETTERED = None, "placement-exported.dlq"
FOUR_CASES = [
    (DROPPED, "as it was", accounted, "dropped"),
    (DROPPED, "requeued at once", paced, "hot_loop"),
    (DEAD_LETTERED, "as it was", classified, "transient_dead_lettered"),
    (DEAD_LETTERED, "requeued at once", paced, "hot_loop"),
]


def one_placement_fails(sandbox: Sandbox, writer: Service, dead_letter: str | None) -> History:
    """Have the first recorded; then TCS answers with 500 for half a minute."""
    tcs = sandbox.http("tcs", key="/placementId")
    exported = sandbox.rabbitmq.queue("placement-exported", key="/placementId", effect=tcs, dead_letter=dead_letter)
    sandbox.rabbitmq.queue("placement-exported.retry", key="/placementId", ttl=30, dead_letter="placement-exported")
    sandbox.rabbitmq.queue("placement-exported.parked", key="/placementId", role="parking")
    service = sandbox.start(writer, uses={"AMQP_URL": sandbox.rabbitmq, "TCS_URL": tcs})
    sandbox.inject(status(service.link(tcs), 500, begins=tcs.answered(), lasts=30))
    exported.publish([{"placementId": 1}, {"placementId": 2}])
    return sandbox.drain()


@scenario("S2-16", "as it was", speed=20)
@pytest.mark.parametrize(("dead_letter", "writer", "check", "label"), FOUR_CASES, ids=["drop", "loop", "dead-letter", "loop-too"])
def test_four_ways_to_mishandle_a_failure(
    sandbox: Sandbox, dead_letter: str | None, writer: str, check: Callable[[History], Verdict], label: str
):
    history = one_placement_fails(sandbox, WRITER[writer], dead_letter)
    require(check(history).broken_as(label))


@scenario("S2-16", "as fixed", speed=20)
@pytest.mark.parametrize("dead_letter", [DROPPED, DEAD_LETTERED], ids=["without", "with"])
def test_what_may_pass_is_tried_again_later(sandbox: Sandbox, dead_letter: str | None):
    history = one_placement_fails(sandbox, WRITER["as fixed"], dead_letter)
    require(accounted(history), classified(history), paced(history), effected_once(history))
