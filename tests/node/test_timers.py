"""Timers twenty times faster, in Node: see tests/timers."""

from tests.node.polling import sqs_consumer
from tests.timers import consumers, worlds
from tests.timers.quick import WANTED, Quick, in_time


def test_a_consumer_of_sqs(quick: Quick):
    events = quick(lambda sandbox: worlds.received(sandbox, {"jobs": sqs_consumer}, WANTED, 1))

    assert in_time(worlds.came_back(events, "jobs"))
    assert in_time(worlds.came_late(events, "jobs"))


def test_messages_expire_into_a_queue_of_rabbitmq(quick: Quick):
    events = quick(lambda sandbox: worlds.expired(sandbox, {"jobs": consumers.AMQPLIB}, WANTED, 1))

    assert in_time(worlds.came_over(events, "jobs"))
