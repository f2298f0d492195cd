"""What AWS refuses and LocalStack takes, with boto3 in JSON and in query: the error the client gets, what the journal says."""

import json
from dataclasses import replace
from typing import Any

import pytest

from harness.address import Address
from harness.clock import eventually, pause
from harness.history import fidelity
from harness.stack import Stack
from harness.stack.fidelity import PROBES, probed
from harness.wire.shims import ENFORCED
from tests.table.seen import Way
from tests.table.sqs_queue import Queue

BODY = {"MessageBody": '{"id": "1"}'}
OVER = 2.2
"""Seconds after which a visibility timeout of 1 s is over for sure."""


def attributes(count: int) -> dict[str, Any]:
    return {f"a{n}": {"DataType": "String", "StringValue": "x"} for n in range(count)}


def number(value: str) -> dict[str, Any]:
    return {"n": {"DataType": "Number.int", "StringValue": value}}


def taken(queue: Queue, seconds: int) -> dict[str, Any]:
    """Receive one message for so many seconds, waiting until it comes."""

    def received() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = queue.ask("receive_message", VisibilityTimeout=seconds)[1].get("Messages", [])
        return found

    found = eventually(received, awaited="a message", within=60, every=0.1)
    assert found
    return found[0]


def expired(message: dict[str, Any]) -> str:
    return f"Value {message['ReceiptHandle']} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired."


SENDS: dict[str, tuple[dict[str, Any], str, str]] = {
    "eleven attributes": (
        {**BODY, "MessageAttributes": attributes(11)},
        fidelity.ATTRIBUTES,
        "Number of message attributes [11] exceeds the allowed maximum [10].",
    ),
    "a number that is none": (
        {**BODY, "MessageAttributes": number("twelve")},
        fidelity.NUMBER,
        "Can't cast the value of message (user) attribute 'n' to a number.",
    ),
    "a long delay": (
        {**BODY, "DelaySeconds": 901},
        fidelity.DELAY,
        "Value 901 for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900.",
    ),
    "too much": (
        {"MessageBody": '{"id": "1", "x": "' + "ä" * 524_288 + '"}'},
        fidelity.SIZE,
        "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes.",
    ),
}


@pytest.mark.parametrize("case", SENDS)
def test_a_send_that_aws_refuses(queue: Queue, case: str):
    arguments, shim, text = SENDS[case]
    word, answer = queue.ask("send_message", **arguments)

    assert (word, answer["status"], answer["text"]) == ("InvalidParameterValue", 400, text)
    (refused,) = queue.road.events("refused", at="far")
    assert (refused.fault, refused.status, refused.data) == ("", 400, {"code": "InvalidParameterValue", "shim": shim})
    assert queue.road.near("attempted", "refused") == [("attempted", "1"), ("refused", "1")]
    assert queue.left() == (0, 0)


@pytest.mark.parametrize(
    "more",
    [{"MessageAttributes": attributes(10)}, {"MessageAttributes": number("-1.5e3")}, {"DelaySeconds": 900}],
    ids=["ten attributes", "a number", "the longest delay"],
)
def test_a_send_at_the_limit_passes(queue: Queue, more: dict[str, Any]):
    assert queue.ask("send_message", **BODY, **more)[0] == "ok"


def test_of_a_batch_only_what_aws_refuses_is_refused(queue: Queue):
    entries = [{"Id": f"e{n}", "MessageBody": json.dumps({"id": str(n)})} for n in range(3)]
    entries[1]["MessageAttributes"] = attributes(11)  # type: ignore[assignment]
    word, answer = queue.ask("send_message_batch", Entries=entries)
    (failed,) = answer["Failed"]

    assert (word, [one["Id"] for one in answer["Successful"]]) == ("ok", ["e0", "e2"])
    assert (failed["Id"], failed["Code"], failed["SenderFault"]) == ("e1", "InvalidParameterValue", True)
    assert queue.road.far("acknowledged", "refused") == [("acknowledged", "0"), ("acknowledged", "2"), ("refused", "1")]
    assert queue.road.near("acknowledged", "refused") == queue.road.far("acknowledged", "refused")
    assert queue.left() == (2, 0)


def test_a_batch_of_which_aws_refuses_all(queue: Queue):
    entries = [{"Id": f"e{n}", **BODY, "DelaySeconds": 901} for n in range(2)]
    word, answer = queue.ask("send_message_batch", Entries=entries)

    assert (word, [one["Id"] for one in answer["Failed"]]) == ("ok", ["e0", "e1"])
    assert queue.left() == (0, 0)


