"""Frames of AMQP that a tap makes itself: other tags, other contents, words on single messages, closings."""

import struct
from collections.abc import Iterator
from typing import Final

from harness.wire import amqp_methods as m
from harness.wire.amqp_frames import BODY, HEADER, METHOD, framed
from harness.wire.amqp_lane import HEAD
from harness.wire.amqp_values import U16, U32, U64

UNKNOWN: Final = 1 << 32
"""Added to a tag that was never given to a service, so that the broker does not know it either."""

_LARGEST = 4096 - 8
"""Bytes of a body that fit every frame: nobody may agree on less."""

_WORD = struct.Struct(">QB")


def payload_of(frame: bytes) -> bytes:
    """Return what is in a frame."""
    return frame[HEAD:-1]


def channel_of(frame: bytes) -> int:
    """Return the channel of a frame."""
    return int.from_bytes(frame[1:3], "big")


def word(method: int, channel: int, tag: int, bits: int) -> bytes:
    """Return a Basic.Ack, Basic.Nack or Basic.Reject."""
    return framed(METHOD, channel, U32.pack(method) + _WORD.pack(tag, bits))


def retagged(frame: bytes, tag: int) -> bytes:
    """Return a Basic.Deliver or Basic.GetOk with another delivery tag."""
    at = HEAD + 4
    if int.from_bytes(frame[HEAD:at], "big") == m.DELIVER:
        at += 1 + frame[at]
    return frame[:at] + U64.pack(tag) + frame[at + 8 :]


def consumer_of(frame: bytes) -> bytes:
    """Return the consumer of a Basic.Deliver."""
    at = HEAD + 5
    return frame[at : at + frame[at - 1]]


def embodied(frames: list[bytes], body: bytes) -> list[bytes]:
    """Return a message with another body, in frames no longer than those it had."""
    channel = channel_of(frames[0])
    header = payload_of(frames[1])
    most = max([_LARGEST, *(len(frame) - HEAD - 1 for frame in frames[2:])])
    sized = framed(HEADER, channel, header[:4] + U64.pack(len(body)) + header[12:])
    return [frames[0], sized, *_bodies(channel, body, most)]


def _bodies(channel: int, body: bytes, most: int) -> Iterator[bytes]:
    for at in range(0, len(body), most):
        yield framed(BODY, channel, body[at : at + most])


def channel_close(channel: int, status: int, text: str, cause: int) -> bytes:
    """Return a Channel.Close; `cause` is the method that is complained of, 0 for none."""
    return framed(METHOD, channel, _close(m.CHANNEL_CLOSE, status, text, cause))


def close_ok(channel: int) -> bytes:
    """Return a Channel.CloseOk."""
    return framed(METHOD, channel, U32.pack(m.CHANNEL_CLOSE_OK))


def connection_close(status: int, text: str, cause: int) -> bytes:
    """Return a Connection.Close."""
    return framed(METHOD, 0, _close(m.CONNECTION_CLOSE, status, text, cause))


def _close(method: int, status: int, text: str, cause: int) -> bytes:
    said = text.encode()[:255]
    return U32.pack(method) + U16.pack(status) + bytes([len(said)]) + said + U32.pack(cause)
