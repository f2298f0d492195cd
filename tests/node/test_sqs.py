"""The AWS SDKs for JavaScript through a link; where they look for their endpoint differs, and they follow the QueueUrl's host."""

from collections.abc import Mapping

import pytest

from harness import Sandbox
from harness.history import History
from harness.sandbox.things import Usable
from tests.clients import Tried, client, errand_was_seen, jobs_on_sqs, link_port, no_difference, own_port, ran, tried
from tests.sandboxes import Tell


@pytest.mark.parametrize("overlays", [("2",), ("3",), ("3", "endpoint by environment")], ids=", ".join)
def test_the_sdk_notices_nothing_and_all_its_calls_are_seen(tell: Tell, overlays: tuple[str, ...]):
    one = tried(tell, client("sqs-js", *overlays), jobs_on_sqs)

    no_difference(one)
    errand_was_seen(one)


def test_calls_that_go_to_the_host_of_the_queue_s_url_are_missed_in_the_broker_s_count(tell: Tell):
    """That the comparison can fail: endpoint on the link, but the QueueUrl names the broker's own port."""
    with tell("around") as sandbox:
        queue, aws = sandbox.aws.queue("jobs", key="/id"), sandbox.aws
        ran(
            client("sqs-js", "2"),
            {"AWS_ENDPOINT_URL": aws.parts(link_port(aws)), "QUEUE_URL": queue.parts(own_port(sandbox, aws))},
        )
        sandbox.finish()
    one = Tried([], [], list(History(sandbox.history.path).events()))

    assert [event.wire for event in one.of("answered")] == ["GetQueueUrl"]
    assert (one.receives(), one.residue()) == ({}, {"A": 2})


def url_alone(sandbox: Sandbox) -> Mapping[str, Usable]:
    return {"QUEUE_URL": sandbox.aws.queue("jobs", key="/id")}


@pytest.mark.parametrize("version", ["13.0.0", "15.0.3"])
def test_sqs_consumer_notices_nothing_and_the_queue_s_url_alone_leads_it_through_the_link(tell: Tell, version: str):
    one = tried(tell, client("sqs-consumer", version), url_alone)

    no_difference(one)
    assert one.receives() == {"A": 1, "B": 2, "C": 1}
    assert [(event.key, event.how) for event in one.of("settled")] == [("B", "visibility"), ("A", "delete"), ("B", "delete")]
    assert one.residue() == {"C": 1}
