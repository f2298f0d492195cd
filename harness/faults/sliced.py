"""A link on which everything arrives in small pieces."""

from collections.abc import Sequence

from harness.errors import UsageError
from harness.faults.arguments import fault_on_link, is_number, is_positive, is_whole
from harness.model import Fault, Link, Moment
from harness.toxiproxy.toxics import STREAMS, Toxic, microseconds


def sliced(
    link: Link,
    bytes: int,  # noqa: A002 (the unit, as `seconds` is)
    *,
    seconds: float = 0.0,
    begins: Moment | None = None,
    lasts: float | None = None,
) -> Fault:
    """Make a fault under which what is sent arrives in pieces of at most so many bytes, `seconds` after one another.

    On the wire: nothing is lost or out of order; a frame or a head that used to come in one read comes in many, in both
    directions. What was sent in one go is halved until it is small enough. Without `seconds` the kernel may join what the reader
    is too slow for.
    Begins: with the next bytes, on open connections too.
    Removing it: the rest of what is being sent in pieces comes at once. Of two on a link the one injected later acts, and the
    other again when it ends.
    Bites: what left in one piece and came in several.
    Raises UsageError for what is no link, no moment, no positive number, no number of bytes, or a pause below 0.
    """
    if not (is_whole(bytes) and is_positive(bytes)):
        message = f"sliced(link, {bytes!r}): a piece has at least one byte: sliced(link, 16)"
        raise UsageError(message)
    if not (is_number(seconds) and seconds >= 0):
        message = f"sliced(link, {bytes!r}, seconds={seconds!r}): the pause between two pieces is 0 s or more: seconds=0.01"
        raise UsageError(message)
    settings = (("bytes", bytes), ("seconds", seconds or None))
    return fault_on_link("sliced", link, begins=begins, lasts=lasts, settings=settings)


def toxics(fault: Fault) -> Sequence[Toxic]:
    """Return what this fault is in Toxiproxy; a variation is never given, because some would end the server."""
    attributes = {
        "average_size": int(str(fault.get("bytes"))),
        "size_variation": 0,
        "delay": microseconds(float(str(fault.get("seconds") or 0.0))),
    }
    return [Toxic("slicer", stream, attributes) for stream in STREAMS.values()]
