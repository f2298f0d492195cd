"""What operators do: redrive, upgrade, supervise, watch a queue's depth; and messages as a library would have sent them."""

import sys
from pathlib import Path

import pytest

from harness.errors import StackLostError, UsageError
from harness.history.events import Event
from harness.sandbox.queues import Queue
from harness.sandbox.sandbox import Sandbox
from harness.services.service import Service

PROGRAM = Path(__file__).parents[2] / "fixtures" / "programs" / "worker.py"
WORKER = Service("worker", command=[sys.executable, str(PROGRAM)])

ENDING = """
import os, runpy, sys, threading
threading.Timer(2.0, lambda: os._exit(3)).start()
runpy.run_path(sys.argv[1], run_name="__main__")
"""
"""Runs the worker, and ends it after a while."""


def events(sandbox: Sandbox, kind: str) -> list[Event]:
    return [event for event in sandbox.drain().events() if event.kind == kind]


def dead(sandbox: Sandbox, broker: str) -> tuple[Queue, Queue]:
    """Return a queue of this broker and its dead-letter queue, with one message in it that has two attributes."""
    if broker == "aws":
        jobs: Queue = sandbox.aws.queue("jobs", key="/id", dead_letter="jobs-dlq")
    else:
        jobs = sandbox.rabbitmq.queue("jobs", key="/id", dead_letter="jobs-dlq")
    jobs.dead_letters.publish([{"id": 1}], attributes={"JavaType": "a.B", "keep": "yes"})
    return jobs, jobs.dead_letters


@pytest.mark.parametrize("broker", ["aws", "rabbitmq"])
def test_dead_letters_go_back_as_often_as_asked_without_what_is_dropped(sandbox: Sandbox, broker: str):
    jobs, dlq = dead(sandbox, broker)

    count = jobs.redrive(times=2, drop=("JavaType",))
    looks = jobs.look().ready, dlq.look().ready
    history = sandbox.drain()
    sandbox.finish()
    found = [event for event in history.events() if event.kind == "residue"]

    assert (count, looks) == (1, (2, 0))
    assert [event.key for event in found] == ["1", "1"]
    assert all("JavaType" not in {**(event.attributes or {}), **(event.headers or {})} for event in found)
    assert all("keep" in {**(event.attributes or {}), **(event.headers or {})} for event in found)


@pytest.mark.parametrize(("times", "drop"), [(0, ()), (1, "JavaType")], ids=["never", "letters"])
def test_a_redrive_that_cannot_be_meant_is_refused(sandbox: Sandbox, times: int, drop: str | tuple[str, ...]):
    jobs = sandbox.rabbitmq.queue("jobs", key="/id", dead_letter="jobs-dlq")
    with pytest.raises(UsageError, match=r"times is 1 or more, drop a sequence of names: drop=\('JavaType',\)"):
        jobs.redrive(times=times, drop=drop)


def test_another_version_is_deployed_with_the_same_wiring(sandbox: Sandbox):
    tcs = sandbox.http("tcs", key="/id")
    jobs = sandbox.rabbitmq.queue("jobs", key="/id", effect=tcs)
    worker = sandbox.start(WORKER, uses={"AMQP_URL": sandbox.rabbitmq, "TCS_URL": tcs})
    jobs.publish([{"id": 1}])
    sandbox.drain()
    first = worker.process

    worker.upgrade(Service("worker", command=[sys.executable, "-u", str(PROGRAM)]))
    jobs.publish([{"id": 2}])
    history = sandbox.drain()
    happened = [(event.kind, event.how) for event in history.events() if event.service == "worker"]

    assert first is not None
    assert first.status is not None
    assert happened[:5] == [("started", ""), ("ready", ""), ("exited", "harness"), ("started", ""), ("ready", "")]
    assert [event.key for event in history.events() if event.kind == "effected"] == ["1", "2"]


def test_another_service_is_no_upgrade(sandbox: Sandbox):
    worker = sandbox.start(WORKER, uses={"AMQP_URL": sandbox.rabbitmq, "TCS_URL": sandbox.http("tcs", key="/id")})
    sandbox.rabbitmq.queue("jobs", key="/id")
    with pytest.raises(UsageError, match=r"worker\.upgrade\(.*\) is no other version of worker; start it beside it"):
        worker.upgrade(Service("other", command=["true"]))


