"""What versions of libraries put beside a JSON body, so that a message can look as if one of them had sent it.

Captured from the libraries: Spring Cloud AWS sends `JavaType` since 3.0, and until 2.4 an id and a timestamp of its own; Spring
AMQP's JSON converter sends `__TypeId__`; boto3 sends what it is told to, so nothing. Of tasks of Celery
the body tells all; see `harness.wire.celery`.
"""

from typing import NamedTuple

from harness.errors import UsageError
from harness.wire import celery

Text = str | tuple[str, str]


class Profile(NamedTuple):
    """Attributes that a library sets (`typed`: the one that holds the name of a class), and those it never sends."""

    attributes: dict[str, Text]
    typed: str | None
    absent: tuple[str, ...]


_SPRING_2 = Profile(
    {
        "id": "6f1c1b0e-5d0b-4f3c-9a52-0d6a7a6c1f11",
        "timestamp": ("Number.java.lang.Long", "1767225600000"),
        "contentType": "application/json",
    },
    None,
    ("JavaType",),
)
_SPRING_3 = Profile({"contentType": "application/json"}, "JavaType", ("id", "timestamp"))
_SPRING_AMQP = Profile({}, "__TypeId__", ("__ContentTypeId__", "__KeyTypeId__"))
_BARE = Profile({}, None, ("JavaType", "contentType", "id", "timestamp", "__TypeId__", "__ContentTypeId__", "__KeyTypeId__"))

TASKS = celery.LIKE
"""Libraries that send tasks, of which the whole message is their own: nothing that another message could be altered into."""

PROFILES = {
    "spring-cloud-aws-2.4.4": _SPRING_2,
    **{f"spring-cloud-aws-{version}": _SPRING_3 for version in ("3.0.4", "3.1.0", "3.1.1", "3.4.2", "4.1.0")},
    **{f"spring-amqp-{version}": _SPRING_AMQP for version in ("2.4.17", "3.1.8", "3.2.12", "4.1.1")},
    "boto3": _BARE,
    "pika": _BARE,
    **dict.fromkeys(TASKS, Profile({}, None, ())),
}


def sent_like(call: str, like: str, type: str | None) -> tuple[dict[str, Text], tuple[str, ...]]:  # noqa: A002 (as users write it)
    """Return the attributes this library sets and those it does not send; UsageError for a library or a type that cannot be."""
    if like not in PROFILES:
        message = f"{call}, like={like!r}): nothing is known of how that sends; known are: {', '.join(PROFILES)}"
        raise UsageError(message)
    profile = PROFILES[like]
    if (profile.typed is None) != (type is None):
        mend = "no name of a class: leave type= out" if profile.typed is None else "the name of a class: add type='uk.nhs.Event'"
        message = f"{call}, like={like!r}, type={type!r}): {like} sends {mend}"
        raise UsageError(message)
    named = {} if profile.typed is None or type is None else {profile.typed: type}
    return {**named, **profile.attributes}, profile.absent
