"""Every label and every cause on RabbitMQ, each raised by a real run, and not by its neighbour."""

from dataclasses import replace
from functools import partial

import pytest

from harness.clock import eventually
from harness.faults import answer_lost, duplicate, request_lost
from harness.sandbox.queues import Queue
from harness.sandbox.rabbitmq import RabbitMQ
from harness.sandbox.resources import Http
from harness.sandbox.sandbox import Sandbox
from harness.services.service import Service
from harness.stack import Stack
from tests.labels.lying_rabbit import LyingRabbit
from tests.labels.worlds import Case, Found, bodies, scripted, told

CASES = {
    "kept": Case("work", ("post ack",)),
    "acked": Case("work", ("ack",), "acked_without_effect", "not_effected"),
    "partly": Case("both", ("post ack",), "partly_effected", "not_effected"),
    "dead-too": Case("work", ("post reject",), "effected_and_dead_lettered"),
    "dead": Case("work", ("reject",), "", "not_effected"),
    "nowhere": Case("plain", ("reject",), "dropped", "not_effected"),
    "given-up": Case("limited", ("nack",), "dropped", "not_effected", ("requeue",)),
    "stuck": Case("stuck", ("sleep:0.4 nack",), "stuck", "not_effected", ("requeue",)),
    "wedged": Case("left", ("cancel",), "wedged", "not_effected"),
    "unconsumed": Case("left", (), "unconsumed", "not_effected"),
    "expired": Case("brief", (), "expired", "not_effected"),
    "stray": Case("placement-exported", (), "unrouted"),
    "lost": Case("lossy", (), "lost", "not_effected"),
    "requeue": Case("work", ("post nack", "post ack"), "", "duplicated_by_requeue", ("requeue",)),
    "connection": Case("work", ("post close", "post ack"), "", "duplicated_by_connection_loss", ("connection_lost",)),
    "channel": Case("work", ("post close:channel", "post ack"), "", "duplicated_by_connection_loss", ("channel_closed",)),
    "late": Case("work", ("post sleep:0.6 ack", "post ack"), "", "duplicated_by_connection_loss", ("consumer_timeout",)),
    "exit": Case("fragile", ("post exit", "post ack"), "", "duplicated_by_connection_loss", ("service_exit",)),
    "deaf": Case("work", ("post ack close", "post ack"), "", "duplicated_by_ack_loss", ("ack_in_doubt",)),
    "nack": Case("work", ("post ack", "post ack"), "", "duplicated_by_broker", ("broker",)),
    "cycle": Case("again", ("post reject", "post ack"), "", "duplicated_by_requeue", ("dead_letter_cycle",)),
    "handed-on": Case("work", ("post republish ack", "post ack"), "", "duplicated_by_requeue", ("republished",)),
    "redriven": Case("back", ("post reject", "post ack"), "", "duplicated_by_replay", ("redriven",)),
    "twice": Case("work", ("post ack",), "", "duplicated_by_producer", ("producer",)),
    "ack-lost": Case("work", ("post ack close", "post ack"), "", "duplicated_by_ack_loss", ("ack_lost",)),
    "copy": Case("work", ("post ack", "post ack"), "", "duplicated_by_broker", ("injected",)),
    "unseen": Case("pair", ("post ack",), "", "", ("receive_lost",)),
    "seen": Case("pair", ("post close", "post ack"), "", "duplicated_by_connection_loss", ("connection_lost",)),
    "network": Case("work", ("post ack",), "", "duplicated_by_network"),
    "blind": Case("work", ("post post ack",), "", "duplicated_by_blind_retry"),
}
EXPORTER = Service.named("esr-exporter")["as it was"]
LIES = {"late": "late", "deaf": "deaf", "nack": "nack"}


def declared(rabbit: RabbitMQ, tcs: Http, mail: Http) -> dict[str, Queue]:
    """Declare the queues, each for what can happen to its messages."""
    queue = partial(rabbit.queue, key="/id", effect=tcs)
    queues: dict[str, Queue] = {
        "work": queue("work", dead_letter="work.dead"),
        "both": queue("both", effect=[tcs, mail]),
        "plain": queue("plain"),
        "limited": queue("limited", kind="quorum", delivery_limit=2),
        "stuck": queue("stuck"),
        "left": queue("left"),
        "brief": queue("brief", ttl=1),
        "lossy": queue("lossy"),
        "again": queue("again", dead_letter="again.later"),
        "back": queue("back", dead_letter="back.dead"),
        "fragile": queue("fragile"),
        "pair": queue("pair"),
    }
    rabbit.queue("again.later", key="/id", ttl=1, dead_letter="again")
    return queues


def world(sandbox: Sandbox) -> None:
    """Have all of it happen."""
    tcs, mail = sandbox.http("tcs", key="/id"), sandbox.http("mail", key="/id")
    rabbit = sandbox.rabbitmq
    queues = declared(rabbit, tcs, mail)
    consumed = ["pair=2", *(name for name in queues if name not in {"brief", "lossy", "fragile", "pair"})]
    uses = {"AMQP_URL": rabbit, "TCS_URL": tcs, "MAIL_URL": mail}
    service = sandbox.start(scripted("rabbit"), uses=uses, environment={"QUEUES": ",".join(consumed)})
    fragile = sandbox.start(scripted("rabbit", "fragile-service"), uses=uses, environment={"QUEUES": "fragile"})
    exported = rabbit.queue("placement-exported", key="/id", effect=tcs)
    exporter = sandbox.start(EXPORTER, uses={"AMQP_URL": rabbit}, environment={"QUEUE": "elsewhere"})
    broker = service.link(rabbit)
    sandbox.inject(
        answer_lost(service.link(tcs), key="blind", times=1),
        duplicate(service.link(tcs), key="network"),
        request_lost(broker, on="Basic.Ack", key="ack-lost", times=1),
        duplicate(broker, on="Basic.Deliver", key="copy", times=1),
        answer_lost(broker, on="Basic.Deliver", key="unseen", times=1),
    )
    for name, one in queues.items():
        one.publish(bodies(CASES, name))
    exported.publish([{"placementId": 7, "id": "stray"}], by=exporter)
    queues["work"].publish(bodies({"twice": CASES["twice"]}, "work"))
    rabbit.channel.queue_purge("lossy")
    sandbox.until(fragile.exited())
    fragile.restart()
    eventually(
        lambda: rabbit.channel.queue_declare("back.dead", passive=True).method.message_count, awaited="a dead letter", within=60
    )
    assert queues["back"].redrive() == 1


@pytest.fixture(scope="module")
def found(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Found:
    lying = LyingRabbit(stack.rabbitmq)
    lying.lies.update(LIES)
    history = told(replace(stack, rabbitmq=lying.address), tmp_path_factory.mktemp("rabbitmq"), world)
    lying.end()
    assert sorted(lying.told) == sorted(LIES.values())
    return Found(history)


@pytest.mark.parametrize("key", CASES)
def test_each_message_shows_what_happened_to_it_and_nothing_else(found: Found, key: str):
    case = CASES[key]

    assert found.of(key) == (case.accounted, case.effected, case.causes)


def test_nothing_else_was_found_and_the_world_came_to_rest(found: Found):
    assert {key for labels in found.labels.values() for key in labels} <= set(CASES)
    assert found.possible("accounted") == found.possible("effected_once") == set()
    assert found.ledger.drained_how == "steady"
    assert found.ledger.bites.without() == ""
