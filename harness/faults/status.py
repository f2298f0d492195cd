"""Requests that are refused by somebody on the way."""

import re
from collections.abc import Mapping

from harness.errors import UsageError
from harness.faults.arguments import checked_target, fault_on_link, is_whole
from harness.model import Fault, Link, Moment

_ERRORS = range(300, 600)
_AWS = re.compile(r"[A-Za-z][A-Za-z0-9.]*")
_FIELD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def status(
    link: Link,
    code: int | str,
    *,
    body: str | None = None,
    headers: Mapping[str, str] | None = None,
    on: str | None = None,
    key: str | None = None,
    times: int | None = None,
    begins: Moment | None = None,
    lasts: float | None = None,
) -> Fault:
    """Make a fault under which requests are answered with an error and not executed, as by a gateway, a throttle, a policy.

    On the wire: the request is read and not passed on. Over HTTP the answer has this status (503), with `body` and `headers` if
    given. To AWS `code` is a status or an error code (RequestThrottled, AccessDenied, QueueDoesNotExist), in the client's own
    protocol. On AMQP it is a reply code, with `body` as its text: the channel is closed (403, 404, 405, 406, 311, 313), or the
    connection (320, 402, 501 to 505, 530, 540, 541); the broker sees an orderly end of it, so what is open there is requeued.
    `on` restricts it to one operation (POST, ReceiveMessage, Basic.Publish), `key` to one message or request, `times` to the
    first so many.
    Begins: with the next request; one that is held in the moment's barrier has gone on already.
    Removing it: requests pass again; a channel or connection that was closed stays closed.
    Raises UsageError for what is no link, no moment, no positive number, no code of an error, or no headers.
    """
    if not (is_whole(code) and code in _ERRORS) and not (isinstance(code, str) and _AWS.fullmatch(code)):
        known = "a status of HTTP (503), a reply code of AMQP (404), or an error code of AWS ('AccessDenied')"
        message = f"status(link, {code!r}): the code is {known}"
        raise UsageError(message)
    settings = (
        ("code", code),
        ("body", _body(body)),
        ("headers", None if headers is None else _headers(headers)),
        *checked_target("status(link, 503", on=on, key=key, times=times),
    )
    return fault_on_link("status", link, begins=begins, lasts=lasts, settings=settings)


def _body(body: object) -> object:
    if body is not None and not isinstance(body, str):
        message = f"status(link, 503, body={body!r}): the body is a text, as in body='upstream is down'"
        raise UsageError(message)
    return body


def _headers(headers: Mapping[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if not _is_field(name, value):
            call = f"status(link, 503, headers={{{name!r}: {value!r}}})"
            message = f"{call}: name and value are texts of one line, as in headers={{'Retry-After': '5'}}"
            raise UsageError(message)
    return dict(headers)


def _is_field(name: object, value: object) -> bool:
    if not isinstance(name, str) or not isinstance(value, str):
        return False
    return bool(_FIELD.fullmatch(name)) and not set(value) & {"\r", "\n", "\0"}
