"""What never ends fills no memory: whatever is endless in a stream, of it no more is kept than a frame or a message may have."""

import tracemalloc
from collections import deque
from collections.abc import Callable
from functools import partial

import pytest
from pika import frame, spec

from harness.wire.amqp_frames import BODY, METHOD, framed
from tests.fuzz.decoders import Fed
from tests.wire import amqp_bytes as b

MIB = 1024 * 1024
ENDLESS = 48 * MIB
CHUNK = 256 * 1024
FILL = b"x" * CHUNK
KEPT = {"later": 6 * MIB, "watched": 6 * MIB, "ruled": 40 * MIB}
"""What a decoder may keep: while a rule may change a message, it is kept whole up to 16 MiB, and once more while it is joined."""

HEAD = b"POST /jobs HTTP/1.1\r\nHost: x\r\n"
LONG = b"Content-Length: 99999999999\r\n\r\n"
PUBLISH = b.method(1, spec.Basic.Publish(routing_key="jobs"))
HEADER: bytes = frame.Header(1, 2**40, spec.BasicProperties()).marshal()
BEGINNINGS = {
    "amqp-body-frame": ("amqp", b.HELLO + PUBLISH + HEADER + b"\x03\x00\x01\xff\xff\xff\xff", FILL),
    "amqp-body-frames": ("amqp", b.HELLO + PUBLISH + HEADER, framed(BODY, 1, bytes(4096)) * 64),
    "amqp-method": ("amqp", b.HELLO + b"\x01\x00\x01\x00\x0f\xff\xff", FILL),
    "amqp-noise": ("amqp", b"AMQP", FILL),
    "http-head": ("http", HEAD + b"X: ", FILL),
    "http-fields": ("http", HEAD, b"Name: value\r\n" * 20_000),
    "http-body": ("http", HEAD + LONG, FILL),
    "http-chunk": ("http", HEAD + b"Transfer-Encoding: chunked\r\n\r\nfffffffff\r\n", FILL),
    "sqs-json": ("sqs", HEAD + b"X-Amz-Target: AmazonSQS.SendMessage\r\n" + LONG + b'{"MessageBody":"', FILL),
    "sqs-form": ("sqs", HEAD + b"Content-Type: application/x-www-form-urlencoded\r\n" + LONG, b"a=b&" * 65_536),
}


def peak(act: Callable[[], object]) -> int:
    """Return how many bytes were in use at most, above what was in use before."""
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    act()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most - before


@pytest.mark.parametrize("mode", KEPT)
@pytest.mark.parametrize("name", BEGINNINGS)
def test_what_is_endless_is_not_kept(name: str, mode: str) -> None:
    protocol, beginning, more = BEGINNINGS[name]
    session = Fed(protocol, mode, "near", 0).session

    def tell() -> None:
        deque(session.from_service(beginning), maxlen=0)
        for _ in range(ENDLESS // CHUNK):
            deque(session.from_service(more), maxlen=0)

    assert peak(tell) < KEPT[mode]


def test_as_many_channels_as_there_can_be_are_small() -> None:
    session = Fed("amqp", "later", "near", 0).session
    select = b.frames(b.select(1))[0][7:-1]
    frames = b.HELLO + b"".join(framed(METHOD, channel, select) for channel in range(65_536))
    assert peak(partial(deque, session.from_service(frames), 0)) < 64 * MIB
