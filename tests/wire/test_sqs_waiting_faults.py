"""What waits, comes late or is hidden for less long on a link to AWS, byte by byte; with real clients: tests/table."""

import asyncio
import json
from collections.abc import Iterator
from types import ModuleType

import pytest

from harness.wire.rules import Name, Rule
from harness.wire.streams import Hold, Step
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


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    one = asyncio.new_event_loop()
    yield one
    one.close()


def rule(name: Name, **how: object) -> Rule:
    return Rule(id="f1", name=name, link=LINK, **how)  # type: ignore[arg-type]


class TestWaiting:
    def steps(self, sink: CollectingSink, loop: asyncio.AbstractEventLoop, held: Rule, *through: bytes) -> list[Step]:
        asked, replied = through
        taps = Taps(sink, held)

        async def inside() -> list[Step]:
            requests = list(taps.near.session.from_service(asked))
            taps.far.ask(asked)
            return requests + list(taps.far.session.from_target(replied))

        return loop.run_until_complete(inside())

    @pytest.mark.parametrize("module", PROTOCOLS)
    def test_a_held_request_waits(self, sink: CollectingSink, loop: asyncio.AbstractEventLoop, module: ModuleType):
        hold, sent, *_ = self.steps(sink, loop, rule("held"), module.SEND, module.SENT)

        assert isinstance(hold, Hold)
        assert sent == module.SEND
        assert [(event.at, event.key) for event in sink.of("bit")] == [("near", "7")]

    @pytest.mark.parametrize("how", [{"key": "7"}, {"times": 1}, {"times": 1, "on": "ReceiveMessage"}])
    def test_the_messages_of_a_receive_wait_when_they_are_known(
        self, sink: CollectingSink, loop: asyncio.AbstractEventLoop, how: dict[str, object]
    ):
        asked, hold, got = self.steps(sink, loop, rule("held", **how), RECEIVE, RECEIVED)

        assert (asked, got) == (RECEIVE, RECEIVED)
        assert isinstance(hold, Hold)
        assert [(event.at, event.key) for event in sink.of("bit")] == [("far", "7")]

    def test_a_counted_hold_waits_for_a_receive_that_finds_something(self, sink: CollectingSink, loop: asyncio.AbstractEventLoop):
        assert self.steps(sink, loop, rule("held", times=1), RECEIVE, answer({})) == [RECEIVE, answer({})]

    def test_a_receive_without_a_key_waits_itself(self, sink: CollectingSink, loop: asyncio.AbstractEventLoop):
        hold, asked, got = self.steps(sink, loop, rule("held", on="ReceiveMessage"), RECEIVE, RECEIVED)

        assert isinstance(hold, Hold)
        assert (asked, got) == (RECEIVE, RECEIVED)

    def test_a_late_answer_waits_at_the_far_tap(self, sink: CollectingSink, loop: asyncio.AbstractEventLoop):
        asked, hold, got = self.steps(sink, loop, rule("latency", seconds=0.01, key="7"), SEND, SENT)

        assert (asked, got) == (SEND, SENT)
        assert isinstance(hold, Hold)
        assert [(event.at, event.key) for event in sink.of("bit")] == [("far", "7")]


class TestShortened:
    @pytest.mark.parametrize("module", PROTOCOLS)
    def test_the_timeout_of_a_receive_is_replaced_on_the_wire(self, sink: CollectingSink, module: ModuleType):
        taps = Taps(sink, rule("shortened", seconds=2))
        asked = taps.ask(module.RECEIVE)
        taps.reply(module.RECEIVED)

        assert asked != module.RECEIVE
        assert [(event.at, (event.data or {})["visibility"]) for event in sink.of("delivered")] == [("far", 2.0), ("near", 30.0)]
        assert taps.story("bit") == [("near", "bit", 1, "", "f1")]

    def test_where_the_service_left_it_to_the_queue_it_is_added(self, sink: CollectingSink):
        asked = Taps(sink, rule("shortened", seconds=0)).ask(call("ReceiveMessage", {"QueueUrl": URL}))

        assert json.loads(asked.partition(b"\r\n\r\n")[2]) == {"QueueUrl": URL, "VisibilityTimeout": 0}

    def test_of_a_batch_the_meant_entries_that_are_longer(self, sink: CollectingSink):
        taps = Taps(sink, rule("shortened", seconds=5, on="ChangeMessageVisibility", times=2))
        entries = [{"Id": str(n), "ReceiptHandle": f"h{n}", "VisibilityTimeout": n} for n in (4, 60, 70, 80)]
        asked = taps.ask(call("ChangeMessageVisibilityBatch", {"QueueUrl": URL, "Entries": entries}))

        changed = json.loads(asked.partition(b"\r\n\r\n")[2])["Entries"]
        assert [one["VisibilityTimeout"] for one in changed] == [4, 5, 5, 80]
        assert [event.delay for event in sink.of("settled")] == [4.0, 60.0, 70.0, 80.0, 4.0, 5.0, 5.0, 80.0]

    def test_by_key(self, sink: CollectingSink):
        taps = Taps(sink, rule("shortened", seconds=5, key="8"))
        taps.call(RECEIVE, RECEIVED)
        asked = call("ChangeMessageVisibility", {"QueueUrl": URL, "ReceiptHandle": "NzQ3ZjQ", "VisibilityTimeout": 60})

        assert taps.ask(asked) == asked
        assert taps.ask(DELETE) == DELETE
