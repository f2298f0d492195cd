"""What the hot path may leave unread, which handles are over for sure, and the far tap in bytes that come in many ways."""

import pytest

from harness.wire.aws import Call, Entry, Outcome, Received, Reply
from harness.wire.receipts import REMEMBERED, Receipts
from harness.wire.shims import may_be_refused, of_settings
from tests.wire.sqs_calls import DELETE, JAVA, RECEIVE, SEND, SENT, URL, answer, call, content, wire
from tests.wire.sqs_forms import form
from tests.wire.taps import CollectingSink

FIFO_URL = f"{URL}.fifo"
ELEVEN = {f"a{n}": JAVA["JavaType"] for n in range(11)}
WRONG = call("SendMessage", {"QueueUrl": URL, "MessageBody": "x", "MessageAttributes": ELEVEN})
SETTING = call("SetQueueAttributes", {"QueueUrl": URL, "Attributes": {"DelaySeconds": "0"}})
LONG = call("ChangeMessageVisibility", {"QueueUrl": URL, "ReceiptHandle": "h", "VisibilityTimeout": 43_201})


class Time:
    """A world's clock that a test sets."""

    def __init__(self) -> None:
        self.t = 0.0
        self.receipts = Receipts(1.0, lambda: self.t, {"mail.fifo": 30.0}.get)

    def hand_out(self, handle: str, mid: str = "m", *, queue: str = "mail.fifo", visibility: float | None = None) -> None:
        message = Received(mid=mid, handle=handle, body="", attributes={}, system={})
        self.receipts.replied(Call("ReceiveMessage", queue, visibility=visibility), Reply(200, messages=(message,)), self.t)

    def settle(self, operation: str, handle: str, *, ok: bool | None, seconds: float | None = None) -> None:
        made = Call(operation, "mail.fifo", (Entry(handle=handle, visibility=seconds),))
        self.receipts.asked(made)
        self.receipts.replied(made, Reply(200, outcomes=(Outcome("", ok),)), self.t)

    def is_over(self, handle: str) -> bool:
        return self.receipts.is_over(Entry(handle=handle))


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def sink(time: Time) -> CollectingSink:
    made = CollectingSink()
    made.receipts = time.receipts
    return made


