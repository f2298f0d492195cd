"""What faults do to whole calls to AWS, byte by byte, in both protocols; with real clients: tests/table."""

import json

import pytest

from harness.errors import UsageError
from harness.wire import sqs
from harness.wire.rules import Name, Rule
from harness.wire.streams import Back, Close
from tests.wire import sqs_calls, sqs_forms
from tests.wire.sqs_calls import DELETE, LINK, RECEIVE, RECEIVED, SEND, SENT, URL, answer, call
from tests.wire.sqs_link import Taps
from tests.wire.taps import CollectingSink

PROTOCOLS = [sqs_calls, sqs_forms]
EXPECTING = call("SendMessage", {"QueueUrl": URL, "MessageBody": '{"personId": 7}'}, expect="100-continue")
BATCH = call(
    "SendMessageBatch",
    {"QueueUrl": URL, "Entries": [{"Id": f"e{n}", "MessageBody": json.dumps({"personId": n})} for n in (1, 2)]},
)
BATCHED = answer({"Successful": [{"Id": f"e{n}", "MessageId": f"m-{n}"} for n in (1, 2)]})
LIST = call("ListQueues", {})


@pytest.fixture
def sink() -> CollectingSink:
    return CollectingSink(queues={"aws:mail": "/personId"})


def rule(name: Name, **how: object) -> Rule:
    return Rule(id="f1", name=name, link=LINK, **how)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("refused", "reason"),
    [
        (
            rule("shortened", seconds=1, on="SendMessage"),
            "on='SendMessage' is no call of SQS or SNS that it can act on",
        ),
        (rule("held", on="Basic.Publish"), "on='Basic.Publish' is no call of SQS"),
        (rule("status", code=503, on="ReceiveMessage", key="7"), "a ReceiveMessage says of no message that it wants it"),
        (rule("status", code=302), "AWS refuses nothing with 302"),
        (rule("status", code=503, headers={"Content-Length": "3"}), "headers={'Content-Length': ...} would say where"),
    ],
)
def test_what_could_never_act_is_refused_with_a_sentence(refused: Rule, reason: str):
    with pytest.raises(UsageError, match=reason.replace("(", "\\(")):
        sqs.supports(refused)


@pytest.mark.parametrize("name", ["held", "latency", "request_lost", "answer_lost", "duplicate", "reordered"])
def test_what_can_act_is_not_refused(name: Name):
    sqs.supports(rule(name, on="ReceiveMessage"))


class TestRequestLost:
    @pytest.mark.parametrize("by", [None, 1, 100])
    @pytest.mark.parametrize("asked", [SEND, sqs_forms.SEND, EXPECTING, DELETE], ids=["json", "query", "expecting", "delete"])
    def test_nothing_goes_on_and_the_connection_is_closed(self, sink: CollectingSink, asked: bytes, by: int | None):
        taps = Taps(sink, rule("request_lost"))

        assert taps.ask(asked, by=by) == b""
        assert taps.near.closed == [Close()]
        assert [event.at for event in sink.events] == ["near", "near"]
        assert [event.kind for event in sink.events][1:] == ["bit"]

    def test_a_batch_is_lost_whole_where_one_entry_fits(self, sink: CollectingSink):
        taps = Taps(sink, rule("request_lost", key="2"))

        assert taps.ask(BATCH) == b""
        assert taps.story("bit") == [("near", "bit", 1, key, "f1") for key in ("1", "2")]

    def test_counted_it_waits_for_a_call_about_messages(self, sink: CollectingSink):
        taps = Taps(sink, rule("request_lost", times=1))

        assert taps.ask(LIST) == LIST
        assert taps.ask(RECEIVE) == b""

    def test_uncounted_it_takes_every_call(self, sink: CollectingSink):
        taps = Taps(sink, rule("request_lost"))

        assert taps.ask(LIST) == b""

    def test_another_message_passes(self, sink: CollectingSink):
        taps = Taps(sink, rule("request_lost", key="8"))

        assert [taps.ask(asked) for asked in (SEND, RECEIVE, b"GET /health HTTP/1.1\r\n\r\n")][:2] == [SEND, RECEIVE]