def test_a_supervisor_starts_what_has_ended_by_itself(sandbox: Sandbox):
    place = sandbox.http("place", key="/id")
    jobs = sandbox.rabbitmq.queue("jobs", key="/id", effect=place)
    once = Service("worker", command=[sys.executable, "-c", ENDING, str(PROGRAM)])
    worker = sandbox.start(once, uses={"AMQP_URL": sandbox.rabbitmq, "TCS_URL": place}, restart_after=0.2)
    jobs.publish([{"id": 1}])
    sandbox.until(worker.exited())
    jobs.publish([{"id": 2}])
    history = sandbox.drain()
    own = [event.kind for event in history.events() if event.service == "worker" and event.how != "harness"]

    assert own[:4] == ["started", "ready", "exited", "started"]
    assert [event.key for event in history.events() if event.kind == "effected"] == ["1", "2"]


@pytest.mark.parametrize("broker", ["aws", "rabbitmq"])
def test_an_alarm_rings_once_when_a_queue_is_too_deep(sandbox: Sandbox, broker: str):
    _, dlq = dead(sandbox, broker)
    ops = sandbox.alarms("ops")
    ops.watch(dlq, every=0.2)
    noticed = events(sandbox, "noticed")

    assert [event.data for event in noticed] == [
        {"text": "jobs-dlq has 1 message(s), more than 0", "sink": "ops", "queue": "jobs-dlq"}
    ]


def test_an_alarm_that_gets_no_answer_once_looks_again(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch):
    _, dlq = dead(sandbox, "rabbitmq")
    answers = iter([StackLostError("it is gone")])

    def gauge() -> int:
        answer = next(answers, 1)
        if isinstance(answer, StackLostError):
            raise answer
        return answer

    monkeypatch.setattr(type(dlq), "gauge", lambda _: gauge)
    sandbox.alarms("ops").watch(dlq, every=0.1)

    assert len(events(sandbox, "noticed")) == 1


def test_an_alarm_without_a_period_is_refused(sandbox: Sandbox):
    _, dlq = dead(sandbox, "rabbitmq")
    with pytest.raises(UsageError, match=r"ops\.watch\(queue, above=0, every=0\): a depth of 0 or more, and seconds above 0"):
        sandbox.alarms("ops").watch(dlq, every=0)


def test_a_library_that_is_not_known_is_refused(sandbox: Sandbox):
    jobs = sandbox.aws.queue("jobs", key="/id")
    with pytest.raises(UsageError, match=r"publish\(to jobs, like='celery-5'\): nothing is known of how that sends; known are"):
        jobs.publish([{"id": 1}], like="celery-5")


def test_a_library_s_attributes_are_on_the_wire_with_their_types(sandbox: Sandbox):
    jobs = sandbox.aws.queue("jobs", key="/id")
    jobs.publish([{"id": 1}], like="spring-cloud-aws-2.4.4", attributes={"more": ("Number.int", "5")})
    sandbox.drain()
    sandbox.finish()
    found = next(event for event in sandbox.history.events() if event.kind == "residue")

    assert found.attributes is not None
    assert {name: kind for name, (kind, _) in found.attributes.items()} == {
        "id": "String", "timestamp": "Number.java.lang.Long", "contentType": "String", "more": "Number.int",
    }  # fmt: skip


def test_a_task_is_known_by_its_key_inside_what_celery_sends(sandbox: Sandbox):
    tasks = sandbox.aws.queue("tasks", key="/args/0")
    tasks.publish([{"task": "deliver_sms", "args": ["N1"]}], like="celery-5.6.2")
    sandbox.drain()
    sandbox.finish()
    found = [(event.kind, event.key) for event in sandbox.history.events() if event.key]

    assert found == [("attempted", "N1"), ("acknowledged", "N1"), ("residue", "N1")]


def test_a_task_without_its_key_is_shown_as_it_was_meant(sandbox: Sandbox):
    tasks = sandbox.aws.queue("tasks", key="/args/0")
    with pytest.raises(UsageError, match=r"""key='/args/0' of the SQS queue 'tasks' is not in the body b'.*"task":"tick","""):
        tasks.publish([{"task": "tick"}], like="celery-5.6.2")


def test_how_celery_sends_on_rabbitmq_is_not_known(sandbox: Sandbox):
    tasks = sandbox.rabbitmq.queue("tasks", key="/args/0")
    with pytest.raises(
        UsageError, match=r"publish\(to tasks, like='celery-5\.6\.2'\): how Celery writes a task is known for SQS"
    ):
        tasks.publish([{"task": "deliver_sms", "args": ["N1"]}], like="celery-5.6.2")


def test_a_real_producer_is_told_nothing_of_attributes(sandbox: Sandbox):
    jobs = sandbox.aws.queue("jobs", key="/id")
    with pytest.raises(UsageError, match="a real producer decides by itself what it sends; leave out the others"):
        jobs.publish([{"id": 1}], by=sandbox.http("place"), like="spring-cloud-aws-3.1.1")
