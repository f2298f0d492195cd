"""The faults of single messages on SQS, with boto3 in JSON and in query: what client and taps saw, what bit."""

import json

import pytest

from harness.clock import eventually, now
from harness.faults import altered, duplicate, held, latency, reordered, shortened
from harness.model import Link
from harness.wire.aws import Attribute, md5_of_attributes, md5_of_body
from tests.table.sqs_queue import Queue, keys

LINK = Link("mailer", "aws")
JAVA = {"JavaType": {"DataType": "String", "StringValue": "a.B"}}
ATTEMPTED, SENT = ("attempted", "1"), ("acknowledged", "1")


class TestDuplicate:
    def test_a_send_comes_twice_to_the_broker(self, queue: Queue):
        queue.road.arm(duplicate(LINK, times=1))
        saw = [queue.send("1"), queue.send("2")]
        eventually(lambda: queue.left() == (3, 0), awaited="three messages", within=60)

        assert saw == ["ok", "ok"]
        assert queue.road.near("acknowledged") == [SENT, ("acknowledged", "2")]
        assert queue.road.far("acknowledged") == [SENT, ("acknowledged", "2")]
        assert queue.road.made("attempted", "acknowledged") == [
            ("f1", "attempted", "1"), ("f1", "attempted", "1"), ("f1", "acknowledged", "1"),
        ]  # fmt: skip
        assert queue.road.bites() == [("f1", "near", "SendMessage", "1")]

    def test_of_a_batch_the_one_that_is_meant(self, queue: Queue):
        queue.road.arm(duplicate(LINK, key="2", copies=2))
        entries = [{"Id": f"e{n}", "MessageBody": json.dumps({"id": str(n)})} for n in (1, 2)]
        word, answer = queue.ask("send_message_batch", Entries=entries)
        eventually(lambda: queue.left() == (4, 0), awaited="four messages", within=60)

        assert (word, [one["Id"] for one in answer["Successful"]]) == ("ok", ["e1", "e2"])
        assert queue.road.made("acknowledged") == [("f1", "acknowledged", "2")] * 2

    def test_a_message_is_received_twice(self, queue: Queue):
        queue.send("1")
        queue.road.forget()
        queue.road.arm(duplicate(LINK, on="ReceiveMessage", times=1))
        got = queue.receive()

        assert keys(got) == ["1", "1"]
        assert len({one["ReceiptHandle"] for one in got}) == 1
        assert (queue.road.near("delivered"), queue.road.far("delivered")) == ([("delivered", "1")], [("delivered", "1")])
        assert queue.road.made("delivered") == [("f1", "delivered", "1")]
        assert queue.road.bites() == [("f1", "far", "ReceiveMessage", "1")]

    def test_who_takes_one_at_a_time_has_the_copy_next(self, queue: Queue):
        queue.send("1")
        queue.road.arm(duplicate(LINK, on="ReceiveMessage", times=1))
        started = now()
        got = [keys(queue.receive(1, wait=20)), keys(queue.receive(1, wait=20))]

        assert got == [["1"], ["1"]]
        assert now() - started < 19  # not only when its poll was over


class TestWaiting:
    def test_a_held_send_waits(self, queue: Queue):
        queue.road.arm(held(LINK, key="1"))
        sending = queue.begin("send_message", MessageBody='{"id": "1"}')
        eventually(queue.road.bites, awaited="the bite", within=60)
        before = queue.left()
        queue.road.world.disarm("f1")
        saw = sending()[0]

        assert (before, saw) == ((0, 0), "ok")
        assert queue.left() == (1, 0)
        assert queue.road.bites() == [("f1", "near", "SendMessage", "1")]

    def test_a_message_that_is_handed_out_waits_on_its_way(self, queue: Queue):
        queue.send("1")
        queue.road.arm(held(LINK, on="ReceiveMessage", times=1))
        receiving = queue.begin("receive_message")
        eventually(queue.road.bites, awaited="the bite", within=60)
        before = (queue.left(), queue.road.near("delivered"))
        queue.road.world.disarm("f1")

        assert before == ((0, 1), [])
        assert keys(receiving()[1]["Messages"]) == ["1"]
        assert queue.road.bites() == [("f1", "far", "ReceiveMessage", "1")]

    def test_one_answer_is_late(self, queue: Queue):
        queue.road.arm(latency(LINK, 1, key="1"))
        saw = [queue.send("1"), queue.send("2")]
        late, soon = (event.t for event in queue.road.events("acknowledged", at="near"))
        far_late, far_soon = (event.t for event in queue.road.events("acknowledged", at="far"))

        assert saw == ["ok", "ok"]
        assert (late - far_late >= 1, soon - far_soon < 1) == (True, True)
        assert queue.road.bites() == [("f1", "far", "SendMessage", "1")]


