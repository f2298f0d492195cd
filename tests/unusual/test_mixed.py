"""A thousand messages and all faults at once, on each broker: every message is accounted for, every delivery explained."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path

import pytest

from harness.faults import answer_lost, duplicate, held, kill, latency, outage, reordered, request_lost, reset, shortened, sliced
from harness.faults.status import status
from harness.model import Fault, Link
from harness.sandbox.instances import Instance
from harness.sandbox.queues import Queue
from harness.sandbox.resources import Http
from harness.sandbox.sandbox import Sandbox
from tests.labels.worlds import Found
from tests.sandboxes import Tell
from tests.unusual.worlds import program

MESSAGES = 1_000
MOST = 14
"""Faults that bite at least: those that last meet something only where something is under way just then."""


def around_tcs(link: Link, tcs: Http) -> list[Fault]:
    """Return everything that can happen between a service and TCS."""
    return [
        *(make(link, on="PUT", times=15) for make in (answer_lost, request_lost, duplicate)),
        status(link, 503, on="PUT", times=15),
        latency(link, 0.05, on="PUT", times=15),
        outage(link, begins=tcs.requested(250), lasts=0.5),
    ]


def around_rabbit(link: Link, first: Queue) -> list[Fault]:
    """Return everything that can happen between a service and RabbitMQ."""
    given = "Basic.Deliver"
    return [
        duplicate(link, on=given, times=10),
        latency(link, 0.05, on=given, times=10),
        answer_lost(link, on=given, times=4),
        request_lost(link, on="Basic.Ack", times=6),
        held(link, on=given, times=10, begins=first.delivered(30), lasts=0.5),
        reordered(link, on=given, times=10, begins=first.delivered(40), lasts=0.5),
        sliced(link, 10, begins=first.delivered(10), lasts=1.5),
        outage(link, begins=first.delivered(80), lasts=0.5),
        reset(link, begins=first.delivered(100)),
    ]


def around_sqs(link: Link, first: Queue) -> list[Fault]:
    """Return everything that can happen between a service and SQS."""
    receive = "ReceiveMessage"
    return [
        *(make(link, on=receive, times=3) for make in (duplicate, answer_lost, request_lost)),
        *(make(link, on="DeleteMessageBatch", times=3) for make in (answer_lost, request_lost)),
        latency(link, 0.1, on=receive, times=3),
        status(link, 503, on=receive, times=3),
        shortened(link, 0, on=receive, times=3),
        reordered(link, on=receive, times=3, begins=first.delivered(300), lasts=0.5),
        outage(link, begins=first.delivered(400), lasts=0.5),
        reset(link, begins=first.delivered(500)),
    ]


def on_rabbit(sandbox: Sandbox, folder: Path) -> None:
    tcs = sandbox.http("tcs", key="path ~ /jobs/(.+)")
    queue = partial(sandbox.rabbitmq.queue, key="/id", effect=tcs)
    queues = [queue(name) for name in ("outbox", "delay", "republish", "sleeper", "prefetch", "late", "reapply")]
    sandbox.rabbitmq.queue("delay.later", key="/id", ttl=1, dead_letter="delay")
    sandbox.rabbitmq.queue("transaction", key="/id")
    uses = {"AMQP_URL": sandbox.rabbitmq, "TCS_URL": tcs}
    service = sandbox.start(program("rabbit"), uses=uses, environment={"OUTBOX": str(folder)})
    happen(
        sandbox,
        service,
        queues,
        [*around_tcs(service.link(tcs), tcs), *around_rabbit(service.link(sandbox.rabbitmq), queues[3])],
    )


def on_sqs(sandbox: Sandbox, folder: Path) -> None:
    del folder
    tcs = sandbox.http("tcs", key="path ~ /jobs/(.+)")
    batch = sandbox.aws.queue("batch", key="/id", effect=tcs, visibility_timeout=2)
    sandbox.aws.queue("heartbeat", key="/id")
    uses = {"AWS_ENDPOINT_URL": sandbox.aws, "QUEUE_URL": batch, "TCS_URL": tcs}
    service = sandbox.start(program("sqs"), uses=uses)
    happen(sandbox, service, [batch], chain(around_tcs(service.link(tcs), tcs), around_sqs(service.link(sandbox.aws), batch)))


def happen(sandbox: Sandbox, service: Instance, queues: Sequence[Queue], faults: Iterable[Fault]) -> None:
    """Have all of it happen, and the service killed in the middle."""
    sandbox.inject(*faults, kill(service, begins=queues[-1].delivered(100)))
    each = MESSAGES // len(queues)
    for queue in queues:
        queue.publish({"id": f"{queue.thing_name}-{number}"} for number in range(each))
    queues[0].publish({"id": f"more-{number}"} for number in range(MESSAGES - each * len(queues)))
    sandbox.until(service.exited())
    service.restart()


WORLDS: Mapping[str, Callable[[Sandbox, Path], None]] = {"RabbitMQ": on_rabbit, "SQS": on_sqs}


@pytest.mark.parametrize("broker", WORLDS)
def test_every_message_is_accounted_for_and_every_delivery_explained(tell: Tell, tmp_path: Path, broker: str):
    with tell("") as sandbox:
        WORLDS[broker](sandbox, tmp_path)
        found = Found(sandbox.drain(within=300))
    ledger = found.ledger
    causes = sum((Counter(one) for one in found.causes.values()), Counter[str]())

    assert (ledger.drained, ledger.drained_reason if not ledger.drained else "") == (True, "")
    assert sum(one.bites > 0 for one in ledger.world.faults.values()) >= MOST
    assert found.labels == {"accounted": {}, "effected_once": {}}
    assert ledger.finished() + sum(1 for _ in ledger.rest()) == MESSAGES
    assert "unexplained" not in causes
    assert len(causes) >= 4
