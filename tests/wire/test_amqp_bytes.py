"""AMQP at one tap, as bytes: whatever the cuts the story is the same, no byte changes, and noise passes."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pika import spec

from harness.history.events import Event
from harness.model import Key
from tests.wire import amqp_bytes as b
from tests.wire.amqp_bytes import BODY, KEYED, consuming, wire
from tests.wire.taps import CollectingSink

NOT_AMQP = {
    "http": b"GET / HTTP/1.1\r\n\r\n",
    "amqp-1.0": b"AMQP\x03\x01\x00\x00",
    "tls": b"\x16\x03\x01\x00\x00\x00\x00\x00",
    "bad-end": b.publish(1, "q", b"x")[:-1] + b"\x00",
    "bad-beat": b.BEAT[:-1] + b"!!!",
    "short-publish": b"\x01\x00\x01\x00\x00\x00\x05\x00\x3c\x00\x28\x00\xce",
    "huge-method": b"\x01\x00\x01\x7f\xff\xff\xff",
    "short-header": b.method(1, spec.Basic.Publish(exchange="", routing_key="q")) + b"\x02\x00\x01\x00\x00\x00\x02\x00\x3c\xce",
}


@pytest.mark.parametrize("data", NOT_AMQP.values(), ids=NOT_AMQP.keys())
def test_what_is_not_understood_is_one_gap_and_passes_untouched(data: bytes) -> None:
    sink = CollectingSink()
    one = wire(sink)
    assert one.ask(data) + one.ask(b"more") == data + b"more"
    assert one.reply(b"answer") == b"answer"
    assert len(sink.of("gap")) == 1


class Failing(CollectingSink):
    """A recorder with a defect."""

    def queue_key(self, broker: str, queue: str) -> Key | None:
        raise KeyError(queue)


def test_a_defect_is_one_gap_and_the_bytes_pass() -> None:
    sink = Failing()
    one = wire(sink)
    data = b.HELLO + b.publish(1, "jobs", BODY)
    assert (one.ask(data), one.ask(data)) == (data, data)
    assert [event.data for event in sink.events] == [{"reason": "from the service: KeyError in the decoder: 'jobs'"}]


CONVERSATION = [
    ("ask", b.HELLO + b.BEAT),
    ("reply", b.BEAT + b.opened(1)),
    ("ask", b.select(1) + b.consume(2, "jobs")),
    ("reply", b.consume_ok(2)),
    ("ask", b.publish(1, "jobs", BODY, message_id="m", headers={"a": {"b": [1, "c"]}})),
    ("ask", b.publish(1, "jobs", b'{"id":"p-2"}' + bytes(3000), split=700) + b.publish(1, "jobs", b"")),
    ("reply", b.ack(1, 1) + b.deliver(2, 1, BODY) + b.ack(1, 3, multiple=True) + b.deliver(2, 2, b"")),
    ("ask", b.ack(2, 1) + b.nack(2, 2)),
    ("reply", b.channel_close(2)),
]  # fmt: skip
BYTES = sum(len(data) for _, data in CONVERSATION)


def told(cuts: set[int]) -> tuple[list[Event], bytes, bytes]:
    """Play the conversation with these cuts (places in all its bytes)."""
    sink = CollectingSink(queues=KEYED)
    one = wire(sink)
    at = 0
    for who, data in CONVERSATION:
        inside = sorted(cut - at for cut in cuts if at < cut < at + len(data))
        at += len(data)
        for begin, end in zip([0, *inside], [*inside, len(data)], strict=True):
            (one.ask if who == "ask" else one.reply)(data[begin:end])
    return sink.events, one.to_target, one.to_service


WHOLE = told(set())


def test_the_conversation_is_told() -> None:
    assert len(WHOLE[0]) == 13
    assert WHOLE[1] == b"".join(data for who, data in CONVERSATION if who == "ask")


@given(st.sets(st.integers(1, BYTES - 1), max_size=30))
def test_any_cuts_tell_the_same_story(cuts: set[int]) -> None:
    assert told(cuts) == WHOLE


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_noise_passes_untouched_and_never_raises(asked: bytes, replied: bytes) -> None:
    one = wire(CollectingSink())
    assert (one.ask(b.HELLO + b.select(1) + asked), one.reply(replied)) == (b.HELLO + b.select(1) + asked, replied)


def test_interleaved_channels_are_told_apart() -> None:
    sink = CollectingSink(queues=KEYED)
    one = wire(sink)
    parts = []
    for channel in (1, 2):
        whole = b.publish(channel, "jobs", b'{"id":"c-%d"}' % channel, split=5)
        first = whole.index(b"\xce") + 1
        parts.append((whole[:first], whole[first:]))
    assert one.ask(parts[0][0] + parts[1][0] + parts[0][1] + parts[1][1]).count(b"\xce") >= 8
    assert [event.key for event in sink.events] == ["c-1", "c-2"]


def test_of_a_large_body_only_a_beginning_is_kept() -> None:
    sink = CollectingSink(queues=KEYED)
    one = wire(sink)
    body = b'{"id":"p-9","fill":"' + b"x" * (3 * 1024 * 1024) + b'"}'
    data = b.publish(1, "jobs", body, split=128 * 1024, message_id="m")
    assert one.ask(data, by=65536) == data
    assert (sink.events[0].size, len(sink.events[0].body), sink.events[0].key) == (len(body), 1024, "id:m")


def test_a_barrier_stops_in_the_middle_of_a_chunk() -> None:
    sink, one = consuming()
    sink.loop = asyncio.new_event_loop()
    sink.holds = lambda event: event.key == "p-2"
    first, second, third = (b.deliver(1, number, b'{"id":"p-%d"}' % number) for number in (1, 2, 3))
    last = second.rindex(b.content(1, b'{"id":"p-2"}')[-20:])
    steps = [step if isinstance(step, bytes) else "hold" for step in one.session.from_target(first + second + third)]
    sink.loop.close()
    assert steps == [first + second[:last], "hold", second[last:] + third]
