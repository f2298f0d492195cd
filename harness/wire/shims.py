"""What AWS refuses and an emulator of it may take: limits of calls to SQS, and the errors AWS gives. Nothing is answered here.

The texts are those that AWS gives. `may_be_refused` is for the hot path: it tells from the bytes of a request, without reading
it, that there is nothing to look for.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from harness.history import fidelity
from harness.wire.aws import Attribute, Call, Entry, Refusal
from harness.wire.gathered import is_plainly_whole

MOST_ATTRIBUTES = 10
LARGEST = 1_048_576
LONGEST_VISIBILITY = 43_200
LONGEST_DELAY = 900
SETTINGS = {
    "VisibilityTimeout": (fidelity.VISIBILITY, 0, LONGEST_VISIBILITY),
    "DelaySeconds": (fidelity.DELAY, 0, LONGEST_DELAY),
    "MessageRetentionPeriod": (fidelity.RETENTION, 60, 1_209_600),
    "MaximumMessageSize": (fidelity.SIZE, 1_024, LARGEST),
}
"""The attributes of a queue that have bounds: the name of the shim, the least, the most."""

ENFORCED = frozenset(
    {
        fidelity.LATE_DELETE, fidelity.HEARTBEAT, fidelity.ATTRIBUTES, fidelity.NUMBER, fidelity.VISIBILITY,
        fidelity.RETENTION, fidelity.DELAY, fidelity.SIZE,
    }
)  # fmt: skip
"""What the taps of links to AWS enforce, whatever the emulator does."""

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?")


class Shim(NamedTuple):
    """One refusal: which shim it is by, and the error in the answer to a single call and among those of a batch."""

    name: str
    single: Refusal
    batched: Refusal


def invalid_value(name: str, text: str) -> Shim:
    """Return the refusal of a parameter."""
    one = Refusal(400, "InvalidParameterValueException", "InvalidParameterValue", text)
    return Shim(name, one, one)


def expired(handle: str) -> Shim:
    """Return the refusal of a receipt handle whose time is over."""
    text = f"Value {handle} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired."
    batched = Refusal(400, "ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", "The receipt handle has expired")
    return invalid_value(fidelity.LATE_DELETE, text)._replace(batched=batched)


def not_in_flight() -> Shim:
    """Return the refusal to extend a timeout that is over."""
    text = "The message referred to isn't in flight."
    one = Refusal(400, "MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight", text)
    return Shim(fidelity.HEARTBEAT, one, one)


def of_settings(call: Call) -> Shim | None:
    """Return the refusal of a queue's attributes, None where they are within their bounds."""
    for name, (shim, least, most) in SETTINGS.items():
        value = call.settings.get(name)
        if value is not None and not (value.isascii() and value.isdigit() and least <= int(value[:12]) <= most):
            one = Refusal(400, "InvalidAttributeValue", "InvalidAttributeValue", f"Invalid value for the parameter {name}.")
            return Shim(shim, one, one)
    return None


def of_receive(call: Call) -> Shim | None:
    """Return the refusal of the timeout that a receive asks for."""
    if call.visibility is None or 0 <= call.visibility <= LONGEST_VISIBILITY:
        return None
    text = (
        f"Value {call.visibility:.0f} for parameter VisibilityTimeout is invalid. Reason: Must be >= 0 and <= 43200, if provided."
    )
    return invalid_value(fidelity.VISIBILITY, text)


def of_timeout(entry: Entry) -> Shim | None:
    """Return the refusal of a new visibility timeout."""
    if entry.visibility is None or 0 <= entry.visibility <= LONGEST_VISIBILITY:
        return None
    reason = "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]"
    text = f"Value {entry.visibility:.0f} for parameter VisibilityTimeout is invalid. Reason: {reason}"
    return invalid_value(fidelity.VISIBILITY, text)


def of_send(entry: Entry) -> Shim | None:
    """Return the refusal of a message that is sent, None where it keeps all limits."""
    return next(_wrong(entry), None)


