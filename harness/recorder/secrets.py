"""What never enters a journal: the values of headers, attributes and query parameters whose names say that they are secret.

The login of an AMQP connection and the headers of HTTP are not recorded by any tap; what is left is what services themselves put
into the headers of their messages and the paths of their requests. Bodies are the service's own: an excerpt of them is recorded.
"""

import re
from functools import lru_cache

from harness.history.events import Event

HIDDEN = "(secret)"
_KEYS = r"(?:access|security|session|refresh|bearer)[-_]?token"
_NAMES = rf"authorization|passw(?:or)?d|secret|signature|cookie|credential|api[-_]?key|{_KEYS}"
_NAME = re.compile(_NAMES, re.IGNORECASE)
_PARAMETER = re.compile(rf"([?&][^=&]*(?:{_NAMES})[^=&]*=)[^&#]+", re.IGNORECASE)


def hide(event: Event) -> None:
    """Replace the secrets in the event; what is shared with others (a message's headers) is left as it is there."""
    if event.headers and _have_secret(tuple(event.headers)):
        event.headers = {name: HIDDEN if _is_secret(name) else value for name, value in event.headers.items()}
    if event.attributes and _have_secret(tuple(event.attributes)):
        event.attributes = {
            name: (kind, HIDDEN if _is_secret(name) else value) for name, (kind, value) in event.attributes.items()
        }
    path = event.data.get("path") if event.data else None
    if path is not None and isinstance(path, str) and "?" in path:
        event.data = {**(event.data or {}), "path": _PARAMETER.sub(rf"\1{HIDDEN}", path)}


@lru_cache(maxsize=1_024)  # every message of a queue brings the same few names
def _have_secret(names: tuple[str, ...]) -> bool:
    return any(map(_is_secret, names))


@lru_cache(maxsize=1_024)
def _is_secret(name: str) -> bool:
    return _NAME.search(name) is not None
