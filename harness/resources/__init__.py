"""Resources with ground truth: what services act on, played by the harness, so that it is known what really changed."""

from collections.abc import Callable, Mapping

from harness.errors import UsageError
from harness.resources.alarms import Alarms
from harness.resources.http import Http
from harness.resources.mailbox import Mailbox
from harness.resources.serving import Resource

KINDS: Mapping[str, Callable[[str, Mapping[str, object]], Resource]] = {"http": Http, "alarms": Alarms, "mailbox": Mailbox}


def make(kind: str, name: str, settings: Mapping[str, object]) -> Resource:
    """Return the resource `name`; `settings` are those of its kind. Raises UsageError for another kind or setting."""
    if kind not in KINDS:
        message = f"resource {name!r}: there is no kind {kind!r}; there are: {', '.join(KINDS)}"
        raise UsageError(message)
    return KINDS[kind](name, settings)