LOOKED_AT = {
    "a wrong send": WRONG,
    "the beginning of one": WRONG[:300],
    "the beginning of whatever": WRONG[:20],
    "a long delay": call("SendMessage", {"QueueUrl": URL, "DelaySeconds": 901}),
    "a negative one": call("SendMessage", {"QueueUrl": URL, "DelaySeconds": -1}),
    "a long delay in query": form("SendMessage", {"DelaySeconds": 901}),
    "a long timeout": LONG,
    "a long timeout of a receive": call("ReceiveMessage", {"QueueUrl": URL, "VisibilityTimeout": 43201}),
    "settings": SETTING,
}
PASSES = {
    "a send": SEND,
    "a delay": call("SendMessage", {"QueueUrl": URL, "DelaySeconds": 90}),
    "a delay in query": form("SendMessage", {"DelaySeconds": 9}),
    "a receive": RECEIVE,
    "another call": call("ListQueues", {}),
    "the beginning of another call": call("ListQueues", {})[:100],
    "the rest of a send": WRONG[30:],
    "no call": b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.mark.parametrize("case", LOOKED_AT)
def test_what_may_be_refused_is_read_before_it_goes_on(case: str):
    assert may_be_refused(LOOKED_AT[case], stale=lambda: False)


@pytest.mark.parametrize("case", PASSES)
def test_what_cannot_be_refused_goes_on_unread(case: str):
    assert not may_be_refused(PASSES[case], stale=lambda: True)


def test_a_settlement_is_read_where_a_handle_may_be_over():
    assert not may_be_refused(DELETE, stale=lambda: False)
    assert may_be_refused(DELETE, stale=lambda: True)


@pytest.mark.parametrize("by", [None, 1, 100])
def test_the_far_tap_answers_however_the_bytes_come(sink: CollectingSink, by: int | None):
    one = wire(sink)
    went = one.ask(WRONG + SEND, by=by)

    assert went == SEND
    head, said = content(one.to_service)
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"x-amzn-query-error: InvalidParameterValue;Sender" in head
    assert said["__type"] == "com.amazonaws.sqs#InvalidParameterValueException"
    assert one.reply(SENT) == SENT
    assert [(event.kind, event.x) for event in sink.of("refused", "acknowledged")] == [("refused", 1), ("acknowledged", 2)]
    assert next(event.data for event in sink.of("answered")) == {
        "code": "InvalidParameterValue",
        "shim": "at most 10 message attributes",
    }


def test_who_says_close_is_told_close(sink: CollectingSink):
    one = wire(sink)
    one.ask(WRONG.replace(b"Host: ", b"Connection: close\r\nHost: "))

    assert b"Connection: close" in one.to_service
    assert len(one.closed) == 1


def test_what_is_asked_before_an_answer_came_passes(sink: CollectingSink):
    one = wire(sink)

    assert one.ask(SEND) + one.ask(WRONG) == SEND + WRONG


def test_nothing_is_refused_while_no_queue_is_declared():
    assert wire(CollectingSink()).ask(WRONG) == WRONG


def test_nothing_is_refused_at_the_near_tap(sink: CollectingSink):
    assert wire(sink, at="near").ask(WRONG) == WRONG


def test_an_error_of_the_broker_s_is_not_added_to(sink: CollectingSink):
    one = wire(sink)
    entries = [{"Id": "a", "MessageBody": "x", "MessageAttributes": ELEVEN}, {"Id": "b", "MessageBody": "x"}]
    went = one.ask(call("SendMessageBatch", {"QueueUrl": URL, "Entries": entries}))
    error = answer({"__type": "x#InternalFailure"}, 500)

    assert [entry["Id"] for entry in content(went)[1]["Entries"]] == ["b"]
    assert one.reply(error) == error


def test_a_timeout_is_over_after_its_tick(time: Time):
    time.hand_out("h")
    alive = [time.receipts.may_be_over(), time.is_over("h")]
    time.t = 30.5
    alive += [time.receipts.may_be_over(), time.is_over("h")]
    time.t = 31.1

    assert alive == [False] * 4
    assert [time.receipts.may_be_over(), time.is_over("h"), time.is_over("unknown")] == [True, True, False]


def test_a_compressed_clock_gives_the_emulator_longer(time: Time):
    time.receipts = Receipts(20.0, lambda: time.t, {"mail.fifo": 30.0}.get)
    time.hand_out("h")
    time.t = 33.9
    early = time.is_over("h")
    time.t = 34.1

    assert [early, time.is_over("h")] == [False, True]


def test_a_handle_is_over_once_there_is_a_newer_one(time: Time):
    time.hand_out("old")
    time.hand_out("new")

    assert [time.is_over("old"), time.is_over("new")] == [True, False]


def test_an_extension_counts_from_its_answer_and_while_there_is_none(time: Time):
    for handle in ("extended", "refused", "in doubt"):
        time.hand_out(handle, handle)
    time.t = 29.0
    time.settle("ChangeMessageVisibility", "extended", ok=True, seconds=30)
    time.settle("ChangeMessageVisibility", "refused", ok=False, seconds=30)
    time.settle("ChangeMessageVisibility", "in doubt", ok=None, seconds=30)
    time.t = 45.0

    assert [time.is_over(one) for one in ("extended", "refused", "in doubt")] == [False, True, False]


def test_what_is_deleted_is_forgotten_and_what_was_not_is_not(time: Time):
    time.hand_out("a", "m-a")
    time.hand_out("b", "m-b")
    time.hand_out("b2", "m-b")
    time.settle("DeleteMessage", "a", ok=True)
    time.settle("DeleteMessage", "b", ok=True)
    time.settle("DeleteMessage", "b2", ok=False)
    time.settle("DeleteMessage", "unknown", ok=True)
    time.t = 100.0

    assert [time.is_over(one) for one in ("a", "b", "b2")] == [False, False, True]


def test_the_timeout_of_a_queue_is_what_the_service_set(time: Time):
    setting = Call("SetQueueAttributes", "mail.fifo", settings={"VisibilityTimeout": "5"})
    time.receipts.replied(setting, Reply(200), 0.0)
    time.receipts.replied(Call("SetQueueAttributes", "mail.fifo", settings={"DelaySeconds": "0"}), Reply(200), 0.0)
    time.receipts.replied(Call("SetQueueAttributes", "mail.fifo", settings={"VisibilityTimeout": "1"}), Reply(400), 0.0)
    time.hand_out("five")
    time.hand_out("own", "m-2", visibility=60)
    time.hand_out("nobody knows", "m-3", queue="other.fifo")
    time.hand_out("standard", "m-4", queue="mail", visibility=1)
    time.t = 7.0

    assert [time.is_over(one) for one in ("five", "own", "nobody knows", "standard")] == [True, False, False, False]


def test_no_more_is_remembered_than_there_is_room_for(time: Time):
    for number in range(REMEMBERED + 1):
        time.hand_out(str(number), str(number))
    time.t = 100.0

    assert [time.is_over("0"), time.is_over("1")] == [False, True]


def test_after_a_look_at_all_the_next_is_a_second_later(time: Time):
    time.hand_out("old", visibility=1)
    time.t = 10.0
    seen = [time.receipts.may_be_over()]
    time.settle("DeleteMessage", "old", ok=True)
    seen.append(time.receipts.may_be_over())
    time.t = 12.0

    assert [*seen, time.receipts.may_be_over()] == [True, True, False]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DelaySeconds", "901"),
        ("MessageRetentionPeriod", "1209601"),
        ("MaximumMessageSize", "1023"),
        ("VisibilityTimeout", "x"),
        ("VisibilityTimeout", "9" * 99),
    ],
    ids=["delay", "retention", "size", "no number", "a long number"],
)
def test_settings_out_of_bounds(name: str, value: str):
    assert of_settings(Call("CreateQueue", settings={name: value})) is not None


@pytest.mark.parametrize(("name", "value"), [("DelaySeconds", "900"), ("MessageRetentionPeriod", "60"), ("Policy", "x")], ids=str)
def test_settings_within_bounds(name: str, value: str):
    assert of_settings(Call("CreateQueue", settings={name: value})) is None
