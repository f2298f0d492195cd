"""Tasks of Celery on SQS: found in two layers of base64 and JSON, whatever else a body is, and written as a version would."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from harness.errors import UsageError
from harness.model import Key
from harness.wire import celery
from harness.wire.keys import found

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
PROTOCOL_1 = {"task": "deliver_sms", "id": "7", "args": ["N1"], "kwargs": {}, "retries": 0, "eta": None, "utc": True}


def packed(value: object) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


def enveloped(inner: str, **more: Any) -> bytes:
    return packed({"body": inner, "headers": {}, "properties": {"body_encoding": "base64"}, **more}).encode()


def sent(given: object, like: str = "celery-5.6.2") -> bytes:
    return celery.message("publish(to sms", given, like=like, queue="sms", now=NOW)


def task_in(body: bytes) -> dict[str, Any]:
    task = celery.task(body)
    assert task is not None
    read: dict[str, Any] = json.loads(task)
    return read


@pytest.mark.parametrize("like", celery.LIKE)
def test_a_task_that_was_written_is_read(like: str):
    task = task_in(sent({"task": "deliver_sms", "args": ["N1"], "kwargs": {"try": 2}, "id": "7", "countdown": 90}, like))

    assert (task["task"], task["id"], task["args"], task["kwargs"]) == ("deliver_sms", "7", ["N1"], {"try": 2})
    assert (task["eta"], task["retries"]) == ("2026-11-25T12:01:30+00:00", 0)
    assert (task["argsrepr"], task["kwargsrepr"]) == ("['N1']", "{'try': 2}")
    assert ("replaced_task_nesting" in task) == (like != "celery-5.3.4")


def test_what_is_not_said_of_a_task_is_as_if_it_was_called_without():
    task, other = task_in(sent({"task": "tick"})), task_in(sent({"task": "tick", "eta": "2026-11-25T13:00:00+00:00"}))

    assert (task["args"], task["kwargs"], task["argsrepr"], task["eta"]) == ([], {}, "()", None)
    assert other["eta"] == "2026-11-25T13:00:00+00:00"
    assert task["id"] != other["id"]


def test_a_task_of_protocol_1_has_all_of_it_in_its_body():
    body = enveloped(packed(PROTOCOL_1))

    assert task_in(body) == PROTOCOL_1
    assert found(Key("/args/0"), body) == "N1"


@pytest.mark.parametrize(
    "body",
    [
        b'{"args": ["N1"]}', b"", b"eyJ%", packed({"args": ["N1"]}).encode(), packed(["N1"]).encode(),
        enveloped("%"), enveloped(packed("N1")), enveloped(packed({"args": ["N1"]})), enveloped(packed([["N1"], {}, {}])),
        enveloped(packed([["N1"], {}]), headers={"task": "a"}), enveloped(packed(PROTOCOL_1), properties={}),
        base64.b64encode(b'{"body": ' + b"[" * 100_000),
    ],
    ids=[
        "plain JSON", "nothing", "no base64", "no envelope", "a list", "no base64 inside", "a text inside", "no name of a task",
        "no header", "two of three", "another encoding", "deep",
    ],
)  # fmt: skip
def test_what_is_no_task_is_none(body: bytes):
    assert celery.task(body) is None


@pytest.mark.parametrize(
    "given", ['{"task": "a"}', {"args": ["N1"]}, {"task": "a", "args": "N1"}, {"task": "a", "delay": 1}], ids=str
)
def test_what_says_no_task_is_refused(given: object):
    told = (
        r"publish\(to sms, like='celery-5\.6\.2'\): \{\"task\": \"deliver_sms\", \"args\": \[\"N1\"\]\} is a task; this is none: "
    )
    with pytest.raises(UsageError, match=told):
        sent(given)