def test_timeouts_that_are_too_long(queue: Queue):
    queue.send("1")
    received = queue.ask("receive_message", VisibilityTimeout=43_201)
    (message,) = queue.receive()
    changed = queue.begin("change_message_visibility", ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=43_201)()
    begun = "Value 43201 for parameter VisibilityTimeout is invalid. Reason: "

    assert (received[0], received[1]["status"]) == ("InvalidParameterValue", 400)
    assert received[1]["text"] == f"{begun}Must be >= 0 and <= 43200, if provided."
    assert (changed[0], changed[1]["status"]) == ("InvalidParameterValue", 400)
    assert changed[1]["text"] == f"{begun}Total VisibilityTimeout for the message is beyond the limit [43200 seconds]"
    assert queue.settle("change_message_visibility", message, VisibilityTimeout=43_200) == "ok"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MessageRetentionPeriod", "59"),
        ("VisibilityTimeout", "43201"),
        ("DelaySeconds", "901"),
        ("MaximumMessageSize", "1048577"),
        ("MessageRetentionPeriod", "long"),
    ],
    ids=["retention", "visibility", "delay", "size", "no number"],
)
def test_settings_that_aws_refuses(queue: Queue, name: str, value: str):
    word, answer = queue.ask("set_queue_attributes", Attributes={name: value})
    made = queue.asking.ask("create_queue", QueueName="jobs-never", Attributes={name: value})

    assert (word, answer["status"], answer["text"]) == (
        "InvalidAttributeValue",
        400,
        f"Invalid value for the parameter {name}.",
    )
    assert made == (word, answer)
    assert queue.ask("set_queue_attributes", Attributes={"MessageRetentionPeriod": "60"})[0] == "ok"


class TestReceipts:
    def test_a_late_delete_on_fifo(self, fifo: Queue):
        fifo.send("1", MessageGroupId="g")
        old = taken(fifo, 1)
        new = taken(fifo, 30)
        fifo.road.forget()
        word, answer = fifo.begin("delete_message", ReceiptHandle=old["ReceiptHandle"])()

        assert (word, answer["status"], answer["text"]) == ("InvalidParameterValue", 400, expired(old))
        (said,) = fifo.road.events("confirmed", at="far")
        assert (said.fault, said.ok, said.data) == ("", False, {"code": "InvalidParameterValue", "shim": fidelity.LATE_DELETE})
        assert (fifo.road.near("settled", "confirmed"), fifo.left()) == ([("settled", "1"), ("confirmed", "1")], (0, 1))
        assert [fifo.settle("delete_message", new), fifo.settle("delete_message", new)] == ["ok", "ok"]
        assert fifo.left() == (0, 0)

    def test_a_heartbeat_that_comes_too_late_on_fifo(self, fifo: Queue):
        fifo.send("1", MessageGroupId="g")
        old = taken(fifo, 1)
        pause(OVER)
        word, answer = fifo.begin("change_message_visibility", ReceiptHandle=old["ReceiptHandle"], VisibilityTimeout=30)()
        new = taken(fifo, 30)
        entries = [
            {"Id": "a", "ReceiptHandle": old["ReceiptHandle"], "VisibilityTimeout": 30},
            {"Id": "b", "ReceiptHandle": new["ReceiptHandle"], "VisibilityTimeout": 0},
        ]
        _, batch = fifo.ask("change_message_visibility_batch", Entries=entries)
        (failed,) = batch["Failed"]

        assert (word, answer["class"], answer["status"]) == (
            "AWS.SimpleQueueService.MessageNotInflight",
            "MessageNotInflight",
            400,
        )
        assert ([one["Id"] for one in batch["Successful"]], failed["Id"], failed["Code"]) == (
            ["b"],
            "a",
            "ReceiptHandleIsInvalid",
        )
        assert fifo.left() == (1, 0)

    def test_who_extends_in_time_may_delete_later(self, fifo: Queue):
        fifo.send("1", MessageGroupId="g")
        message = taken(fifo, 4)
        assert fifo.settle("change_message_visibility", message, VisibilityTimeout=30) == "ok"
        pause(3 + OVER)

        assert fifo.settle("delete_message", message) == "ok"
        assert fifo.left() == (0, 0)

    def test_on_a_standard_queue_aws_takes_late_words(self, queue: Queue):
        queue.send("1")
        old = taken(queue, 1)
        pause(OVER)

        assert queue.settle("change_message_visibility", old, VisibilityTimeout=30) == "ok"
        assert (queue.left(), queue.settle("delete_message", old), queue.left()) == ((1, 0), "ok", (0, 0))


def test_what_a_link_enforces_holds_through_it_for_who_asks(stack: Stack, sqs_road: Way):
    answers = probed(replace(stack, localstack=Address("127.0.0.1", sqs_road.port)))
    hold = {one.probe for one in answers if one.holds}

    assert hold == ENFORCED
    assert {one.probe for one in answers if one.state == "does not hold"} == set(PROBES) - ENFORCED


def test_who_has_dead_letters_moved_is_told_of(queue: Queue):
    queue.asking.ask("start_message_move_task", SourceArn="arn:aws:sqs:us-east-1:100000000061:dead.fifo")

    assert [(one.wire, one.queue) for one in queue.road.events("answered", at="far")] == [("StartMessageMoveTask", "dead.fifo")]
