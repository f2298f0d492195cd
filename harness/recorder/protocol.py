"""What is said between the recorder and who started it: one JSON object a line, over a socket pair.

The client calls (`Call`) and gets one `Answer` each; the recorder reports moments (`Fired`) whenever they come, and holds their
bytes until the client says `Release`.
"""

from typing import Any

import msgspec

from harness.history.events import Event


class Call(msgspec.Struct, tag="call", omit_defaults=True):
    """A call of a world's method, or of the recorder's own where `world` is empty."""

    id: int
    world: str
    method: str
    arguments: dict[str, Any] = {}


class Release(msgspec.Struct, tag="release"):
    """The bytes of this watch may go on."""

    world: str
    watch: str


class Answer(msgspec.Struct, tag="answer", omit_defaults=True):
    """The result of a call, or why it failed; `ours` if that is not for the caller to mend, as a full disk."""

    id: int
    value: Any = None
    error: str | None = None
    ours: bool = False


class Fired(msgspec.Struct, tag="fired"):
    """A watched moment has come; its bytes are held."""

    world: str
    watch: str
    event: Event


TO_RECORDER = msgspec.json.Decoder(Call | Release)
TO_CLIENT = msgspec.json.Decoder(Answer | Fired)