class TestReordered:
    def test_the_messages_of_an_answer_change_places(self, queue: Queue):
        for key in ("1", "2", "3"):
            queue.send(key)
        queue.road.forget()
        queue.road.arm(reordered(LINK, times=2))
        got = keys(queue.receive())

        assert got == ["2", "1", "3"]
        assert queue.road.far("delivered") == [("delivered", key) for key in ("1", "2", "3")]
        assert queue.road.near("delivered") == [("delivered", key) for key in ("2", "1", "3")]
        assert queue.road.bites() == [("f1", "far", "ReceiveMessage", key) for key in ("2", "1")]

    def test_so_do_messages_that_are_received_one_by_one(self, queue: Queue):
        for key in ("1", "2"):
            queue.send(key)
        queue.road.arm(reordered(LINK))
        got = [keys(queue.receive(1, wait=20)) for _ in range(3)]
        last = queue.receive(1)

        assert [*got, keys(last)] == [[], ["2"], ["1"], []]
        assert queue.settle("delete_message", last[0] if last else {"ReceiptHandle": "none"}) == "ReceiptHandleIsInvalid"


class TestShortened:
    def test_a_message_that_was_to_be_hidden_is_there_again(self, queue: Queue):
        queue.send("1")
        queue.road.arm(shortened(LINK, 0, on="ReceiveMessage", times=1))
        got = [keys(queue.receive()), keys(queue.receive())]

        assert got == [["1"], ["1"]]
        assert [(event.data or {}).get("visibility") for event in queue.road.events("delivered", at="far")] == [0.0, None]
        assert queue.road.bites() == [("f1", "near", "ReceiveMessage", "")]
        assert queue.left() == (0, 1)

    def test_a_heartbeat_that_lasts_less_long_than_it_says(self, queue: Queue):
        queue.send("1")
        (message,) = queue.receive()
        queue.road.forget()
        queue.road.arm(shortened(LINK, 0, key="1"))
        saw = queue.settle("change_message_visibility", message, VisibilityTimeout=600)

        assert saw == "ok"
        assert [(event.at, event.delay) for event in queue.road.events("settled")] == [("near", 600.0), ("far", 0.0)]
        assert queue.road.bites() == [("f1", "near", "ChangeMessageVisibility", "1")]
        assert queue.left() == (1, 0)


class TestAltered:
    @pytest.mark.parametrize("on", ["SendMessage", "ReceiveMessage"])
    def test_attributes_and_body_change_and_the_digests_are_right(self, queue: Queue, on: str):
        queue.road.arm(altered(LINK, on=on, attributes={"JavaType": "c.D", "n": ("Number.int", "3")}, body='{"id": "9"}'))
        word, sent = queue.ask("send_message", MessageBody='{"id": "1"}', MessageAttributes=JAVA)
        (message,) = queue.receive()
        wanted = {"JavaType": Attribute("String", "c.D"), "n": Attribute("Number.int", "3")}

        assert (word, sent["MD5OfMessageBody"]) == ("ok", md5_of_body('{"id": "1"}'))
        assert sent["MD5OfMessageAttributes"] == md5_of_attributes({"JavaType": Attribute("String", "a.B")})
        assert (message["Body"], message["MD5OfBody"]) == ('{"id": "9"}', md5_of_body('{"id": "9"}'))
        assert {n: (a["DataType"], a["StringValue"]) for n, a in message["MessageAttributes"].items()} == wanted
        assert message["MD5OfMessageAttributes"] == md5_of_attributes(wanted)
        at = "near" if on == "SendMessage" else "far"
        assert queue.road.bites() == [("f1", at, on, "1")]
        assert queue.road.near("attempted") == [ATTEMPTED]
