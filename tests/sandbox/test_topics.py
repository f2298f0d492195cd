"""Topics of SNS on LocalStack: what is published comes to the queues that want it, in an envelope or raw, by its key."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from harness import Sandbox, Service
from harness.checks import accounted, effected_once
from harness.errors import UsageError
from harness.faults import answer_lost, duplicate, status
from harness.history import History
from harness.model import Fault, Link, Moment
from harness.sandbox.sqs import SqsQueue
from harness.sandbox.topics import Topic
from tests.sandboxes import Tell

PROGRAM = Path(__file__).parents[2] / "fixtures" / "programs" / "announcer.py"
ANNOUNCER = Service("announcer", command=[sys.executable, str(PROGRAM)])
LINK = Link("announcer", "aws")


def world(sandbox: Sandbox) -> tuple[SqsQueue, SqsQueue, Topic]:
    """Return two queues, one with envelopes and one raw that wants the kind `b` only, and their topic."""
    plain, raw = sandbox.aws.queue("plain", key="/id"), sandbox.aws.queue("raw", key="/id")
    topic = sandbox.aws.topic("events", to=plain)
    topic.subscribe(raw, raw=True, only={"kind": ["b", "c"]})
    return plain, raw, topic


def residue(history: History) -> dict[str, list[str]]:
    left = [event for event in history.events() if event.kind == "residue"]
    return {name: sorted(event.key for event in left if event.queue == name) for name in ("plain", "raw")}


def test_what_the_harness_publishes_is_owed_by_each_queue_that_wants_it(sandbox: Sandbox):
    _, _, topic = world(sandbox)
    topic.publish([{"id": 1}], attributes={"kind": "a"})
    topic.publish([{"id": 2}], attributes={"kind": "b"})
    history = sandbox.drain()
    sandbox.finish()
    sent = [(event.kind, event.queue, event.key) for event in history.events() if event.wire == "Publish"]

    assert sent == [
        ("attempted", "plain", "1"), ("acknowledged", "plain", "1"),
        ("attempted", "plain", "2"), ("attempted", "raw", "2"), ("acknowledged", "plain", "2"), ("acknowledged", "raw", "2"),
    ]  # fmt: skip
    assert residue(history) == {"plain": ["1", "2"], "raw": ["2"]}


def test_a_fifo_topic_leads_to_fifo_queues(sandbox: Sandbox):
    queue = sandbox.aws.queue("plain.fifo", key="/id")
    topic = sandbox.aws.topic("events.fifo", to=[queue])
    topic.publish([{"id": 1}, {"id": 1}])
    history = sandbox.drain()
    sandbox.finish()

    assert [event.key for event in history.events() if event.kind == "residue"] == ["1"]


@pytest.mark.parametrize(
    ("name", "to", "problem"),
    [
        ("an event", "plain", "SNS topic 'an event': a name has letters, digits"),
        ("events", "plain.fifo", "a FIFO queue takes from FIFO topics only"),
        ("plain", "plain", "there is already the SQS queue 'plain' in this sandbox"),
    ],
)
def test_what_sns_would_not_take_is_refused(sandbox: Sandbox, name: str, to: str, problem: str):
    queue = sandbox.aws.queue(to)
    with pytest.raises(UsageError, match=problem):
        sandbox.aws.topic(name, to=queue)


def test_a_queue_is_subscribed_once(sandbox: Sandbox):
    plain, _, topic = world(sandbox)
    with pytest.raises(UsageError, match="the SQS queue 'plain' is subscribed to the topic 'events' already"):
        topic.subscribe(plain)


def test_the_moments_of_a_topic(sandbox: Sandbox):
    _, _, topic = world(sandbox)
    with pytest.raises(UsageError, match="the topic 'events' has the moments sent, not 'delivered'"):
        sandbox.until(Moment("events", "delivered"))
    assert repr(topic.sent(2, key="7")) == "Moment('events', 'sent', 2, key='7')"


def forwarded(sandbox: Sandbox, *faults: Fault) -> History:
    """Three jobs are announced to both queues by a service that may be in doubt whether it did."""
    _, _, topic = world(sandbox)
    jobs = sandbox.aws.queue("jobs", key="/id", effect=topic, visibility_timeout=2)
    sandbox.start(ANNOUNCER, uses={"AWS_ENDPOINT_URL": sandbox.aws, "QUEUE_URL": jobs, "TOPIC_ARN": topic})
    sandbox.inject(*(replace(fault, begins=topic.sent(1)) for fault in faults))
    jobs.publish({"id": n, "kind": "b"} for n in (1, 2, 3))
    return sandbox.drain()


def test_what_a_service_publishes_is_an_effect_in_each_queue(tell: Tell):
    with tell("announced") as sandbox:
        history = forwarded(sandbox)
        verdicts = [accounted(history), effected_once(history)]
        words = [one.conclusion for one in verdicts]
    assert words == ["kept", "kept"]
    assert residue(history) == {"plain": ["1", "2", "3"], "raw": ["1", "2", "3"]}


def test_a_publish_whose_answer_is_lost_is_made_twice(tell: Tell):
    with tell("announced") as sandbox:
        history = forwarded(sandbox, answer_lost(LINK, on="Publish", times=1))
        verdict = effected_once(history)
        found = (verdict.conclusion, verdict.label)
    assert found == ("broken", "duplicated_by_blind_retry")
    assert len(residue(history)["raw"]) == 4


def test_what_is_refused_is_published_later(tell: Tell):
    with tell("announced") as sandbox:
        history = forwarded(sandbox, status(LINK, "Throttled", on="Publish", times=1))
        words = [accounted(history).conclusion, effected_once(history).conclusion]
    assert words == ["kept", "kept"]
    assert residue(history) == {"plain": ["1", "2", "3"], "raw": ["1", "2", "3"]}


def test_a_copy_of_a_publish_comes_to_each_queue(tell: Tell):
    with tell("announced") as sandbox:
        history = forwarded(sandbox, duplicate(LINK, on="Publish", times=1))
        words = [accounted(history).conclusion, effected_once(history).conclusion]
    assert words[0] == "kept"
    assert [len(keys) for keys in residue(history).values()] == [4, 4]
