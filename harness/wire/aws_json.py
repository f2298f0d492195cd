"""The AWS JSON 1.0 protocol of SQS (X-Amz-Target, JSON both ways): read into calls and answers, and written again where changed.

Changed bodies keep every other member byte for byte, by handling it as raw JSON.
"""

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from harness.wire.aws import (
    Attribute,
    Attributes,
    Call,
    Change,
    Entry,
    Outcome,
    Received,
    Reply,
    UnreadableCallError,
    md5_of_attributes,
    md5_of_body,
    queue_name,
)
from harness.wire.messages import Message

TARGET = "AmazonSQS."
BY_ENTRY = ("SendMessage", "DeleteMessage", "ChangeMessageVisibility")
_THROTTLED = ("throttl", "overlimit", "slowdown", "requestlimitexceeded", "toomanyrequests")

Members = dict[str, object]
_RAW = dict[str, msgspec.Raw]
T = TypeVar("T")
_NOT_JSON = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class _Attribute(msgspec.Struct, rename="pascal"):
    data_type: str = "String"
    string_value: str | None = None
    binary_value: str | None = None


class _Entry(msgspec.Struct, rename="pascal"):
    id: str | None = None
    message_body: str | None = None
    message_attributes: dict[str, _Attribute] | None = None
    message_group_id: str | None = None
    delay_seconds: float | None = None
    receipt_handle: str | None = None
    visibility_timeout: float | None = None


class _Call(_Entry, rename="pascal"):
    queue_url: str | None = None
    entries: list[_Entry] | None = None
    message_attribute_names: list[str] | None = None


class _Received(msgspec.Struct, rename="pascal"):
    message_id: str | None = None
    receipt_handle: str | None = None
    body: str | None = None
    attributes: dict[str, str] | None = None
    message_attributes: dict[str, _Attribute] | None = None


class _Result(msgspec.Struct, rename="pascal"):
    id: str | None = None
    message_id: str | None = None
    sequence_number: str | None = None
    code: str | None = None
    sender_fault: bool | None = None


class _Reply(_Result, rename="pascal"):
    successful: list[_Result] | None = None
    failed: list[_Result] | None = None
    messages: list[_Received] | None = None


class _Error(msgspec.Struct):
    type: str | None = msgspec.field(default=None, name="__type")


class JsonCodec:
    """SQS in AWS JSON 1.0."""

    def call(self, request: Message) -> Call:
        """Read a request; raises UnreadableCallError."""
        operation = request.fields.get("x-amz-target", "").removeprefix(TARGET)
        found = _read(request, _Call, operation)
        entries = [found] if found.entries is None else found.entries
        return Call(
            operation=operation,
            queue=queue_name(found.queue_url or ""),
            entries=tuple(_entry(one) for one in entries) if operation.removesuffix("Batch") in BY_ENTRY else (),
            asked=tuple(found.message_attribute_names or ()),
            visibility=found.visibility_timeout if operation == "ReceiveMessage" else None,
        )

    def reply(self, call: Call, answer: Message) -> Reply:
        """Read the answer to a call; raises UnreadableCallError for a success that cannot be read."""
        if answer.status >= 400:  # noqa: PLR2004 (an error answer)
            code = _code(answer)
            certain = answer.status < 500 and not _throttled(code)  # noqa: PLR2004 (5xx may have been carried out)
            outcomes = [Outcome(entry.id, ok=False if certain else None, code=code) for entry in call.entries]
            return Reply(answer.status, code, tuple(outcomes))
        found = _read(answer, _Reply, call.operation) if answer.body else _Reply()
        return Reply(answer.status, "", tuple(_outcomes(call, found)), tuple(_received(one) for one in found.messages or ()))

    def change_sends(self, request: Message, changes: Mapping[str, Change]) -> bytes:
        """Return the body of a send with some of its entries (by Id) changed."""
        members = _raw(request)
        for one, ident in _each(members, "Entries"):
            if ident in changes:
                _put_attributes(one, changes[ident].attributes)
                if changes[ident].body is not None:
                    one["MessageBody"] = changes[ident].body
        return msgspec.json.encode(members)

    def digest_sends(self, answer: Message, originals: Mapping[str, Entry]) -> bytes:
        """Return the body of the answer to a send with the digests of what the client sent in these entries (by Id)."""
        members = _raw(answer)
        for one, ident in _each(members, "Successful"):
            if ident in originals and "MessageId" in one:
                original = originals[ident]
                one["MD5OfMessageBody"] = md5_of_body(original.body)
                _put(one, "MD5OfMessageAttributes", md5_of_attributes(original.attributes) if original.attributes else None)
        return msgspec.json.encode(members)

    def change_messages(self, answer: Message, changes: Mapping[int, Change]) -> bytes:
        """Return the body of the answer to a receive with some of its messages (by position) changed, digests too."""
        members = _raw(answer)
        for position, (one, _) in enumerate(_each(members, "Messages")):
            if position in changes:
                attributes, body = changes[position].attributes, changes[position].body
                _put_attributes(one, attributes)
                _put(one, "MD5OfMessageAttributes", md5_of_attributes(attributes) if attributes else None)
                if body is not None:
                    one["Body"], one["MD5OfBody"] = body, md5_of_body(body)
        return msgspec.json.encode(members)


