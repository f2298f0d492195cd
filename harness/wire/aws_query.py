"""The AWS query protocol of SQS (a form in the request, XML in the answer), which SDKs of before November 2023 speak."""

import copy
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import cast
from xml.etree.ElementTree import Element

from harness.wire import aws_xml
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
from harness.wire.aws_forms import Form, Nested, attributes, listed, number, put_attributes, text
from harness.wire.aws_json import BY_ENTRY
from harness.wire.messages import Message

NAMESPACE = "http://queue.amazonaws.com/doc/2012-11-05/"
REQUEST = "00000000-0000-0000-0000-000000000000"


class QueryCodec:
    """SQS in the query protocol. The class attributes name what SNS calls otherwise."""

    namespace = NAMESPACE
    body_field = "MessageBody"
    attributes_field = "MessageAttribute"

    @staticmethod
    def entries_field(operation: str) -> str:
        """Return the name that the entries of a batch stand under."""
        return f"{operation}RequestEntry"

    def call(self, request: Message) -> Call:
        """Read a request; raises UnreadableCallError."""
        form = _form(request)
        found = form.nested()
        operation = text(found, "Action")
        act = operation.removesuffix("Batch")
        asked = (text(one, "") for _, one in listed(found, "MessageAttributeName"))
        return Call(
            operation=operation,
            # Without the parameter the call is about the queue that it is sent to: the oldest clients do so.
            queue=queue_name(text(found, "QueueUrl") or text(found, "QueueName") or text(found, "SourceArn") or form.path),
            entries=self._entries(found, operation) if act in BY_ENTRY else (),
            asked=tuple(asked),
            visibility=number(found, "VisibilityTimeout") if operation == "ReceiveMessage" else None,
            most=int(number(found, "MaxNumberOfMessages") or 1),
            wait=number(found, "WaitTimeSeconds"),
            settings={text(one, "Name"): text(one, "Value") for _, one in listed(found, "Attribute")},
        )

    def _entries(self, found: Nested, operation: str) -> tuple[Entry, ...]:
        if not operation.endswith("Batch"):
            return (self._entry(found),)
        return tuple(self._entry(one) for _, one in listed(found, self.entries_field(operation)))

    def _entry(self, found: Nested) -> Entry:
        trace = attributes(found, "MessageSystemAttribute").get("AWSTraceHeader")
        return Entry(
            id=text(found, "Id"),
            body=text(found, self.body_field),
            attributes=attributes(found, self.attributes_field),
            group=text(found, "MessageGroupId"),
            deduplication=text(found, "MessageDeduplicationId"),
            trace=trace.value if trace is not None else "",
            delay=number(found, "DelaySeconds"),
            handle=text(found, "ReceiptHandle"),
            visibility=number(found, "VisibilityTimeout"),
        )

    def _places(self, form: Form) -> Iterator[tuple[str, str]]:
        """Yield the prefix of the fields of each entry, with its Id; the empty ones for a single call."""
        operation = form.get("Action")
        if not operation.endswith("Batch"):
            yield "", ""
            return
        field = self.entries_field(operation)
        for place, one in list(listed(form.nested(), field)):
            yield f"{field}.{place}.", text(one, "Id")

    def reply(self, call: Call, answer: Message) -> Reply:
        """Read the answer to a call; raises UnreadableCallError for a success that cannot be read."""
        if answer.status >= 400:  # noqa: PLR2004 (an error answer)
            code = error_code(answer)
            ok = False if is_certain(answer.status, code) else None
            return Reply(answer.status, code, tuple(Outcome(entry.id, ok=ok, code=code) for entry in call.entries))
        if not call.about_messages:
            return Reply(answer.status)
        return self._said(call, result_of(answer, call.operation), answer.status)

    def _said(self, call: Call, result: Element, status: int) -> Reply:
        messages = tuple(_received(one) for one in result.iterfind("Message"))
        return Reply(status, "", tuple(_outcomes(call, result)), messages)

    def change_sends(self, request: Message, changes: Mapping[str, Change]) -> bytes:
        """Return a send with some of its entries (by Id) changed."""
        form = _form(request)
        for prefix, ident in self._places(form):
            if ident in changes:
                change = changes[ident]
                put_attributes(form, prefix + self.attributes_field, change.attributes)
                if change.body is not None:
                    form.put(prefix + self.body_field, change.body)
        return form.written()

    def change_timeouts(self, request: Message, name: str, seconds: Mapping[str, int]) -> bytes:
        """Return a request with a number set in some of its entries (by Id)."""
        form = _form(request)
        for prefix, ident in self._places(form):
            if ident in seconds:
                form.put(f"{prefix}{name}", str(seconds[ident]))
        return form.written()

    def only(self, request: Message, idents: Collection[str]) -> bytes:
        """Return a batch with these entries alone, numbered anew: a list with a gap ends there for some."""
        form = _form(request)
        kept = 0
        for prefix, ident in list(self._places(form)):
            if ident in idents:
                kept += 1
                form.rename(prefix, f"{self.entries_field(form.get('Action'))}.{kept}.")
            else:
                form.without(prefix)
        return form.written(without=("expect",))

    def digest_sends(self, answer: Message, originals: Mapping[str, Entry]) -> bytes:
        """Return the answer to a send with the digests of what the client sent in these entries (by Id)."""
        root = aws_xml.read(bytes(answer.body))
        for result in root.iter():
            ident = result.findtext("Id", "")
            if result.find("MessageId") is not None and ident in originals:
                original = originals[ident]
                aws_xml.put(result, "MD5OfMessageBody", md5_of_body(original.body))
                digest = md5_of_attributes(original.attributes) if original.attributes else None
                aws_xml.put(result, "MD5OfMessageAttributes", digest)
        return answer.with_body(aws_xml.written(root))

    def messages(self, answer: Message) -> list[Written]:
        """Return the messages of the answer to a receive."""
        return [*result_of(answer, "ReceiveMessage").iterfind("Message")]

    def changed(self, written: Written, change: Change) -> Written:
        """Return a message of an answer with this change, digests too."""
        one = copy.deepcopy(cast("Element", written))
        for old in one.findall("MessageAttribute"):
            one.remove(old)
        for name, attribute in change.attributes.items():
            member = "BinaryValue" if attribute.binary else "StringValue"
            value = {member: attribute.value, "DataType": attribute.type}
            one.append(aws_xml.built("MessageAttribute", {"Name": name, "Value": value}))
        aws_xml.put(one, "MD5OfMessageAttributes", md5_of_attributes(change.attributes) if change.attributes else None)
        if change.body is not None:
            aws_xml.put(one, "Body", change.body)
            aws_xml.put(one, "MD5OfBody", md5_of_body(change.body))
        return one

    def with_messages(self, answer: Message, messages: Sequence[Written]) -> bytes:
        """Return the answer to a receive with these messages instead of its own."""
        root = aws_xml.read(bytes(answer.body))
        result = root.find("ReceiveMessageResult")
        if result is None:
            result = aws_xml.built("ReceiveMessageResult", {})
            root.insert(0, result)
        for old in result.findall("Message"):
            result.remove(old)
        result.extend(cast("Sequence[Element]", messages))
        return answer.with_body(aws_xml.written(root))

    def failure(self, refusal: Refusal) -> tuple[dict[str, str], bytes]:
        """Return fields and body of an error answer."""
        return error_answer(refusal, self.namespace)

    def failures(self, body: bytes, operation: str, refused: Mapping[str, Refusal]) -> tuple[dict[str, str], bytes]:
        """Return the answer to a batch with these entries among its failures."""
        result = {f"{operation}Result": {}, "ResponseMetadata": {"RequestId": REQUEST}}
        root = aws_xml.read(body) if body else aws_xml.built(f"{operation}Response", result)
        root.set("xmlns", self.namespace)
        for place in root.iterfind(f"{operation}Result"):
            for ident, one in refused.items():
                members = {"Id": ident, "SenderFault": "true", "Code": one.query_code, "Message": one.text}
                place.append(aws_xml.built("BatchResultErrorEntry", members))
        return {"Content-Type": "text/xml"}, aws_xml.written(root)


