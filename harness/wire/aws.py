"""SQS calls as a tap thinks of them, whatever protocol they are written in: calls, entries, answers, and the digests SDKs check.

A protocol (JSON 1.0 in aws_json.py) is a `Codec`. Nothing is recorded here.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from harness.wire.messages import Message


class Attribute(NamedTuple):
    """A message attribute: its data type with label (`Number.java.lang.Long`), and its value; binary values as base64 text."""

    type: str
    value: str

    @property
    def binary(self) -> bool:
        """Whether the value is base64 text."""
        return self.type.partition(".")[0] == "Binary"


Attributes = Mapping[str, Attribute]


@dataclass(frozen=True)
class Entry:
    """One message or receipt handle of a call. `id` is the entry's Id in a batch, empty in a single call."""

    id: str = ""
    body: str = ""
    attributes: Attributes = field(default_factory=dict)
    group: str = ""
    delay: float | None = None
    handle: str = ""
    visibility: float | None = None


@dataclass(frozen=True)
class Call:
    """One request. `asked` are the names of message attributes a receive wants; `visibility` is its VisibilityTimeout."""

    operation: str
    queue: str = ""
    entries: tuple[Entry, ...] = ()
    asked: tuple[str, ...] = ()
    visibility: float | None = None

    @property
    def act(self) -> str:
        """The operation of one message: SendMessage also for SendMessageBatch."""
        return self.operation.removesuffix("Batch")

    def asks_for(self, name: str) -> bool:
        """Tell whether the answer to this receive would contain an attribute of this name, as AWS selects them."""
        return any(
            asked in ("All", ".*", name) or (asked.endswith(".*") and name.startswith(asked.removesuffix("*")))
            for asked in self.asked
        )


@dataclass(frozen=True)
class Outcome:
    """What became of one entry. `ok` None: the answer does not say (a server's error, throttling)."""

    id: str
    ok: bool | None
    mid: str = ""
    sequence: str = ""
    code: str = ""


@dataclass(frozen=True)
class Received:
    """One message of the answer to a receive; `system` are its system attributes (ApproximateReceiveCount, MessageGroupId)."""

    mid: str
    handle: str
    body: str
    attributes: Attributes
    system: Mapping[str, str]


@dataclass(frozen=True)
class Reply:
    """One answer. `outcomes` has one per entry of the call."""

    status: int
    code: str = ""
    outcomes: tuple[Outcome, ...] = ()
    messages: tuple[Received, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the call itself succeeded; entries of a batch may have failed nevertheless."""
        return self.status < 400  # noqa: PLR2004 (4xx and 5xx are errors)


@dataclass(frozen=True)
class Change:
    """What a message is to be on the wire: all its attributes, and its body where that changes too."""

    attributes: Attributes
    body: str | None = None


class UnreadableCallError(ValueError):
    """A call or answer that this tap cannot follow; the text says why."""


class Codec(Protocol):
    """One protocol of SQS. Reading raises UnreadableCallError; what is written differs only where asked."""

    def call(self, request: Message) -> Call:
        """Read a request."""
        ...

    def reply(self, call: Call, answer: Message) -> Reply:
        """Read the answer to a call."""
        ...

    def change_sends(self, request: Message, changes: Mapping[str, Change]) -> bytes:
        """Return the body of a send with some of its entries (by Id) changed."""
        ...

    def digest_sends(self, answer: Message, originals: Mapping[str, Entry]) -> bytes:
        """Return the body of the answer to a send with the digests of what the client sent in these entries (by Id)."""
        ...

    def change_messages(self, answer: Message, changes: Mapping[int, Change]) -> bytes:
        """Return the body of the answer to a receive with some of its messages (by position) changed, digests too."""
        ...


def md5_of_body(body: str) -> str:
    """Return MD5OfBody (MD5OfMessageBody), which the Java and JavaScript SDKs check."""
    return hashlib.md5(body.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()


def md5_of_attributes(attributes: Attributes) -> str:
    """Return MD5OfMessageAttributes, which the Java SDKs check: names sorted, every part behind its length (SQS docs)."""
    total = hashlib.md5(usedforsecurity=False)
    for name in sorted(attributes):
        kind, value = attributes[name]
        total.update(_part(name.encode()) + _part(kind.encode()))
        total.update(b"\x02" + _part(_decoded(value)) if attributes[name].binary else b"\x01" + _part(value.encode()))
    return total.hexdigest()


def _part(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError):
        return text.encode()


def queue_name(url: str) -> str:
    """Return the queue's name from a QueueUrl of any form: its last part."""
    return url.partition("?")[0].rstrip("/").rpartition("/")[2]


def handle_tag(handle: str) -> str:
    """Return the short form of a receipt handle that the journal carries."""
    return hashlib.sha256(handle.encode("utf-8", "surrogatepass")).hexdigest()[:16]
