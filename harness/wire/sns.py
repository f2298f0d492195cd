"""Publishes to topics of SNS (the query protocol only), and the envelope in which a message comes out of a queue of a topic."""

from collections.abc import Mapping
from xml.etree.ElementTree import Element

import msgspec

from harness.wire.aws import Call, Entry, Outcome, Reply, entry_outcome
from harness.wire.aws_forms import Form
from harness.wire.aws_query import QueryCodec
from harness.wire.messages import Message

PUBLISHES = ("Publish", "PublishBatch")


class SnsCodec(QueryCodec):
    """SNS: what it is asked to publish; there are no receipt handles, nothing is received, and no digests are given."""

    namespace = "http://sns.amazonaws.com/doc/2010-03-31/"
    body_field = "Message"
    attributes_field = "MessageAttributes.entry"

    @staticmethod
    def entries_field(operation: str) -> str:
        """Return the name that the entries of a batch stand under."""
        del operation
        return "PublishBatchRequestEntries.member"

    def call(self, request: Message) -> Call:
        """Read a request; raises UnreadableCallError."""
        form = Form(request)
        operation = form.get("Action")
        entries = self._entries(form.nested(), operation) if operation in PUBLISHES else ()
        arn = form.get("TopicArn") or form.get("TargetArn")
        return Call(operation=operation, entries=entries, topic=arn.rpartition(":")[2])

    def _said(self, call: Call, result: Element, status: int) -> Reply:
        if not call.operation.endswith("Batch"):
            outcomes = [_published(result, entry.id) for entry in call.entries]
        else:
            outcomes = [_published(one, one.findtext("Id", "")) for one in result.iterfind("Successful/member")]
            for one in result.iterfind("Failed/member"):
                is_senders = one.findtext("SenderFault") != "false"
                outcomes.append(entry_outcome(one.findtext("Id", ""), one.findtext("Code", ""), is_senders=is_senders))
        return Reply(status, "", tuple(outcomes))

    def digest_sends(self, answer: Message, originals: Mapping[str, Entry]) -> bytes:
        """Return the answer as it is: SNS says no digests."""
        del originals
        return answer.with_body(bytes(answer.body))


def _published(result: Element, ident: str) -> Outcome:
    return Outcome(ident, ok=True, mid=result.findtext("MessageId", ""), sequence=result.findtext("SequenceNumber", ""))


class _Attribute(msgspec.Struct):
    value: str = msgspec.field(name="Value", default="")


class Envelope(msgspec.Struct):
    """What SNS puts around a message that is not delivered raw: `message` and the attributes are those that were published."""

    kind: str = msgspec.field(name="Type")
    mid: str = msgspec.field(name="MessageId")
    topic: str = msgspec.field(name="TopicArn")
    message: str = msgspec.field(name="Message")
    attributes: dict[str, _Attribute] = msgspec.field(name="MessageAttributes", default_factory=dict)

    @property
    def texts(self) -> dict[str, str]:
        """The attributes as they are looked up for a key."""
        return {name: one.value for name, one in self.attributes.items()}


_ENVELOPE = msgspec.json.Decoder(Envelope)


def envelope(body: str) -> Envelope | None:
    """Return the envelope that a body is, None where it is none."""
    if not (body.startswith("{") and '"TopicArn"' in body):
        return None
    try:
        found = _ENVELOPE.decode(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    return found if found.kind == "Notification" else None
