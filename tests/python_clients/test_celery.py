"""A task that the harness sends like a version of Celery is what that version sends."""

import base64
import json
from typing import Any

import pytest

from harness import Sandbox, Service
from tests.sandboxes import Tell

NOTIFY = Service.named("notify-worker")["api"]
VERSIONS = {"celery-5.3.4": "kombu 5.3.3, botocore 1.31.80", "celery-5.6.2": "kombu 5.6.2", "celery-5.7.0": "kombu 5.7.0"}
TASK = {"args": ["N1"], "countdown": 3600}
MADE_UP = ("id", "root_id", "correlation_id", "reply_to", "delivery_tag", "origin")
"""What is another in every message, or says where it comes from."""


def sent_both_ways(sandbox: Sandbox, like: str) -> list[dict[str, Any]]:
    tasks = sandbox.aws.queue("send-sms-tasks", key="/args/0")
    sandbox.aws.queue("retry-tasks")
    api = sandbox.start(NOTIFY[VERSIONS[like]], uses={"AWS_ENDPOINT_URL": sandbox.aws})
    tasks.publish([TASK], by=api)
    tasks.publish([{"task": "deliver_sms", **TASK}], like=like)
    messages = sandbox.aws.call("receive_message", QueueUrl=tasks.url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
    return list(messages["Messages"])


def opened(message: dict[str, Any]) -> dict[str, Any]:
    """Return what is in a message, without what is made up for each, and a time of day as what it is."""
    envelope = json.loads(base64.b64decode(message["Body"]))
    assert base64.b64decode(message["Body"]) == json.dumps(envelope).encode()
    headers, properties = (
        {name: value for name, value in envelope[part].items() if name not in MADE_UP} for part in ("headers", "properties")
    )
    headers["eta"] = len(headers["eta"])
    inner = base64.b64decode(envelope["body"])
    return {**envelope, "headers": list(headers.items()), "properties": properties, "body": inner, "attributes": len(message)}


@pytest.mark.parametrize("like", VERSIONS)
def test_a_version_s_task_is_written_to_the_letter(tell: Tell, like: str):
    with tell("") as sandbox:
        messages = sent_both_ways(sandbox, like)

    real, ours = map(opened, messages)
    assert ours == real
    assert len({message["MessageId"] for message in messages}) == 2