class TestStatus:
    def test_an_error_of_aws_in_json(self, sink: CollectingSink):
        taps = Taps(sink, rule("status", code="QueueDoesNotExist"))
        got = taps.call(SEND, SENT)
        head, _, body = got.partition(b"\r\n\r\n")

        assert head.startswith(b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/x-amz-json-1.0\r\n")
        assert b"\r\nx-amzn-query-error: AWS.SimpleQueueService.NonExistentQueue;Sender\r\n" in head
        assert json.loads(body) == {
            "__type": "com.amazonaws.sqs#QueueDoesNotExist",
            "message": "The specified queue does not exist.",
        }
        assert taps.near.to_target == b""

    def test_an_error_of_aws_in_xml(self, sink: CollectingSink):
        got = Taps(sink, rule("status", code="RequestThrottled", headers={"Retry-After": "1"})).call(sqs_forms.SEND, SENT)

        assert got.startswith(b"HTTP/1.1 403 Forbidden\r\nContent-Type: text/xml\r\nRetry-After: 1\r\n")
        assert sqs_forms.texts(got, "Code") == ["RequestThrottled"]
        assert sqs_forms.texts(got, "Type") == ["Sender"]

    @pytest.mark.parametrize(
        ("code", "line", "query_code"),
        [
            (503, b"503 Service Unavailable", b"ServiceUnavailable;Receiver"),
            (500, b"500 Internal Server Error", b"InternalFailure;Receiver"),
            (502, b"502 Bad Gateway", b"ServiceUnavailable;Receiver"),
            (429, b"429 Too Many Requests", b"Throttled;Sender"),
            (418, b"418 I'm a Teapot", b"ValidationError;Sender"),
            ("AWS.SimpleQueueService.NonExistentQueue", b"400 Bad Request", b"AWS.SimpleQueueService.NonExistentQueue;Sender"),
            ("MyOwn", b"400 Bad Request", b"MyOwn;Sender"),
        ],
    )
    def test_each_code_has_its_status(self, sink: CollectingSink, code: int | str, line: bytes, query_code: bytes):
        got = Taps(sink, rule("status", code=code)).call(SEND, SENT)

        assert got.lower().startswith(b"http/1.1 " + line.lower())
        assert b"x-amzn-query-error: " + query_code in got

    def test_nobody_carried_it_out_for_certain(self, sink: CollectingSink):
        taps = Taps(sink, rule("status", code=503))
        taps.call(SEND, SENT)
        taps.call(DELETE, answer())

        assert taps.story() == [
            ("near", "attempted", 1, "7", ""), ("near", "bit", 1, "7", "f1"),
            ("near", "refused", 1, "7", "f1"), ("near", "answered", 1, "", "f1"),
            ("near", "settled", 2, "", ""), ("near", "bit", 2, "", "f1"),
            ("near", "confirmed", 2, "", "f1"), ("near", "answered", 2, "", "f1"),
        ]  # fmt: skip
        assert [event.ok for event in sink.of("confirmed")] == [False]
        assert [(event.status, event.data) for event in sink.of("answered")] == [
            (503, {"code": "ServiceUnavailable", "attempt": 2}),
            (503, {"code": "ServiceUnavailable"}),
        ]

    def test_what_comes_after_has_the_same_number_near_and_far(self, sink: CollectingSink):
        taps = Taps(sink, rule("status", code=503, times=1, body="busy"))
        first, second = taps.call(SEND, SENT), taps.call(SEND, SENT)

        assert first.endswith(b"Content-Length: 4\r\n\r\nbusy")
        assert second == SENT
        assert [(event.at, event.x) for event in sink.of("acknowledged")] == [("far", 2), ("near", 2)]

    def test_a_connection_that_was_to_end_ends(self, sink: CollectingSink):
        taps = Taps(sink, rule("status", code=503))
        got = taps.call(SEND.replace(b"Content-Length", b"Connection: close\r\nContent-Length"), SENT)

        assert b"\r\nConnection: close\r\n" in got
        assert taps.near.closed == [Close()]

    def test_a_receive_is_refused_too(self, sink: CollectingSink):
        taps = Taps(sink, rule("status", code="AccessDenied", on="ReceiveMessage", times=1))

        assert taps.call(RECEIVE, RECEIVED).startswith(b"HTTP/1.1 403")
        assert taps.story("bit") == [("near", "bit", 1, "", "f1")]


class TestDuplicate:
    def test_a_send_is_sent_again_and_its_answer_goes_nowhere(self, sink: CollectingSink):
        taps = Taps(sink, rule("duplicate", times=1))

        assert taps.ask(EXPECTING) == b"".join([EXPECTING, EXPECTING.replace(b"expect: 100-continue\r\n", b"")])
        assert taps.reply(SENT + SENT.replace(b"m-1", b"m-2")) == SENT
        assert taps.story() == [
            ("near", "attempted", 1, "7", ""), ("near", "bit", 1, "7", "f1"), ("near", "attempted", 2, "7", "f1"),
            ("far", "attempted", 1, "7", ""), ("far", "attempted", 2, "7", "f1"),
            ("far", "acknowledged", 1, "7", ""), ("far", "answered", 1, "", ""),
            ("far", "acknowledged", 2, "7", "f1"), ("far", "answered", 2, "", "f1"),
            ("near", "acknowledged", 1, "7", ""), ("near", "answered", 1, "", ""),
        ]  # fmt: skip
        assert [event.mid for event in sink.of("acknowledged", at="far")] == ["m-1", "m-2"]

    @pytest.mark.parametrize("by", [None, 1])
    def test_of_a_batch_the_meant_entries(self, sink: CollectingSink, by: int | None):
        taps = Taps(sink, rule("duplicate", on="SendMessage", key="2", copies=2))
        first, second, third = taps.ask(BATCH, by=by).split(b"POST ")[1:]

        assert b"POST " + first == BATCH
        assert second == third
        assert json.loads(second.partition(b"\r\n\r\n")[2])["Entries"] == [{"Id": "e2", "MessageBody": '{"personId": 2}'}]
        assert taps.reply(BATCHED + answer({"Successful": [{"Id": "e2", "MessageId": "m-3"}]}) * 2) == BATCHED

    def test_of_a_batch_in_a_form_the_meant_entries(self, sink: CollectingSink):
        prefix = "SendMessageBatchRequestEntry"
        entries = {f"{prefix}.{n}.Id": f"e{n}" for n in (1, 2)} | {
            f"{prefix}.{n}.MessageBody": f'{{"personId":{n}}}' for n in (1, 2)
        }
        asked = sqs_forms.form("SendMessageBatch", entries, connection="close")
        first, second = Taps(sink, rule("duplicate", key="2")).ask(asked).split(b"POST ")[1:]

        assert sqs_forms.fields(first) == sqs_forms.fields(asked)
        assert (b"Connection: keep-alive" in first, b"connection: close" in second) == (True, True)
        assert {name for name in sqs_forms.fields(second) if prefix in name} == {f"{prefix}.1.Id", f"{prefix}.1.MessageBody"}

    def test_what_is_altered_too_is_sent_altered_and_again_as_it_was(self, sink: CollectingSink):
        taps = Taps(sink, rule("duplicate"), Rule(id="f2", name="altered", link=LINK, body='{"personId": 9}'))
        taps.ask(SEND)

        assert [(event.key, event.fault) for event in sink.of("attempted", at="far")] == [("9", ""), ("7", "f1")]

    def test_a_settlement_only_by_its_name(self, sink: CollectingSink):
        assert Taps(sink, rule("duplicate")).ask(DELETE) == DELETE
        assert Taps(sink, rule("duplicate", on="DeleteMessage")).ask(DELETE) == DELETE * 2


def test_a_gateways_answer_in_place_of_a_lost_one_is_the_faults(sink: CollectingSink):
    taps = Taps(sink, rule("answer_lost", status=504, times=1))
    got = taps.call(SEND, SENT)

    assert got.startswith(b"HTTP/1.1 504 Gateway Timeout\r\n")
    assert taps.story("acknowledged", "answered") == [("far", "acknowledged", 1, "7", ""), ("near", "answered", 1, "", "f1")]


def test_who_is_invited_sends_the_rest(sink: CollectingSink):
    taps = Taps(sink, rule("request_lost", key="8"))
    head = EXPECTING.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    steps = list(taps.near.session.from_service(head))

    assert steps == [Back(b"HTTP/1.1 100 Continue\r\n\r\n")]
    assert taps.near.ask(EXPECTING[len(head) :]) == EXPECTING
