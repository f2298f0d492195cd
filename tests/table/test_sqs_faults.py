"""The faults of single calls on SQS, with boto3 in JSON and in query: what client and taps saw, what bit."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.faults import altered, answer_lost, request_lost, status
from harness.model import Fault, Link
from tests.table.asking_aws import Asking, outcome
from tests.table.sqs_queue import OLD, Queue, connected, keys, message_for

LINK = Link("mailer", "aws")
ATTEMPTED, SENT = ("attempted", "1"), ("acknowledged", "1")
DELETED, GONE = ("settled", "1"), ("confirmed", "1")


def test_the_two_clients_speak_the_two_protocols(newest_boto: Asking, oldest_boto: Asking):
    assert oldest_boto.version == OLD
    assert newest_boto.version >= "1.44"


class TestRequestLost:
    def test_a_send_that_nobody_has(self, queue: Queue):
        queue.road.arm(request_lost(LINK, on="SendMessage", times=1))
        saw = [queue.send("1"), queue.send("2")]

        assert saw == ["ConnectionClosedError", "ok"]
        assert queue.road.near("attempted", "acknowledged") == [ATTEMPTED, ("attempted", "2"), ("acknowledged", "2")]
        assert queue.road.far("attempted", "acknowledged") == [("attempted", "2"), ("acknowledged", "2")]
        assert queue.road.bites() == [("f1", "near", "SendMessage", "1")]
        assert queue.left() == (1, 0)

    def test_a_delete_that_nobody_has(self, queue: Queue):
        queue.send("1")
        (message,) = queue.receive()
        queue.road.forget()
        queue.road.arm(request_lost(LINK, key="1"))
        saw = queue.settle("delete_message", message)

        assert saw == "ConnectionClosedError"
        assert (queue.road.near("settled", "confirmed"), queue.road.far("settled", "confirmed")) == ([DELETED], [])
        assert queue.road.bites() == [("f1", "near", "DeleteMessage", "1")]
        assert queue.left() == (0, 1)

    def test_a_batch_is_lost_whole(self, queue: Queue):
        queue.road.arm(request_lost(LINK, key="2"))
        entries = [{"Id": f"e{n}", "MessageBody": json.dumps({"id": str(n)})} for n in (1, 2)]
        saw = queue.ask("send_message_batch", Entries=entries)[0]

        assert saw == "ConnectionClosedError"
        assert queue.road.bites() == [("f1", "near", "SendMessageBatch", key) for key in ("1", "2")]
        assert queue.left() == (0, 0)


class TestAnswerLost:
    def test_a_send_is_carried_out(self, queue: Queue):
        queue.road.arm(answer_lost(LINK, on="SendMessage", times=1))
        saw = [queue.send("1"), queue.send("2")]

        assert saw == ["ConnectionClosedError", "ok"]
        assert queue.road.near("acknowledged") == [("acknowledged", "2")]
        assert queue.road.far("acknowledged") == [SENT, ("acknowledged", "2")]
        assert queue.road.bites() == [("f1", "far", "SendMessage", "1")]
        assert queue.left() == (2, 0)

    def test_a_receive_is_carried_out_and_its_messages_in_flight(self, queue: Queue):
        queue.send("1")
        queue.road.forget()
        queue.road.arm(answer_lost(LINK, on="ReceiveMessage", times=1))
        saw = queue.ask("receive_message")[0]

        assert saw == "ConnectionClosedError"
        assert (queue.road.near("delivered"), queue.road.far("delivered")) == ([], [("delivered", "1")])
        assert queue.road.bites() == [("f1", "far", "ReceiveMessage", "1")]
        assert queue.left() == (0, 1)

    def test_a_delete_is_carried_out(self, queue: Queue):
        queue.send("1")
        (message,) = queue.receive()
        queue.road.forget()
        queue.road.arm(answer_lost(LINK, status=504, key="1"))
        saw = queue.settle("delete_message", message)

        assert saw == "504"
        assert (queue.road.near("settled", "confirmed"), queue.road.far("settled", "confirmed")) == ([DELETED], [DELETED, GONE])
        assert queue.road.made("answered") == [("f1", "answered", "")]
        assert queue.left() == (0, 0)

    @pytest.mark.parametrize("number", [1, 2, 4, 8])
    def test_exactly_one_is_lost_however_many_connections_are_open(self, in_json: Queue, number: int):
        clients = [connected(f"http://127.0.0.1:{in_json.road.port}") for _ in range(number)]
        for one in clients:
            one.get_queue_attributes(QueueUrl=in_json.url)
        in_json.road.forget()
        in_json.road.arm(answer_lost(LINK, on="SendMessage", times=1))
        with ThreadPoolExecutor(number) as threads:
            saw = sorted(threads.map(lambda one: outcome(one.send_message, message_for(in_json))[0], clients))

        assert saw == ["ConnectionClosedError", *["ok"] * (number - 1)]
        assert in_json.road.far("acknowledged") == [SENT] * number
        assert in_json.road.bites() == [("f1", "far", "SendMessage", "1")]
        assert in_json.left() == (number, 0)


class TestStatus:
    @pytest.mark.parametrize(
        ("code", "json_saw", "query_saw"),
        [
            ("QueueDoesNotExist", ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", 400), None),
            ("RequestThrottled", ("RequestThrottled", "RequestThrottled", 403), ("RequestThrottled", "ClientError", 403)),
            ("AccessDenied", ("AccessDenied", "ClientError", 403), None),
            ("OverLimit", ("OverLimit", "OverLimit", 403), None),
            (503, ("ServiceUnavailable", "ClientError", 503), None),
            (500, ("InternalFailure", "ClientError", 500), None),
        ],
    )
    def test_the_client_raises_what_it_would_from_aws(
        self, queue: Queue, code: int | str, json_saw: tuple[str, str, int], query_saw: tuple[str, str, int] | None
    ):
        queue.road.arm(status(LINK, code, on="SendMessage", times=1))
        word, answer = queue.ask("send_message", MessageBody='{"id": "1"}')
        again = queue.send("2")

        assert (word, answer["class"], answer["status"]) == (json_saw if queue.speaks == "json" else query_saw or json_saw)
        assert again == "ok"
        assert queue.road.near("attempted", "acknowledged") == [ATTEMPTED, ("attempted", "2"), ("acknowledged", "2")]
        assert queue.road.made("refused", "answered") == [("f1", "refused", "1"), ("f1", "answered", "")]
        assert queue.road.far("attempted", "acknowledged") == [("attempted", "2"), ("acknowledged", "2")]
        assert queue.road.bites() == [("f1", "near", "SendMessage", "1")]
        assert [(event.at, event.conn, event.x) for event in queue.road.events("acknowledged")][1:] == [
            ("near", event.conn, event.x) for event in queue.road.events("acknowledged", at="far")
        ]

    def test_receives_are_refused_while_it_lasts(self, queue: Queue):
        queue.send("1")
        queue.road.forget()
        queue.road.arm(status(LINK, "RequestThrottled", on="ReceiveMessage", times=2))
        saw = [queue.ask("receive_message")[0] for _ in range(2)]

        assert saw == ["RequestThrottled"] * 2
        assert keys(queue.receive()) == ["1"]
        assert queue.road.bites() == [("f1", "near", "ReceiveMessage", "")] * 2


@pytest.mark.parametrize("fault", [request_lost(LINK, on="POST"), altered(LINK, on="DeleteMessage", body="x")], ids=str)
def test_what_cannot_bite_is_refused(in_json: Queue, fault: Fault):
    with pytest.raises(Exception, match="is no call of SQS or SNS that it can act on"):
        in_json.road.arm(fault)
