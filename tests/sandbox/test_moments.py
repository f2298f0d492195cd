"""Moments of a real world: dead letters are seen on both brokers, and whatever is put together of moments can be awaited."""

import pytest

from harness.errors import TimedOutError, UsageError
from harness.faults import latency
from harness.history.events import Event
from harness.history.journal import Journal
from harness.model import Link, Moment
from harness.sandbox.queues import Queue
from harness.sandbox.sandbox import Sandbox


def seen(sandbox: Sandbox, kind: str) -> list[Event]:
    sandbox.finish()
    return [one for one in Journal(sandbox._journal).events() if one.kind == kind]  # noqa: SLF001 (no part of the public surface)


def rejected(sandbox: Sandbox, queue: Queue, number: int) -> None:
    """Reject so many messages with a client that no tap sees."""
    channel = sandbox.rabbitmq.apart()
    for _ in range(number):
        method, _, _ = channel.basic_get(queue.thing_name)
        assert method is not None
        channel.basic_reject(method.delivery_tag or 0, requeue=False)


def received(sandbox: Sandbox, queue: Queue) -> None:
    """Receive what there is so often that SQS gives it up."""
    url = sandbox.aws.call("get_queue_url", QueueName=queue.thing_name)["QueueUrl"]
    for _ in range(2):
        sandbox.aws.call("receive_message", QueueUrl=url, VisibilityTimeout=0, MaxNumberOfMessages=10)


def test_dead_letters_of_rabbitmq_are_counted(sandbox: Sandbox):
    jobs = sandbox.rabbitmq.queue("jobs", key="/id", dead_letter="graves")
    jobs.publish({"id": number} for number in range(3))
    rejected(sandbox, jobs, 1)
    sandbox.until(jobs.dead_lettered(), within=60)
    rejected(sandbox, jobs, 2)
    sandbox.until(jobs.dead_lettered(3), within=60)
    assert [(one.queue, one.at) for one in seen(sandbox, "dead_lettered")] == [("jobs", "broker")] * 3


def test_a_dead_letter_of_sqs_is_known_by_its_key(sandbox: Sandbox):
    jobs = sandbox.aws.queue("jobs", key="/id", dead_letter="graves", max_receive_count=1)
    jobs.publish([{"id": "7"}])
    received(sandbox, jobs)
    sandbox.until(jobs.dead_lettered(key="7"), within=60)
    assert [(one.queue, one.key) for one in seen(sandbox, "dead_lettered")] == [("jobs", "7")]


def test_a_fault_begins_with_a_dead_letter(sandbox: Sandbox):
    jobs = sandbox.rabbitmq.queue("jobs", key="/id", dead_letter="graves")
    link = Link("worker", "rabbitmq")
    sandbox.rabbitmq.reach(link)
    sandbox.inject(latency(link, 5, begins=jobs.dead_lettered()))
    jobs.publish([{"id": 1}])
    rejected(sandbox, jobs, 1)
    sandbox.until(jobs.dead_lettered(), within=60)
    faults = seen(sandbox, "fault")
    assert [one.how for one in faults] == ["injected", "began"]
    assert (faults[0].data or {})["begins"] == jobs.dead_lettered().to_json()


def test_where_a_dead_letter_cannot_be_seen_nobody_can_wait_for_it(sandbox: Sandbox):
    jobs = sandbox.rabbitmq.queue("jobs", key="/id", dead_letter="graves")
    plain = sandbox.aws.queue("plain")
    with pytest.raises(UsageError, match=r"RabbitMQ shows no message without handing it out.*; leave key= out"):
        sandbox.until(jobs.dead_lettered(key="1"))
    with pytest.raises(UsageError, match="'plain' has no dead-letter queue; declare it with dead_letter=NAME"):
        sandbox.until(plain.dead_lettered())


def test_moments_put_together_are_awaited_as_they_are_written(sandbox: Sandbox):
    jobs = sandbox.rabbitmq.queue("jobs", key="/id")
    jobs.publish({"id": number} for number in range(2))
    sandbox.until((jobs.sent(9) | jobs.sent(2)) & jobs.sent(key="1") + 0.1, within=60)
    with pytest.raises(TimedOutError, match=r"waited 0\.2 s for jobs sent \(1\) \+ 60 s"):
        sandbox.until(jobs.sent() + 60, within=0.2)
    with pytest.raises(TimedOutError, match="or jobs sent"):
        sandbox.until(jobs.sent() & (jobs.sent(8) | jobs.sent(9)), within=0.2)


def test_a_moment_is_printed_as_the_code_that_makes_it(sandbox: Sandbox):
    jobs = sandbox.rabbitmq.queue("jobs", key="/id", dead_letter="graves")
    moment = (jobs.dead_lettered(2) & jobs.delivered(key="1")) + 5
    assert repr(moment) == "(Moment('jobs', 'dead_lettered', 2) & Moment('jobs', 'delivered', key='1')) + 5"
    assert Moment.from_json(moment.to_json()) == moment
