"""A placement that TCS never takes, given back each time: which broker, queue and verb put an end to it (L-19).

A consumer that gives a failed message back, with basic.nack as users of pika do or with basic.reject as aio-pika's `process`
does, relies on the broker to count. A classic queue never does. A quorum queue counts deliveries up to a limit, which 3.10 has
only if it is declared, and which is 20 from 4.0 on; at one delivery more the message goes to the dead-letter exchange. From 4.3
on a nack is no failed delivery any more: after an upgrade of the broker the same consumer, on the same queue, goes round for
ever, where one that rejects is stopped as before.

The rows are the broker's series: a run tells that of its own broker, and `make nightly` all.
"""

import pytest

from harness import Sandbox, Service, require
from harness.checks import parked
from harness.faults import status

SERIES = {"3.10": ">=3.10,<3.11", "4.0": ">=4.0,<4.1", "4.3": ">=4.3,<4.4"}
LIMITS = {"classic": None, "quorum": None, "quorum limit 5": 5}
"""The limit that each queue is declared with."""
DEFAULT = 20
"""The limit of quorum queues from 4.0 on."""
VERBS = {
    "nack": Service.named("esr-writer")["pika 1.4.4", "requeued at once"],
    "reject": Service.named("esr-writer")["aio-pika 10.2.1", "requeued at once"],
}
COUNTED = {
    *(("3.10", "quorum limit 5", verb) for verb in VERBS),
    *(("4.0", queue, verb) for queue in ("quorum", "quorum limit 5") for verb in VERBS),
    *(("4.3", queue, "reject") for queue in ("quorum", "quorum limit 5")),
}
"""The agreed table: where the message is put aside. Everywhere else it goes round for ever."""

EACH_SERIES = [pytest.param(one, marks=pytest.mark.scenario("L-19", rabbitmq=versions)) for one, versions in SERIES.items()]


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("queue", LIMITS)
@pytest.mark.parametrize("series", EACH_SERIES)
def test_every_series_queue_and_verb(sandbox: Sandbox, series: str, queue: str, verb: str):
    limit = LIMITS[queue]
    tcs = sandbox.http("tcs", key="/placementId")
    exported = sandbox.rabbitmq.queue(
        "placement-exported",
        key="/placementId",
        effect=tcs,
        kind=queue.partition(" ")[0],
        delivery_limit=limit,
        dead_letter="placement-exported.dlq",
    )
    service = sandbox.start(VERBS[verb], uses={"AMQP_URL": sandbox.rabbitmq, "TCS_URL": tcs})
    sandbox.inject(status(service.link(tcs), 422))
    exported.publish([{"placementId": 7}], ends="dead-lettered")
    sandbox.until(exported.delivered(5 * DEFAULT) | exported.dead_lettered())
    history = sandbox.drain(within=30, quiet=1)
    label = None if (series, queue, verb) in COUNTED else "redelivered_for_ever"
    require(parked(history, attempts=1 + (limit or DEFAULT)).broken_as(label))