def _wrong(entry: Entry) -> Iterator[Shim]:
    count = len(entry.attributes)
    if count > MOST_ATTRIBUTES:
        text = f"Number of message attributes [{count}] exceeds the allowed maximum [{MOST_ATTRIBUTES}]."
        yield invalid_value(fidelity.ATTRIBUTES, text)
    for name, one in entry.attributes.items():
        if one.type.partition(".")[0] == "Number" and not _NUMBER.fullmatch(one.value.strip()):
            text = f"Can't cast the value of message (user) attribute '{name}' to a number."
            yield invalid_value(fidelity.NUMBER, text)
    if entry.delay is not None and not 0 <= entry.delay <= LONGEST_DELAY:
        text = f"Value {entry.delay:.0f} for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900."
        yield invalid_value(fidelity.DELAY, text)
    if _size(entry) > LARGEST:
        text = f"One or more parameters are invalid. Reason: Message must be shorter than {LARGEST} bytes."
        yield invalid_value(fidelity.SIZE, text)


def _size(entry: Entry) -> int:
    """Return the bytes that count: body, and names, types and values of attributes."""
    return _bytes(entry.body) + sum(_bytes(name) + _bytes(one.type) + _length(one) for name, one in entry.attributes.items())


def _length(one: Attribute) -> int:
    return len(one.value) * 3 // 4 if one.binary else _bytes(one.value)


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


# ------------------------------------------------------------------------------------------------------------ the hot path

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d{1,9})\r\n", re.IGNORECASE)
_TARGET, _ACTION = b"AmazonSQS.", re.compile(rb"(?:^|[?&\n])Action=(\w{1,40})")
_TIMEOUT, _DELAY = b"VisibilityTimeout", b"DelaySeconds"
LONGEST_LOOK = 4096
"""Bytes of a request in which its operation stands, where it stands in the head."""
_WORD = re.compile(rb"\w{1,40}")
_LONG_TIMEOUT = re.compile(rb"VisibilityTimeout[^0-9-]{0,8}(?:-|\d{5})")
_LONG_DELAY = re.compile(rb"DelaySeconds[^0-9-]{0,8}(?:-|\d{3})")
_SETTLES = (b"DeleteMessage", b"DeleteMessageBatch", b"ChangeMessageVisibility", b"ChangeMessageVisibilityBatch")
_SENDS = (b"SendMessage", b"SendMessageBatch")
_MAKES = (b"CreateQueue", b"SetQueueAttributes")


def may_be_refused(data: bytes, *, stale: Callable[[], bool]) -> bool:
    """Tell whether these bytes, which came in one go, may begin or be a request that is refused here.

    `stale` tells whether there may be handles whose time is over. Bytes that go on with a request have been decided about.
    """
    if not data.startswith((b"POST ", b"GET ")):
        return any(start.startswith(data) for start in (b"POST ", b"GET "))
    operation = _operation(data)
    if not (is_plainly_whole(data) or _is_whole(data)):
        return not operation or operation in (*_SETTLES, *_SENDS, *_MAKES, b"ReceiveMessage")
    if operation in _SENDS:
        return _beyond(data)
    if operation in _SETTLES:
        return stale() or _is_long(data)
    return operation in _MAKES or (operation == b"ReceiveMessage" and _is_long(data))


def _is_long(data: bytes) -> bool:
    return _TIMEOUT in data and _LONG_TIMEOUT.search(data) is not None


def _beyond(data: bytes) -> bool:
    many = data.count(b"DataType") > MOST_ATTRIBUTES
    return many or len(data) > LARGEST or b"Number" in data or (_DELAY in data and _LONG_DELAY.search(data) is not None)


def _operation(data: bytes) -> bytes:
    target = data.find(_TARGET, 0, LONGEST_LOOK)
    begin = target + len(_TARGET)
    word = data[begin : data.find(b"\r", begin)] if target >= 0 else b""
    if word.isalnum():
        return word
    called = _ACTION.search(data) if target < 0 else _WORD.match(data, begin)
    return b"" if called is None else called.group(called.lastindex or 0)


def _is_whole(data: bytes) -> bool:
    head = data.find(b"\r\n\r\n") + 4
    if head < 4:  # noqa: PLR2004 (its blank line)
        return False
    found = _LENGTH.search(data, 0, head)
    return head + (0 if found is None else int(found.group(1))) == len(data)