def error_answer(refusal: Refusal, namespace: str) -> tuple[dict[str, str], bytes]:
    """Return fields and body of an error answer of a service that speaks the query protocol."""
    error = {"Type": refusal.fault, "Code": refusal.query_code, "Message": refusal.text, "Detail": ""}
    root = aws_xml.built("ErrorResponse", {"Error": error, "RequestId": REQUEST})
    root.set("xmlns", namespace)
    return {"Content-Type": "text/xml"}, aws_xml.written(root)


def error_code(answer: Message) -> str:
    """Return the code in an error answer; empty where it has none (a gateway's page)."""
    try:
        return aws_xml.read(bytes(answer.body)).findtext("Error/Code", "")
    except UnreadableCallError:
        return ""


def _form(request: Message) -> Form:
    refuse_unread(request, "a query call")
    return Form(request)


def result_of(answer: Message, operation: str) -> Element:
    """Return what an answer says; an empty element where it says nothing. Raises UnreadableCallError."""
    refuse_unread(answer, operation)
    if not answer.body:
        return Element(f"{operation}Result")
    root = aws_xml.read(bytes(answer.body))
    if root.tag != f"{operation}Response":
        reason = f"{operation}: an answer that is {root.tag}"
        raise UnreadableCallError(reason)
    found = root.find(f"{operation}Result")
    return Element(f"{operation}Result") if found is None else found


def _outcomes(call: Call, result: Element) -> Iterator[Outcome]:
    if not call.operation.endswith("Batch"):
        mid, sequence = result.findtext("MessageId", ""), result.findtext("SequenceNumber", "")
        yield from (Outcome(entry.id, ok=True, mid=mid, sequence=sequence) for entry in call.entries)
    for one in result.iterfind(f"{call.operation}ResultEntry"):
        mid, sequence = one.findtext("MessageId", ""), one.findtext("SequenceNumber", "")
        yield Outcome(one.findtext("Id", ""), ok=True, mid=mid, sequence=sequence)
    for one in result.iterfind("BatchResultErrorEntry"):
        is_senders = one.findtext("SenderFault") != "false"
        yield entry_outcome(one.findtext("Id", ""), one.findtext("Code", ""), is_senders=is_senders)


def _received(found: Element) -> Received:
    return Received(
        mid=found.findtext("MessageId", ""),
        handle=found.findtext("ReceiptHandle", ""),
        body=found.findtext("Body", ""),
        attributes=_attributes(found),
        system={one.findtext("Name", ""): one.findtext("Value", "") for one in found.iterfind("Attribute")},
    )


def _attributes(found: Element) -> Attributes:
    return {
        one.findtext("Name", ""): Attribute(
            one.findtext("Value/DataType", "") or "String",
            one.findtext("Value/StringValue", "") or one.findtext("Value/BinaryValue", ""),
        )
        for one in found.iterfind("MessageAttribute")
    }
