"""Ten consumers that are unusual and right keep both promises under every fault that they can survive, and are judged so.

For each fault there is one world in which all of them meet it at once.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

import pytest

from harness.faults import answer_lost, duplicate, held, kill, latency, outage, reordered, request_lost, reset, sliced, status
from harness.history import History
from harness.model import Fault
from harness.sandbox.instances import Instance
from harness.sandbox.resources import Http
from harness.sandbox.sandbox import Sandbox
from tests.labels.worlds import Found
from tests.sandboxes import Tell
from tests.unusual.worlds import program

RABBIT = ("outbox", "delay", "republish", "sleeper", "prefetch", "late", "reapply", "transaction")
SQS = ("batch", "heartbeat")
MESSAGES = 4


class World:
    """What a fault needs to be put somewhere."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox = sandbox
        self.tcs: Http = sandbox.http("tcs", key="path ~ /jobs/(.+)")
        rabbit = partial(sandbox.rabbitmq.queue, key="/id")
        self.queues = {name: rabbit(name, effect=self.tcs) for name in RABBIT if name != "transaction"}
        rabbit("delay.later", ttl=1, dead_letter="delay")
        self.queues["transaction"] = rabbit("transaction", effect=rabbit("transaction.out"))
        aws = {name: sandbox.aws.queue(name, key="/id", effect=self.tcs, visibility_timeout=1) for name in SQS}
        self.all = {**self.queues, **aws}
        uses = {"AMQP_URL": sandbox.rabbitmq, "TCS_URL": self.tcs}
        self.rabbit = self._start("rabbit", uses, {"OUTBOX": str(folder / "outbox")})
        self.sqs = self._start("sqs", {"AWS_ENDPOINT_URL": sandbox.aws, "QUEUE_URL": aws["batch"], "TCS_URL": self.tcs}, {})

    def _start(self, broker: str, uses: Mapping[str, object], environment: Mapping[str, str]) -> Instance:
        return self.sandbox.start(program(broker), uses=uses, environment=environment)  # type: ignore[arg-type]

    @property
    def services(self) -> tuple[Instance, Instance]:
        return self.rabbit, self.sqs

    def to_tcs(self, make: Callable[..., Fault], **settings: object) -> list[Fault]:
        """Return a fault on the link of each service to TCS."""
        return [make(one.link(self.tcs), **settings) for one in self.services]

    def to_brokers(self, make: Callable[..., Fault], *on: str, **settings: object) -> list[Fault]:
        """Return a fault on the link of each service to its broker; `on` are operations there."""
        links = self.rabbit.link(self.sandbox.rabbitmq), self.sqs.link(self.sandbox.aws)
        ops = [{"on": name} for name in on] or [{}, {}]
        return [make(link, **op, **settings) for link, op in zip(links, ops, strict=True)]


Faults = Callable[[World], Iterable[list[Fault]]]
FAULTS: Mapping[str, Faults] = {
    "TCS is out": lambda w: [w.to_tcs(outage, begins=w.tcs.answered(3), lasts=0.8)],
    "requests and answers are lost, or TCS is busy": lambda w: [
        w.to_tcs(answer_lost, on="PUT", times=3),
        w.to_tcs(request_lost, on="PUT", times=3),
        w.to_tcs(partial(status, code=503), on="PUT", times=3),
    ],
    "TCS is slow, and bytes come in pieces": lambda w: [
        w.to_tcs(partial(latency, seconds=0.3), begins=w.tcs.answered(1), lasts=2.0),
        w.to_brokers(partial(sliced, bytes=7), begins=w.tcs.answered(1), lasts=2.0),
    ],
    "everything comes twice": lambda w: [
        w.to_tcs(duplicate, on="PUT", times=6),
        w.to_brokers(duplicate, "Basic.Deliver", "ReceiveMessage", times=6),
    ],
    "deliveries are held, and change places": lambda w: [
        w.to_brokers(held, "Basic.Deliver", "ReceiveMessage", times=2, begins=w.all["sleeper"].delivered(), lasts=1.0),
        w.to_brokers(reordered, "Basic.Deliver", "ReceiveMessage", times=6, begins=w.all["late"].delivered(), lasts=1.0),
    ],
    "settlements are lost, and then the connection": lambda w: [
        w.to_brokers(request_lost, "Basic.Ack", "DeleteMessageBatch", times=2),
        w.to_brokers(reset, begins=w.all["late"].delivered(MESSAGES) + 1),
    ],
    "the brokers are out": lambda w: [w.to_brokers(outage, begins=w.all["sleeper"].delivered(3), lasts=1.0)],
    "they are killed": lambda w: [
        [kill(w.rabbit, begins=w.all["late"].delivered(3))],
        [kill(w.sqs, begins=w.all["batch"].delivered(3))],
    ],
}


def happened(sandbox: Sandbox, folder: Path, fault: str) -> History:
    world = World(sandbox, folder)
    for call in FAULTS[fault](world):
        sandbox.inject(*call)
    for name, queue in world.all.items():
        queue.publish({"id": f"{name}-{number}"} for number in range(MESSAGES))
    if fault == "they are killed":
        for one in world.services:
            sandbox.until(one.exited())
            one.restart()
    return sandbox.drain()


@pytest.fixture(scope="module")
def found(tell: Tell, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Found]:
    known: dict[str, Found] = {}

    def find(fault: str) -> Found:
        if fault not in known:
            with tell("") as sandbox:
                known[fault] = Found(happened(sandbox, tmp_path_factory.mktemp("outbox"), fault))
        return known[fault]

    return find


@pytest.mark.parametrize("service", [*RABBIT, *SQS])
@pytest.mark.parametrize("fault", FAULTS)
def test_it_keeps_both_promises(found: Callable[[str], Found], fault: str, service: str):
    world = found(fault)
    keys = [f"{service}-{number}" for number in range(MESSAGES)]

    assert world.ledger.drained_how == "quiet", world.ledger.drained_reason
    assert [(key, *world.of(key)[:2]) for key in keys] == [(key, "", "") for key in keys]
    assert not {"unexplained"} & {cause for key in keys for cause in world.causes.get(key, {})}


@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_of_it_is_unknown_and_the_fault_bit(found: Callable[[str], Found], fault: str):
    world = found(fault)

    assert (world.possible("accounted"), world.possible("effected_once")) == (set(), set())
    assert (world.ledger.bites.without(), world.ledger.around(), world.ledger.late) == ("", "", [])
