"""The faults of single publishes to SNS, with boto3 new and old: what the client and the taps saw, what the queue got."""

import json
from collections.abc import Iterator

import pytest

from harness.clock import eventually
from harness.faults import altered, answer_lost, duplicate, held, latency, request_lost, status
from harness.history.events import Declaration
from harness.model import Link
from harness.stack import Stack
from tests.table.asking_aws import Asking
from tests.table.seen import Way
from tests.table.sqs_queue import ACCOUNT, Topic, keys

LINK = Link("mailer", "aws")
ATTEMPTED, SENT = ("attempted", "1"), ("acknowledged", "1")


@pytest.fixture(params=["newest_boto", "oldest_boto"])
def topic(request: pytest.FixtureRequest, sqs_road: Way, stack: Stack) -> Iterator[Topic]:
    """A topic with a queue that takes messages raw, and a client."""
    asking: Asking = request.getfixturevalue(request.param)
    one = Topic(asking, f"http://{stack.localstack}")
    sqs_road.world.declare(Declaration(what="exchange", name=one.name, broker="aws", kind="sns", key="/id"))
    sqs_road.forget()
    yield one
    one.delete()


def test_a_publish_that_nobody_has(topic: Topic, sqs_road: Way):
    sqs_road.arm(request_lost(LINK, on="Publish", times=1))
    saw = [topic.publish("1"), topic.publish("2")]

    assert saw == ["ConnectionClosedError", "ok"]
    assert sqs_road.far("attempted", "acknowledged") == [("attempted", "2"), ("acknowledged", "2")]
    assert sqs_road.bites() == [("f1", "near", "Publish", "1")]
    assert keys(topic.got(1)) == ["2"]


def test_a_publish_whose_answer_is_lost_is_carried_out(topic: Topic, sqs_road: Way):
    sqs_road.arm(answer_lost(LINK, on="Publish", times=1))
    saw = topic.publish("1")

    assert saw == "ConnectionClosedError"
    assert (sqs_road.near("acknowledged"), sqs_road.far("acknowledged")) == ([], [SENT])
    assert keys(topic.got(1)) == ["1"]


@pytest.mark.parametrize(("code", "saw"), [("NotFound", "NotFound"), ("Throttled", "Throttled"), (500, "InternalFailure")])
def test_a_refusal_is_in_the_words_of_sns(topic: Topic, sqs_road: Way, code: int | str, saw: str):
    sqs_road.arm(status(LINK, code, on="Publish", times=1))
    words = [topic.publish("1"), topic.publish("2")]

    assert words == [saw, "ok"]
    assert sqs_road.made("refused") == [("f1", "refused", "1")]
    assert sqs_road.far("attempted") == [("attempted", "2")]
    assert keys(topic.got(1)) == ["2"]


def test_one_entry_of_a_batch_is_published_again(topic: Topic, sqs_road: Way):
    sqs_road.arm(duplicate(LINK, key="2"))
    word, answer = topic.publish_batch("1", "2")

    assert (word, [one["Id"] for one in answer["Successful"]]) == ("ok", ["e1", "e2"])
    assert sorted(keys(topic.got(3))) == ["1", "2", "2"]
    assert sqs_road.made("attempted", "acknowledged")[-1] == ("f1", "acknowledged", "2")


def test_a_publish_is_altered(topic: Topic, sqs_road: Way):
    sqs_road.arm(altered(LINK, on="Publish", attributes={"kind": "b"}, body='{"id": "9"}'))
    saw = topic.publish("1", kind="a")
    (message,) = topic.got(1)

    assert (saw, message["Body"]) == ("ok", '{"id": "9"}')
    assert message["MessageAttributes"]["kind"]["StringValue"] == "b"
    assert sqs_road.near("attempted") == [ATTEMPTED]
    assert sqs_road.bites() == [("f1", "near", "Publish", "1")]


def test_a_held_publish_waits_and_a_late_answer_does_not_hold_it(topic: Topic, sqs_road: Way):
    sqs_road.arm(held(LINK, on="Publish", times=1))
    sqs_road.arm(latency(LINK, 0.2, on="Publish", times=1), "f2")
    waiting = topic.begin("1")
    eventually(sqs_road.bites, awaited="the bite", within=60)
    before = sqs_road.far("attempted")
    sqs_road.world.disarm("f1")
    saw = waiting()[0]
    (far,), (near,) = (sqs_road.events("acknowledged", at=at) for at in ("far", "near"))

    assert (before, saw) == ([], "ok")
    assert near.t - far.t >= 0.2
    assert [bite[:2] for bite in sqs_road.bites()] == [("f1", "near"), ("f2", "far")]
    assert json.loads(topic.got(1)[0]["Body"]) == {"id": "1"}
    assert ACCOUNT in topic.arn
