"""The AWS SDKs for Java through a link; the first follows the QueueUrl's host, and speaks the query protocol."""

import pytest

from tests.clients import client, errand_was_seen, jobs_on_sqs, no_difference, tried
from tests.sandboxes import Tell


@pytest.mark.parametrize("overlays", [("1.12.395",), ("2.47.4",), ("2.47.4", "endpoint by environment")], ids=", ".join)
def test_the_sdk_notices_nothing_and_all_its_calls_are_seen(tell: Tell, overlays: tuple[str, ...]):
    one = tried(tell, client("sqs-java", *overlays), jobs_on_sqs)

    no_difference(one)
    errand_was_seen(one)
