"""In which protocol, and of which service of AWS, a request is: who reads it."""

import re

from harness.wire.aws import Codec, UnreadableCallError
from harness.wire.aws_json import TARGET, JsonCodec
from harness.wire.aws_query import QueryCodec
from harness.wire.messages import Message
from harness.wire.sns import PUBLISHES, SnsCodec

OPERATIONS = (
    "SendMessage", "SendMessageBatch", "ReceiveMessage", "DeleteMessage", "DeleteMessageBatch", "ChangeMessageVisibility",
    "ChangeMessageVisibilityBatch", "AddPermission", "CancelMessageMoveTask", "CreateQueue", "DeleteQueue", "GetQueueAttributes",
    "GetQueueUrl", "ListDeadLetterSourceQueues", "ListMessageMoveTasks", "ListQueueTags", "ListQueues", "PurgeQueue",
    "RemovePermission", "SetQueueAttributes", "StartMessageMoveTask", "TagQueue", "UntagQueue",
)  # fmt: skip
"""The calls of SQS, those about messages first."""

CALLS = (*OPERATIONS, *PUBLISHES)
"""And those of SNS."""

JSON = JsonCodec()
QUERY = QueryCodec()
SNS = SnsCodec()
SQS_VERSIONS = ("2012-11-05", "2011-10-01", "2009-02-01", "2008-01-01")
SNS_VERSION = "2010-03-31"
LONGEST_LOOK = 64 * 1024
_ACTION = re.compile(r"(?:^|[?&])Action=(\w{1,64})")
_VERSION = re.compile(r"(?:^|&)Version=([\d-]{10})(?:&|$)")


def codec_of(request: Message) -> Codec | None:
    """Return who reads a request, None for what is no call about messages: another service's, or a health page.

    Raises UnreadableCallError for a call in a protocol that nobody here reads.
    """
    if "smithy-protocol" in request.fields:
        reason = f"a call in the protocol {request.fields['smithy-protocol']}: only JSON 1.0 and query are followed"
        raise UnreadableCallError(reason)
    if "x-amz-target" in request.fields:
        return JSON if request.fields["x-amz-target"].startswith(TARGET) else None
    form = _form(request)
    action = _ACTION.search(form)
    if action is None:
        return None
    version = _VERSION.search(form)
    if version is None:
        return QUERY if action.group(1) in OPERATIONS else None
    return SNS if version.group(1) == SNS_VERSION else QUERY if version.group(1) in SQS_VERSIONS else None


def named(request: Message) -> str:
    """Return what the journal calls a request that is no call about messages: its operation or method."""
    action = _ACTION.search(_form(request))
    return request.fields.get("x-amz-target") or (action.group(1) if action is not None else request.method)


def _form(request: Message) -> str:
    if request.method == "POST" and request.body:
        is_form = "x-www-form-urlencoded" in request.fields.get("content-type", "x-www-form-urlencoded")
        return request.body[:LONGEST_LOOK].decode("latin-1") if is_form else ""
    return request.target.partition("?")[2]
