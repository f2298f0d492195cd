"""Timers twenty times faster, of brokers and of real programs: never early, and not merely some. Part of the whole table.

The whole one, at each speed and with its medians of five, is measured by `python -m tests.timers`, which `make nightly` runs: it
takes ten minutes. Programs in Java and Node are in tests/java and tests/node.
"""

import sys
from pathlib import Path

import pytest

from harness import Sandbox, Service, clock
from harness.errors import StartError
from tests.timers import consumers, worlds
from tests.timers.quick import SPEED, WANTED, Quick, in_time

DIES_ONCE = """
import os, pathlib, pika, sys
died = pathlib.Path(sys.argv[1])
dies = not died.exists()
died.touch()
if dies and sys.argv[2] == "at its start":
    sys.exit(7)
channel = pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"])).channel()
channel.queue_declare("jobs")
channel.basic_consume("jobs", print)
if dies:
    sys.exit(7)
channel.start_consuming()
"""


def test_a_consumer_of_sqs_in_python(quick: Quick):
    events = quick(lambda sandbox: worlds.received(sandbox, {"jobs": consumers.BOTO3}, WANTED, 1))

    assert in_time(worlds.came_back(events, "jobs"))
    assert in_time(worlds.came_late(events, "jobs"))


def test_messages_expire_into_a_queue_of_rabbitmq(quick: Quick):
    events = quick(lambda sandbox: worlds.expired(sandbox, {"jobs": consumers.PIKA}, WANTED, 1))

    assert in_time(worlds.came_over(events, "jobs"))


def test_a_worker_of_celery(quick: Quick):
    events = quick(lambda sandbox: worlds.put_off(sandbox, "tasks", WANTED, 1))

    assert in_time(worlds.began_when_due(events, "tasks"))
    assert in_time(worlds.began_again(events, "tasks"))


def test_who_dies_at_its_start_on_a_faster_clock_is_told_of_it(quick: Quick):
    died = Service("died", command=[sys.executable, "-c", "raise SystemExit('no connection in time')"])

    def tell(sandbox: Sandbox) -> None:
        sandbox.start(died, uses={"AMQP_URL": sandbox.rabbitmq})
        sandbox.drain()

    with pytest.raises(StartError, match=r"(?s)no connection in time.*Its time-outs are 20 times shorter here than in"):
        quick(tell)


def test_who_dies_of_its_start_on_a_faster_clock_is_started_once_more(quick: Quick, tmp_path: Path):
    service = Service("once", command=[sys.executable, "-c", DIES_ONCE, str(tmp_path / "died"), "at its start"])

    def tell(sandbox: Sandbox) -> None:
        sandbox.start(service, uses={"AMQP_URL": sandbox.rabbitmq})
        sandbox.drain()

    said = [(one.kind, one.how, one.status) for one in quick(tell) if one.kind in {"started", "ready", "exited"}]

    assert said[:4] == [("started", "", None), ("exited", "hurried", 7), ("started", "", None), ("ready", "", None)]


def test_who_is_at_work_already_when_it_dies_did_not_die_of_its_start(quick: Quick, tmp_path: Path):
    service = Service("at work", command=[sys.executable, "-c", DIES_ONCE, str(tmp_path / "died"), "at work"])

    def tell(sandbox: Sandbox) -> None:
        instance = sandbox.start(service, uses={"AMQP_URL": sandbox.rabbitmq})
        clock.eventually(lambda: not instance.lives, awaited="its end", within=60)
        sandbox.drain()

    with pytest.raises(StartError, match="ended before it was ready, with exit status 7"):
        quick(tell)


def test_what_took_its_real_time_would_be_seen():
    assert not in_time([WANTED * SPEED])
    assert not in_time([WANTED - 0.01])
    assert not in_time([])
