"""A drain waits for consumers that are slow to ask again: as long as they say that they may be silent."""

import sys
from pathlib import Path

import pytest

from harness import Sandbox, Service
from harness.checks import accounted

POLLER = """
import os, sys, time
import boto3

sqs = boto3.client("sqs")
jobs, requests = (sqs.get_queue_url(QueueName=name)["QueueUrl"] for name in ("jobs", "requests"))
seen = 0
while True:
    for message in sqs.receive_message(QueueUrl=jobs, MaxNumberOfMessages=1).get("Messages", ()):
        seen += 1
        if seen > 1:
            sqs.send_message(QueueUrl=requests, MessageBody=message["Body"])
            sqs.delete_message(QueueUrl=jobs, ReceiptHandle=message["ReceiptHandle"])
    time.sleep(4.5 if seen == 1 else 0.1)
"""


def test_a_message_that_lies_there_again_is_waited_for_as_long_as_its_consumer_may_be_silent(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = tmp_path / "poller"
    folder.mkdir()
    (folder / "poller.py").write_text(POLLER)
    document = f'name = "poller"\ncommand = ["{sys.executable}", "poller.py"]\nlongest_silence = 8\n'
    (folder / "service.toml").write_text(document)
    monkeypatch.setenv("HARNESS_SERVICES", str(tmp_path))
    requests = sandbox.aws.queue("requests", key="/id")
    jobs = sandbox.aws.queue("jobs", key="/id", effect=requests, visibility_timeout=1)
    sandbox.start(Service.named("poller"), uses={"AWS_ENDPOINT_URL": sandbox.aws})
    jobs.publish([{"id": "1"}])
    history = sandbox.drain()

    assert accounted(history).conclusion == "kept"
    assert history.drained
