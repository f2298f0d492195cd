"""Publishes through exchanges of every kind, seen on the wire with pika: each bound queue owes what is meant for it."""

import sys

import pytest

from harness.checks import accounted
from harness.history import History
from harness.sandbox.sandbox import Sandbox
from harness.services.service import Service

PROGRAM = """
import json, os, pika
connection = pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"]))
channel = connection.channel()
channel.confirm_delivery()
for name, kind in (("d", "direct"), ("f", "fanout"), ("t", "topic"), ("h", "headers"), ("on", "fanout")):
    channel.exchange_declare(name, kind)
channel.exchange_declare("t", passive=True)
channel.queue_bind("one", "d", "red")
channel.queue_bind("one", "f")
channel.queue_bind("two", "f")
channel.queue_bind("two", "t", "*.red.#")
channel.queue_bind("one", "h", arguments={"x-match": "any", "colour": "red"})
channel.queue_bind("one", "on")
channel.queue_bind("two", "on")
channel.queue_unbind("two", "on")
channel.exchange_bind("on", "d", "blue")
channel.exchange_bind("on", "d", "green")
channel.exchange_unbind("on", "d", "green")
sent = (("d", "red", None), ("f", "", None), ("t", "a.red.b", None), ("h", "", {"colour": "red"}), ("d", "blue", None),
        ("d", "green", None), ("t", "a.blue", None), ("h", "", {"colour": "blue"}))
for number, (exchange, key, headers) in enumerate(sent):
    properties = pika.BasicProperties(headers=headers)
    channel.basic_publish(exchange, key, json.dumps({"id": str(number)}), properties)
for queue in ("one", "two") if os.environ["CONSUMES"] else ("other",):
    channel.basic_consume(queue, lambda found, method, _, body: found.basic_ack(method.delivery_tag))
channel.start_consuming()
"""


def published(sandbox: Sandbox, consumes: str) -> History:
    for name in ("one", "two", "other"):
        sandbox.rabbitmq.queue(name, key="/id")
    service = Service("publisher", command=[sys.executable, "-c", PROGRAM])
    sandbox.start(service, uses={"AMQP_URL": sandbox.rabbitmq}, environment={"CONSUMES": consumes})
    return sandbox.drain()


WANTED = {"one": ["0", "1", "3", "4"], "two": ["1", "2"], "other": []}


@pytest.mark.parametrize("consumes", ["", "yes"], ids=["left", "consumed"])
def test_what_is_owed_is_what_the_broker_delivers_or_has(sandbox: Sandbox, consumes: str):
    ledger = published(sandbox, consumes).ledger()
    queues = ledger.world.queues
    owed = {name: sorted(key for key in (*queue.obligations, *queue.finished.places)) for name, queue in queues.items()}
    sure = {name: sorted(key for key in owed[name] if getattr(queue.find(key), "acks", 0)) for name, queue in queues.items()}

    assert owed == sure == WANTED


def test_they_are_accounted_for(sandbox: Sandbox):
    verdict = accounted(published(sandbox, "yes"))

    assert (verdict.conclusion, verdict.premises) == ("kept", 6)
