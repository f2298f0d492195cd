"""Python's SQS clients through a link: old ones that speak the query protocol, a new one that speaks JSON."""

import pytest

from tests.clients import client, errand_was_seen, jobs_on_sqs, no_difference, tried
from tests.sandboxes import Tell


@pytest.mark.parametrize(
    "overlays",
    [
        ("botocore 1.44",),
        ("botocore 1.44", "endpoint by environment"),
        ("botocore 1.29.80",),
        ("botocore 1.31.80", "endpoint by environment"),
    ],
    ids=", ".join,
)
def test_boto_notices_nothing_and_all_its_calls_are_seen(tell: Tell, overlays: tuple[str, ...]):
    one = tried(tell, client("sqs-boto", *overlays), jobs_on_sqs)

    no_difference(one)
    errand_was_seen(one)


@pytest.mark.parametrize("version", ["5.7.0", "5.3.3"])
def test_kombu_s_event_loop_notices_nothing_and_its_receives_pass_the_link(tell: Tell, version: str):
    """Kombu 5.3 posts its receives to the QueueUrl, not to its endpoint: only a QueueUrl of the link leads them through it."""
    one = tried(tell, client("kombu", version, "sqs"), jobs_on_sqs)

    no_difference(one)
    sent = [event.key for event in one.of("acknowledged")]
    assert one.receives() == dict.fromkeys(sent, 1)
    assert [event.key for event in one.of("settled")] == sent[:2]
    assert one.residue() == {sent[2]: 1}
