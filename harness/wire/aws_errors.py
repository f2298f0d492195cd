"""The error answers that SQS and SNS give, by their codes: what `status` can say."""

from http import HTTPStatus

from harness.wire.aws import Refusal

_OLD = "AWS.SimpleQueueService."
_KNOWN = (
    Refusal(400, "QueueDoesNotExist", f"{_OLD}NonExistentQueue", "The specified queue does not exist."),
    Refusal(403, "RequestThrottled", "RequestThrottled", "The request was denied due to request throttling."),
    Refusal(400, "ThrottlingException", "Throttling", "Rate exceeded"),
    Refusal(403, "OverLimit", "OverLimit", "Too many messages are in flight."),
    Refusal(403, "AccessDenied", "AccessDenied", "Access to the resource is denied."),
    Refusal(403, "KmsThrottled", "KMS.ThrottlingException", "The rate of requests to KMS is exceeded."),
    Refusal(400, "KmsAccessDenied", "KMS.AccessDeniedException", "The caller has no access to the key."),
    Refusal(403, "ExpiredToken", "ExpiredToken", "The security token included in the request is expired"),
    Refusal(403, "InvalidClientTokenId", "InvalidClientTokenId", "The security token included in the request is invalid."),
    Refusal(400, "ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", "The input receipt handle is invalid."),
    Refusal(400, "MessageNotInflight", f"{_OLD}MessageNotInflight", "The message is not in flight."),
    Refusal(400, "InvalidMessageContents", "InvalidMessageContents", "Invalid characters were found in the message."),
    Refusal(400, "BatchRequestTooLong", f"{_OLD}BatchRequestTooLong", "Batch requests cannot be longer than 1048576 bytes."),
    Refusal(400, "UnsupportedOperation", f"{_OLD}UnsupportedOperation", "The operation is not supported."),
    Refusal(403, "PurgeQueueInProgress", f"{_OLD}PurgeQueueInProgress", "Only one PurgeQueue is allowed every 60 seconds."),
    Refusal(404, "NotFound", "NotFound", "Topic does not exist"),
    Refusal(429, "Throttled", "Throttled", "Rate exceeded"),
    Refusal(500, "InternalFailure", "InternalFailure", "We encountered an internal error. Please try again."),
    Refusal(503, "ServiceUnavailable", "ServiceUnavailable", "The service is temporarily unavailable."),
)
_BY_CODE = {one.code: one for one in _KNOWN} | {one.query_code: one for one in _KNOWN}
_BY_STATUS = {400: "UnsupportedOperation", 403: "AccessDenied", 404: "NotFound", 429: "Throttled", 500: "InternalFailure"}


def refusal(code: int | str) -> Refusal:
    """Return the error answer with this status or code; a code that is not known here is the sender's fault, with status 400."""
    if isinstance(code, str):
        return _BY_CODE.get(code) or Refusal(400, code, code, "refused")
    phrase = "".join(one.phrase for one in HTTPStatus if one == code)
    name = _BY_STATUS.get(code, "ServiceUnavailable" if code >= 500 else "ValidationError")  # noqa: PLR2004 (5xx: the server's fault)
    return _BY_CODE[name]._replace(status=code) if name in _BY_CODE else Refusal(code, name, name, phrase)