def _read(message: Message, kind: type[T], operation: str) -> T:
    if len(message.body) != message.size:
        reason = f"{operation}: a body of {message.size} bytes, more than SQS takes"
        raise UnreadableCallError(reason)
    if message.fields.get("content-encoding", "identity") not in ("", "identity"):
        reason = f"{operation}: a body in {message.fields['content-encoding']}"
        raise UnreadableCallError(reason)
    try:
        return msgspec.json.decode(message.body or b"{}", type=kind, strict=False)
    except _NOT_JSON as error:
        reason = f"{operation}: {error}"
        raise UnreadableCallError(reason) from error


def _entry(found: _Entry) -> Entry:
    return Entry(
        id=found.id or "",
        body=found.message_body or "",
        attributes=_attributes(found.message_attributes),
        group=found.message_group_id or "",
        delay=found.delay_seconds,
        handle=found.receipt_handle or "",
        visibility=found.visibility_timeout,
    )


def _attributes(found: dict[str, _Attribute] | None) -> Attributes:
    return {name: Attribute(one.data_type, one.string_value or one.binary_value or "") for name, one in (found or {}).items()}


def _received(found: _Received) -> Received:
    return Received(
        mid=found.message_id or "",
        handle=found.receipt_handle or "",
        body=found.body or "",
        attributes=_attributes(found.message_attributes),
        system=found.attributes or {},
    )


def _outcomes(call: Call, found: _Reply) -> list[Outcome]:
    if not call.operation.endswith("Batch"):
        return [
            Outcome(one.id, ok=True, mid=found.message_id or "", sequence=found.sequence_number or "") for one in call.entries
        ]
    good = [
        Outcome(one.id or "", ok=True, mid=one.message_id or "", sequence=one.sequence_number or "")
        for one in found.successful or ()
    ]
    # SenderFault false is AWS's own failure: as with a 5xx, nobody knows whether it was carried out.
    bad = [
        Outcome(one.id or "", ok=None if one.sender_fault is False else False, code=one.code or "") for one in found.failed or ()
    ]
    return good + bad


def _code(answer: Message) -> str:
    queried = answer.fields.get("x-amzn-query-error", "").partition(";")[0]
    if queried:
        return queried
    try:
        named = msgspec.json.decode(answer.body, type=_Error).type or ""
    except _NOT_JSON:
        named = ""  # a gateway's page: the status is all there is
    return named.rpartition("#")[2]


def _throttled(code: str) -> bool:
    return any(word in code.lower() for word in _THROTTLED)


def _raw(message: Message) -> Members:
    return {**msgspec.json.decode(message.body, type=_RAW)}


def _each(members: Members, batch: str) -> list[tuple[Members, str]]:
    """Return the entries of a batch, now part of `members`, with their Ids; or the members themselves of a single call."""
    found = members.get(batch)
    if not isinstance(found, msgspec.Raw):
        return [(members, "")]
    entries: list[Members] = [{**one} for one in msgspec.json.decode(found, type=list[_RAW])]
    members[batch] = entries
    return [(one, _ident(one)) for one in entries]


def _ident(entry: Members) -> str:
    found = entry.get("Id")
    return msgspec.json.decode(found, type=str | None) or "" if isinstance(found, msgspec.Raw) else ""


def _put(members: Members, name: str, value: object) -> None:
    members.pop(name, None)
    if value is not None:
        members[name] = value


def _put_attributes(members: Members, attributes: Attributes) -> None:
    written = {
        name: {"DataType": one.type, "BinaryValue" if one.binary else "StringValue": one.value}
        for name, one in attributes.items()
    }
    _put(members, "MessageAttributes", written or None)
