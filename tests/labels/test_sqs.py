"""Every label and every cause on SQS, each raised by a real run, and not by its neighbour."""

from dataclasses import replace
from functools import partial

import pytest

from harness.clock import eventually
from harness.faults import answer_lost, duplicate, request_lost, shortened
from harness.sandbox.aws import Aws
from harness.sandbox.resources import Http
from harness.sandbox.sandbox import Sandbox
from harness.sandbox.sqs import SqsQueue
from harness.stack import Stack
from tests.labels.lying_sqs import EARLY, LyingSqs
from tests.labels.worlds import Case, Found, bodies, scripted, told

CASES = {
    "kept": Case("work", ("post delete",)),
    "acked": Case("work", ("delete",), "acked_without_effect", "not_effected"),
    "partly": Case("both", ("post delete",), "partly_effected", "not_effected"),
    "dead-too": Case("dying", ("post drop",), "effected_and_dead_lettered"),
    "dead": Case("dying", ("drop",), "", "not_effected"),
    "stuck": Case("stuck", ("drop",), "stuck", "not_effected", ("expiry_held",)),
    "wedged": Case("left", ("stop",), "wedged", "not_effected"),
    "unconsumed": Case("left", (), "unconsumed", "not_effected"),
    "lost": Case("lossy", (), "lost", "not_effected"),
    "twins": Case("work", ("twins:out.fifo post delete",)),
    "zero": Case("work", ("post visibility:0", "post delete"), "", "duplicated_by_requeue", ("requeue",)),
    "released": Case("work", ("post visibility:1", "post delete"), "", "duplicated_by_requeue", ("released",)),
    "held": Case("work", ("drop", "post delete"), "", "", ("expiry_held",)),
    "slow": Case("work", ("post drop", "post delete"), "", "duplicated_by_expiry", ("expiry_slow",)),
    "exit": Case("fragile", ("post exit", "post delete"), "", "duplicated_by_expiry", ("expiry_crashed",)),
    "deaf": Case("work", ("post delete", "post delete"), "", "duplicated_by_ack_loss", ("ack_in_doubt",)),
    "claims": Case("work", ("post delete", "post delete"), "", "duplicated_by_broker", ("broker",)),
    "ack-lost": Case("work", ("post delete", "post delete"), "", "duplicated_by_ack_loss", ("ack_lost",)),
    "copy": Case("work", ("post delete", "post delete"), "", "duplicated_by_broker", ("injected",)),
    "short": Case("work", ("post visibility:30", "post delete"), "", "duplicated_by_requeue", ("released",)),
    "unseen": Case("work", ("post delete",), "", "", ("receive_lost",)),
    "handed-on": Case("work", ("post republish delete", "post delete"), "", "duplicated_by_requeue", ("republished",)),
    "redriven": Case("back", ("post drop", "post delete"), "", "duplicated_by_replay", ("redriven",)),
    "twice": Case("work", ("post delete",), "", "duplicated_by_producer", ("producer",)),
    "blind": Case("work", ("post post delete",), "", "duplicated_by_blind_retry"),
    "network": Case("work", ("post delete",), "", "duplicated_by_network"),
    "early": Case(EARLY, ("post drop", "post delete"), "", "", ("unexplained",)),
}
LIES = {"deaf": "deaf", "claims": "claims"}


def declared(aws: Aws, tcs: Http, mail: Http) -> dict[str, SqsQueue]:
    """Declare the queues, each for what can happen to its messages."""
    queue = partial(aws.queue, key="/id", effect=tcs, visibility_timeout=2)
    return {
        "work": queue("work"),
        "both": queue("both", effect=[tcs, mail]),
        "dying": queue("dying", dead_letter="dying-dead", max_receive_count=1),
        "stuck": queue("stuck"),
        "left": queue("left"),
        "lossy": queue("lossy"),
        "out.fifo": queue("out.fifo"),
        "back": queue("back", dead_letter="back-dead", max_receive_count=1),
        "fragile": queue("fragile"),
        EARLY: queue(EARLY, visibility_timeout=30),
    }


def world(sandbox: Sandbox) -> None:
    """Have all of it happen."""
    tcs, mail = sandbox.http("tcs", key="/id"), sandbox.http("mail", key="/id")
    aws = sandbox.aws
    queues = declared(aws, tcs, mail)
    consumed = [name for name in queues if name not in {"lossy", "fragile"}]
    uses = {"AWS_ENDPOINT_URL": aws, "QUEUE_URL": queues["work"], "TCS_URL": tcs, "MAIL_URL": mail}
    service = sandbox.start(scripted("sqs"), uses=uses, environment={"QUEUES": ",".join(consumed)})
    fragile = sandbox.start(scripted("sqs", "fragile-service"), uses=uses, environment={"QUEUES": "fragile"})
    sandbox.inject(
        answer_lost(service.link(tcs), key="blind", times=1),
        duplicate(service.link(tcs), key="network"),
        answer_lost(service.link(aws), on="ReceiveMessage", key="unseen", times=1),
        request_lost(service.link(aws), on="DeleteMessage", key="ack-lost", times=1),
        duplicate(service.link(aws), on="ReceiveMessage", key="copy", times=1),
        shortened(service.link(aws), 1, on="ChangeMessageVisibility", key="short"),
    )
    for name, one in queues.items():
        one.publish(bodies(CASES, name))
    queues["work"].publish([{"id": "dropped", "do": ["delete"]}], ends="dead-lettered")
    queues["work"].publish(bodies({"twice": CASES["twice"]}, "work"))
    aws.call("purge_queue", QueueUrl=queues["lossy"].url)
    sandbox.until(fragile.exited())
    fragile.restart()
    eventually(lambda: queues["back"].dead_letters.look().ready, awaited="a dead letter", within=60)
    assert queues["back"].redrive() == 1


@pytest.fixture(scope="module")
def found(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Found:
    lying = LyingSqs(stack.localstack)
    lying.lies.update(LIES)
    history = told(replace(stack, localstack=lying.address), tmp_path_factory.mktemp("sqs"), world)
    lying.end()
    assert sorted(lying.told) == sorted(LIES.values())
    return Found(history)


OTHERS = {
    "twins-1": ("", "", ()),
    "twins-2": ("deduplicated", "not_effected", ()),
    "dropped": ("dropped", "", ()),
}


@pytest.mark.parametrize("key", CASES)
def test_each_message_shows_what_happened_to_it_and_nothing_else(found: Found, key: str):
    case = CASES[key]

    assert found.of(key) == (case.accounted, case.effected, case.causes)


@pytest.mark.parametrize("key", OTHERS)
def test_messages_with_another_end_or_of_the_services_own(found: Found, key: str):
    assert found.of(key) == OTHERS[key]


def test_nothing_else_was_found_and_the_world_came_to_rest(found: Found):
    assert {key for labels in found.labels.values() for key in labels} <= {*CASES, *OTHERS}
    assert (found.possible("accounted"), found.possible("effected_once")) == (set(), {"early"})
    assert found.ledger.drained_how == "steady"
    assert found.ledger.bites.without() == ""
