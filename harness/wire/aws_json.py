"""The AWS JSON 1.0 protocol of SQS (X-Amz-Target, JSON both ways): read into calls and answers, and written again where changed.

Changed bodies keep every other member byte for byte, by handling it as raw JSON.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import TypeVar, cast

import msgspec

from harness.wire.aws import (
    Attribute,
    Attributes,
    Call,
    Change,
    Entry,
    Outcome,
    Received,
    Refusal,
    Reply,
    UnreadableCallError,
    Written,
    entry_outcome,
    is_certain,
    md5_of_attributes,
    md5_of_body,
    queue_name,
    refuse_unread,
)
from harness.wire.messages import Message

TARGET = "AmazonSQS."
BY_ENTRY = ("SendMessage", "DeleteMessage", "ChangeMessageVisibility")

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
    message_system_attributes: dict[str, _Attribute] | None = None
    message_group_id: str | None = None
    message_deduplication_id: str | None = None
    delay_seconds: float | None = None
    receipt_handle: str | None = None
    visibility_timeout: float | None = None


class _Call(_Entry, rename="pascal"):
    queue_url: str | None = None
    entries: list[_Entry] | None = None
    message_attribute_names: list[str] | None = None
    max_number_of_messages: int | None = None
    wait_time_seconds: float | None = None
    queue_name: str | None = None
    source_arn: str | None = None
    attributes: dict[str, object] | None = None


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


_CALL = msgspec.json.Decoder(_Call, strict=False)
_REPLY = msgspec.json.Decoder(_Reply, strict=False)


class JsonCodec:
    """SQS in AWS JSON 1.0."""

    def call(self, request: Message) -> Call:
        """Read a request; raises UnreadableCallError."""
        operation = request.fields.get("x-amz-target", "").removeprefix(TARGET)
        found = _read(request, _CALL, operation)
        entries = [found] if found.entries is None else found.entries
        return Call(
            operation=operation,
            queue=queue_name(found.queue_url or found.queue_name or found.source_arn or ""),
            entries=tuple(_entry(one) for one in entries) if operation.removesuffix("Batch") in BY_ENTRY else (),
            asked=tuple(found.message_attribute_names or ()),
            visibility=found.visibility_timeout if operation == "ReceiveMessage" else None,
            most=found.max_number_of_messages or 1,
            wait=found.wait_time_seconds,
            settings={name: str(value) for name, value in (found.attributes or {}).items()},
        )

    def reply(self, call: Call, answer: Message) -> Reply:
        """Read the answer to a call; raises UnreadableCallError for a success that cannot be read."""
        if answer.status >= 400:  # noqa: PLR2004 (an error answer)
            code = _code(answer)
            ok = False if is_certain(answer.status, code) else None
            return Reply(answer.status, code, tuple(Outcome(entry.id, ok=ok, code=code) for entry in call.entries))
        found = _read(answer, _REPLY, call.operation) if answer.body and call.about_messages else _Reply()
        return Reply(answer.status, "", tuple(_outcomes(call, found)), tuple(_received(one) for one in found.messages or ()))

    def change_sends(self, request: Message, changes: Mapping[str, Change]) -> bytes:
        """Return a send with some of its entries (by Id) changed."""
        members = _raw(request)
        for one, ident in _each(members, "Entries"):
            if ident in changes:
                _put_attributes(one, changes[ident].attributes)
                if changes[ident].body is not None:
                    one["MessageBody"] = changes[ident].body
        return request.with_body(msgspec.json.encode(members))

    def change_timeouts(self, request: Message, name: str, seconds: Mapping[str, int]) -> bytes:
        """Return a request with a number set in some of its entries (by Id)."""
        members = _raw(request)
        for one, ident in _each(members, "Entries"):
            if ident in seconds:
                one[name] = seconds[ident]
        return request.with_body(msgspec.json.encode(members))

    def only(self, request: Message, idents: Collection[str]) -> bytes:
        """Return a batch with these entries alone."""
        members = _raw(request)
        members["Entries"] = [one for one, ident in _each(members, "Entries") if ident in idents]
        return request.with_body(msgspec.json.encode(members), without=("expect",))

    def digest_sends(self, answer: Message, originals: Mapping[str, Entry]) -> bytes:
        """Return the answer to a send with the digests of what the client sent in these entries (by Id)."""
        members = _raw(answer)
        for one, ident in _each(members, "Successful"):
            if ident in originals and "MessageId" in one:
                original = originals[ident]
                one["MD5OfMessageBody"] = md5_of_body(original.body)
                _put(one, "MD5OfMessageAttributes", md5_of_attributes(original.attributes) if original.attributes else None)
        return answer.with_body(msgspec.json.encode(members))

    def messages(self, answer: Message) -> list[Written]:
        """Return the messages of the answer to a receive."""
        found = _raw(answer).get("Messages") if answer.body else None
        return [*msgspec.json.decode(found, type=list[_RAW])] if isinstance(found, msgspec.Raw) else []

    def changed(self, written: Written, change: Change) -> Written:
        """Return a message of an answer with this change, digests too."""
        one = {**cast("Members", written)}
        _put_attributes(one, change.attributes)
        _put(one, "MD5OfMessageAttributes", md5_of_attributes(change.attributes) if change.attributes else None)
        if change.body is not None:
            one["Body"], one["MD5OfBody"] = change.body, md5_of_body(change.body)
        return one

    def with_messages(self, answer: Message, messages: Sequence[Written]) -> bytes:
        """Return the answer to a receive with these messages instead of its own."""
        members = _raw(answer) if answer.body else {}
        _put(members, "Messages", list(messages) or None)
        return answer.with_body(msgspec.json.encode(members))

    def failure(self, refusal: Refusal) -> tuple[dict[str, str], bytes]:
        """Return fields and body of an error answer; the code of the query protocol stands in a field, as AWS writes it."""
        head = {
            "Content-Type": "application/x-amz-json-1.0",
            "x-amzn-query-error": f"{refusal.query_code};{refusal.fault}",
        }
        return head, msgspec.json.encode({"__type": f"com.amazonaws.sqs#{refusal.code}", "message": refusal.text})

    def failures(self, body: bytes, operation: str, refused: Mapping[str, Refusal]) -> tuple[dict[str, str], bytes]:
        """Return the answer to a batch with these entries among its failures."""
        del operation
        members: Members = msgspec.json.decode(body) if body else {}
        return {"Content-Type": "application/x-amz-json-1.0"}, msgspec.json.encode(with_failed(members, refused))


def _read(message: Message, decoder: msgspec.json.Decoder[T], operation: str) -> T:
    refuse_unread(message, operation)
    try:
        message.body.decode()  # msgspec looks at the names of no member that it does not know
        return decoder.decode(message.body or b"{}")
    except _NOT_JSON as error:
        reason = f"{operation}: {error}"
        raise UnreadableCallError(reason) from error


def with_failed(members: Members, refused: Mapping[str, Refusal]) -> Members:
    """Return the members of an answer to a batch with these failures too."""
    failed = [{"Id": ident, "SenderFault": True, "Code": one.query_code, "Message": one.text} for ident, one in refused.items()]
    before = members.get("Failed")
    return {"Successful": [], **members, "Failed": [*(before if isinstance(before, list) else ()), *failed]}


def _entry(found: _Entry) -> Entry:
    trace = (found.message_system_attributes or {}).get("AWSTraceHeader")
    return Entry(
        id=found.id or "",
        body=found.message_body or "",
        attributes=_attributes(found.message_attributes),
        group=found.message_group_id or "",
        deduplication=found.message_deduplication_id or "",
        trace=(trace.string_value or "") if trace is not None else "",
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
    return good + [entry_outcome(one.id or "", one.code or "", is_senders=one.sender_fault) for one in found.failed or ()]


def _code(answer: Message) -> str:
    queried = answer.fields.get("x-amzn-query-error", "").partition(";")[0]
    if queried:
        return queried
    try:
        named = msgspec.json.decode(answer.body, type=_Error).type or ""
    except _NOT_JSON:
        named = ""  # a gateway's page: the status is all there is
    return named.rpartition("#")[2]


def _raw(message: Message) -> Members:
    return {**msgspec.json.decode(message.body or b"{}", type=_RAW)}


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
