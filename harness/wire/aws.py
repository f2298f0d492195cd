"""SQS calls as a tap thinks of them, whatever protocol they are written in: calls, entries, answers, and the digests SDKs check.

A protocol is a `Codec`: JSON 1.0 is in aws_json.py, the older query protocol in aws_query.py. Nothing is recorded here.
"""

import base64
import binascii
import hashlib
from collections.abc import Collection, Mapping, Sequence
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
    """One message or receipt handle of a call. `id` is the entry's Id in a batch, empty in a single call.

    `group` and `deduplication` are MessageGroupId and MessageDeduplicationId, `trace` the system attribute AWSTraceHeader.
    """

    id: str = ""
    body: str = ""
    attributes: Attributes = field(default_factory=dict)
    group: str = ""
    deduplication: str = ""
    trace: str = ""
    delay: float | None = None
    handle: str = ""
    visibility: float | None = None


@dataclass(frozen=True)
class Call:
    """One request; `topic` is the name of the topic of SNS that it publishes to, instead of a queue.

    Of a receive: `asked` names the message attributes it wants, `visibility` is its VisibilityTimeout, `most` its
    MaxNumberOfMessages, `wait` its WaitTimeSeconds. Of CreateQueue and SetQueueAttributes: `settings` are the queue's attributes.
    """

    operation: str
    queue: str = ""
    entries: tuple[Entry, ...] = ()
    asked: tuple[str, ...] = ()
    visibility: float | None = None
    most: int = 1
    wait: float | None = None
    topic: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_send(self) -> bool:
        """Whether its entries are messages sent."""
        return self.act in ("SendMessage", "Publish")

    @property
    def about_messages(self) -> bool:
        """Whether its answer says something of messages."""
        return bool(self.entries) or self.operation == "ReceiveMessage"

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


class Refusal(NamedTuple):
    """An error answer: its status, the code in the JSON protocol and that of the query protocol, and a text for people."""

    status: int
    code: str
    query_code: str
    text: str

    @property
    def fault(self) -> str:
        """Whose fault it is said to be."""
        return "Sender" if self.status < 500 else "Receiver"  # noqa: PLR2004 (5xx are the server's)


class UnreadableCallError(ValueError):
    """A call or answer that this tap cannot follow; the text says why."""


class Codec(Protocol):
    """One protocol of SQS. Reading raises UnreadableCallError; what is written is a whole message, which differs where asked.

    A message of an answer, as this protocol writes it, is a `Written`: nobody but the codec looks into it.
    """

    def call(self, request: Message) -> Call:
        """Read a request."""
        ...

    def reply(self, call: Call, answer: Message) -> Reply:
        """Read the answer to a call."""
        ...

    def change_sends(self, request: Message, changes: Mapping[str, Change]) -> bytes:
        """Return a send with some of its entries (by Id) changed."""
        ...

    def change_timeouts(self, request: Message, name: str, seconds: Mapping[str, int]) -> bytes:
        """Return a request with a number (VisibilityTimeout, WaitTimeSeconds) set in some of its entries (by Id)."""
        ...

    def only(self, request: Message, idents: Collection[str]) -> bytes:
        """Return a batch with these entries (by Id) alone; without `Expect`."""
        ...

    def digest_sends(self, answer: Message, originals: Mapping[str, Entry]) -> bytes:
        """Return the answer to a send with the digests of what the client sent in these entries (by Id)."""
        ...

    def messages(self, answer: Message) -> list["Written"]:
        """Return the messages of the answer to a receive."""
        ...

    def changed(self, written: "Written", change: Change) -> "Written":
        """Return a message of an answer with this change, digests too."""
        ...

    def with_messages(self, answer: Message, messages: Sequence["Written"]) -> bytes:
        """Return the answer to a receive with these messages instead of its own."""
        ...

    def failure(self, refusal: "Refusal") -> tuple[dict[str, str], bytes]:
        """Return fields of the head and body of an error answer."""
        ...

    def failures(self, body: bytes, operation: str, refused: Mapping[str, "Refusal"]) -> tuple[dict[str, str], bytes]:
        """Return the answer to a batch (`body`, empty where nobody gave one) with these entries (by Id) among its failures."""
        ...


Written = object


def md5_of_body(body: str) -> str:
    """Return MD5OfBody (MD5OfMessageBody), which the Java and JavaScript SDKs check."""
    return hashlib.md5(_encoded(body), usedforsecurity=False).hexdigest()


def md5_of_attributes(attributes: Attributes) -> str:
    """Return MD5OfMessageAttributes, which the Java SDKs check: names sorted, every part behind its length (SQS docs)."""
    total = hashlib.md5(usedforsecurity=False)
    for name in sorted(attributes):
        kind, value = attributes[name]
        total.update(_part(_encoded(name)) + _part(_encoded(kind)))
        total.update(b"\x02" + _part(_decoded(value)) if attributes[name].binary else b"\x01" + _part(_encoded(value)))
    return total.hexdigest()


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _part(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError):
        return _encoded(text)


def queue_name(url: str) -> str:
    """Return the queue's name from a QueueUrl of any form, or an ARN: its last part."""
    return url.rpartition(":")[2] if url.startswith("arn:") else url.partition("?")[0].rstrip("/").rpartition("/")[2]


def refuse_unread(message: Message, operation: str) -> None:
    """Raise UnreadableCallError for a body that was not kept whole, or is compressed."""
    if len(message.body) != message.size:
        reason = f"{operation}: a body of {message.size} bytes, more than SQS takes"
        raise UnreadableCallError(reason)
    if message.fields.get("content-encoding", "identity") not in ("", "identity"):
        reason = f"{operation}: a body in {message.fields['content-encoding']}"
        raise UnreadableCallError(reason)


def handle_tag(handle: str) -> str:
    """Return the short form of a receipt handle that the journal carries."""
    return hashlib.sha256(handle.encode("utf-8", "surrogatepass")).hexdigest()[:16]


_THROTTLED = ("throttl", "overlimit", "slowdown", "requestlimitexceeded", "toomanyrequests")
_OF_SENDER = ("ReceiptHandleIsInvalid", "InvalidParameterValue", "MessageNotInflight")


def is_certain(status: int, code: str) -> bool:
    """Tell whether an error answer means that nothing was done: 5xx and throttling do not say so."""
    return status < 500 and not any(word in code.lower() for word in _THROTTLED)  # noqa: PLR2004 (5xx are the server's)


def entry_outcome(ident: str, code: str, *, is_senders: bool | None) -> Outcome:
    """Return what became of an entry that failed.

    Where it was the server's fault nobody knows whether it was carried out. LocalStack says so of invalid handles too.
    """
    known = is_senders is not False or code.startswith(_OF_SENDER)
    return Outcome(ident, ok=False if known else None, code=code)
