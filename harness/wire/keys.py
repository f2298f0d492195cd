"""The declared key of a message, read fast where it is a member of a JSON object; every other case is left to the model's reader.

What is packed as Celery packs a task is unpacked first.

A tap reads one key a message on its way. The model's reader, standard library only, takes ten times as long.
"""

from collections.abc import Mapping

import msgspec

from harness.model import Key
from harness.wire import celery

_JSON = msgspec.json.Decoder()
_REFUSED = (msgspec.MsgspecError, ValueError, RecursionError)


def found(key: Key, body: bytes, *, fields: Mapping[str, str] | None = None) -> str | None:
    """Return what `key.find` returns; of a task of Celery, what it finds in the task."""
    body, spec = celery.task(body) or body, key.spec
    if spec[0] == "/" and spec.find("/", 1) < 0 and "~" not in spec:
        value = _member(spec[1:], body)
        if value is not None:
            return value
    return key.find(body, fields=fields)


def _member(name: str, body: bytes) -> str | None:
    """Return a text or a whole number; what else there is, this reader or the model's may see in another way."""
    try:
        whole = _JSON.decode(body)
    except _REFUSED:  # the other reader takes more: NaN, UTF-16, half surrogates
        return None
    value = whole.get(name) if type(whole) is dict else None
    if type(value) is str:
        return value
    return str(value) if type(value) is int else None
