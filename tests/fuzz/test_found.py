"""What the fuzzer found, as small as it goes: each of these raised, or lost bytes, once."""

import asyncio

import pytest

from harness.wire.streams import Seat
from tests.fuzz.decoders import RULES, Fed
from tests.wire import amqp_bytes as b
from tests.wire.recorded import Side

ASK = "POST / HTTP/1.1\r\nX-Amz-Target: AmazonSQS.{0}\r\nContent-Length: {1}\r\n\r\n{2}"
FORM = "POST / HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {0}\r\n\r\n{1}"


def asked(operation: str, body: str) -> bytes:
    return ASK.format(operation, len(body), body).encode("latin-1")


def form(body: str) -> bytes:
    return FORM.format(len(body), body).encode()


def answered(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def number_of(protocol: str, name: str) -> int:
    return [str(rule.name) for rule in RULES[protocol]].index(name)


def told(protocol: str, mode: str, seat: Seat, rule: str, *said: tuple[Side, bytes]) -> tuple[list[str], Fed]:
    async def play() -> tuple[list[str], Fed]:
        fed = Fed(protocol, mode, seat, number_of(protocol, rule))
        return [how for how in (fed.feed(side, data) for side, data in said) if how], fed

    return asyncio.run(play())


@pytest.mark.parametrize("cut", [1, 9, -1])
def test_frames_that_cannot_be_read_are_not_lost_where_a_rule_kept_them(cut: int) -> None:
    whole = b.publish(1, "jobs", b.BODY, message_id="m")
    garbled = whole.replace(b"\x04jobs", b"\x09jobs")
    short = b"\x01\x00\x01\x00\x00\x00\x05\x00\x3c\x00\x28\x00\xce"
    for data in (garbled, b.frames(whole)[0] + short, short):
        troubles, fed = told("amqp", "ruled", "near", "altered", (">", b.HELLO), (">", data[:cut]), (">", data[cut:] + b.BEAT))
        assert (troubles, fed.passed[">"]) == ([], b.HELLO + data + b.BEAT)


def test_a_name_in_json_that_is_no_utf_8_is_a_gap() -> None:
    body = b'{"Messages": [{"\xfe": 1, "MessageId": "m", "ReceiptHandle": "h", "Body": "{}"}]}'
    said: list[tuple[Side, bytes]] = [(">", asked("ReceiveMessage", '{"QueueUrl": "/jobs"}')), ("<", answered(body))]
    troubles, fed = told("sqs", "ruled", "far", "altered", *said)
    assert (troubles, fed.passed["<"]) == ([], answered(body))
    assert fed.sink.of("gap") != []


def test_a_call_without_a_body_can_be_changed() -> None:
    assert told("sqs", "bitten", "near", "shortened", (">", asked("ReceiveMessage", "")))[0] == []


def test_an_answer_that_comes_before_its_request_is_whole_is_the_answer() -> None:
    begun = b"POST /jobs HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    said: list[tuple[Side, bytes]] = [(">", begun), ("<", answered(b"{}")), (">", b"0\r\n\r\n")]
    assert told("http", "bitten", "near", "status", *said)[0] == []
    assert told("sqs", "later", "far", "altered", *said)[0] == []
    expecting = begun.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n")
    assert told("http", "bitten", "near", "status", (">", expecting), *said[1:])[0] == []


def test_half_a_surrogate_has_a_digest() -> None:
    attribute = "MessageAttribute.1.Name=%FF&MessageAttribute.1.Value.DataType=String&MessageAttribute.1.Value.StringValue=%FF"
    sent = form(f"Action=SendMessage&QueueUrl=/jobs&MessageBody=%FF&{attribute}")
    reply = b"<SendMessageResponse><SendMessageResult><MessageId>m</MessageId></SendMessageResult></SendMessageResponse>"
    for body in (reply, b""):
        assert told("sqs", "bitten", "near", "altered", (">", sent), ("<", answered(body)))[0] == []
