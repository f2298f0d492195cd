"""A task of Celery as kombu writes it to SQS, JSON in base64 around JSON in base64: read for its key, written as a version would.

Captured from Celery 5.3.4, 5.6.2 and 5.7.0 with the kombu of their day. There are no message attributes. Protocol 2, the default
since 4.0, has what the task is in headers of the envelope; protocol 1 has all of it in the inner body.
"""

import base64
import json
import uuid
from datetime import datetime, timedelta
from typing import Any

import msgspec

from harness.errors import UsageError

VERSIONS = ("5.3.4", "5.6.2", "5.7.0")
LIKE = tuple(f"celery-{version}" for version in VERSIONS)

TASK_BEGINS = b"eyJ"
"""How the base64 of a JSON object begins."""
_EMBEDDED = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}


class _Said(msgspec.Struct, forbid_unknown_fields=True):
    task: str
    args: list[Any] = msgspec.field(default_factory=list)
    kwargs: dict[str, Any] = msgspec.field(default_factory=dict)
    id: str = ""
    countdown: float | None = None
    eta: str | None = None


class _Properties(msgspec.Struct):
    body_encoding: str = ""


class _Envelope(msgspec.Struct):
    body: str
    properties: _Properties
    headers: dict[str, Any] = msgspec.field(default_factory=dict)


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_JSON = msgspec.json.Decoder()
_REFUSED = (msgspec.MsgspecError, ValueError, RecursionError)


def task(body: bytes) -> bytes | None:
    """Return the task that a body is, as JSON with `task`, `id`, `args`, `kwargs`, `eta` and `retries`; None where it is none."""
    if not body.startswith(TASK_BEGINS):
        return None
    try:
        return _inside(_ENVELOPE.decode(base64.b64decode(body, validate=True)))
    except _REFUSED:
        return None


def _inside(envelope: _Envelope) -> bytes | None:
    if envelope.properties.body_encoding != "base64":
        return None
    inner = _JSON.decode(base64.b64decode(envelope.body, validate=True))
    if isinstance(inner, list) and len(inner) == 3 and "task" in envelope.headers:  # noqa: PLR2004 (args, kwargs, embedded)
        inner = {**envelope.headers, "args": inner[0], "kwargs": inner[1]}
    return msgspec.json.encode(inner) if isinstance(inner, dict) and "task" in inner else None


def message(call: str, given: object, *, like: str, queue: str, now: datetime) -> bytes:
    """Return the body under which the version `like` sends this task to this queue.

    `given` is `{"task": name, "args": [...], "kwargs": {...}, "id": ..., "countdown": seconds or "eta": ISO 8601}`; all but the
    name may be missing. A countdown begins at `now`, the time on the worker's clock. Raises UsageError for anything else.
    """
    try:
        said = msgspec.convert(given, _Said)
    except msgspec.ValidationError as error:
        message = f'{call}, like={like!r}): {{"task": "deliver_sms", "args": ["N1"]}} is a task; this is none: {error}'
        raise UsageError(message) from error
    ident, args, kwargs = said.id or str(uuid.uuid4()), said.args, said.kwargs
    eta = said.eta if said.countdown is None else (now + timedelta(seconds=said.countdown)).isoformat()
    headers: dict[str, object] = {
        "lang": "py", "task": said.task, "id": ident, "shadow": None, "eta": eta, "expires": None, "group": None,
        "group_index": None, "retries": 0, "timelimit": [None, None], "root_id": ident, "parent_id": None,
        "argsrepr": repr(args) if args else "()", "kwargsrepr": repr(kwargs), "origin": "gen1@harness", "ignore_result": True,
        **({} if like == LIKE[0] else {"replaced_task_nesting": 0}), "stamped_headers": None, "stamps": {},
    }  # fmt: skip
    properties = {
        "correlation_id": ident, "reply_to": str(uuid.uuid4()), "delivery_mode": 2,
        "delivery_info": {"exchange": "", "routing_key": queue}, "priority": 0, "body_encoding": "base64",
        "delivery_tag": str(uuid.uuid4()),
    }  # fmt: skip
    envelope = {
        "body": _wrapped([args, kwargs, _EMBEDDED]), "content-encoding": "utf-8", "content-type": "application/json",
        "headers": headers, "properties": properties,
    }  # fmt: skip
    return _wrapped(envelope).encode()


def _wrapped(value: object) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()
