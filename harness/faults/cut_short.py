"""A link whose connections end in the middle."""

from collections.abc import Sequence

from harness.errors import UsageError
from harness.faults.arguments import checked_side, fault_on_link, is_whole
from harness.model import Fault, Link, Moment
from harness.toxiproxy.toxics import STREAMS, Direction, Toxic


def cut_short(
    link: Link,
    bytes: int,  # noqa: A002 (the unit, as `seconds` is)
    *,
    side: Direction = "answer",
    begins: Moment | None = None,
    lasts: float | None = None,
) -> Fault:
    """Make a fault under which each connection ends after so many bytes of one direction, as when a server dies while it answers.

    On the wire: the bytes up to the limit arrive, then both sides see the end of the stream (FIN): `side="answer"` leaves half an
    answer of a request that was executed, `side="request"` half a request. An open connection counts from the beginning of the
    fault, a new one from its own; 0 ends it at the first byte. What fits exactly is whole, and is followed by the end.
    Begins: with the next bytes.
    Removing it: connections that have not reached the limit live on. Of two with the same side the one injected later acts, from
    the count that there is, and the other again when it ends.
    Bites: requests, answers and messages that were under way on a connection it ended.
    Raises UsageError for what is no link, no moment, no positive number of seconds, no number of bytes, or another side.
    """
    if not (is_whole(bytes) and bytes >= 0):
        message = f"cut_short(link, {bytes!r}): write cut_short(link, 20) for connections that end after 20 bytes of answers"
        raise UsageError(message)
    checked_side("cut_short(link, 20", side)
    return fault_on_link("cut_short", link, begins=begins, lasts=lasts, settings=(("bytes", bytes), ("side", side)))


def toxics(fault: Fault) -> Sequence[Toxic]:
    """Return what this fault is in Toxiproxy."""
    return [Toxic("limit_data", STREAMS[str(fault.get("side"))], {"bytes": int(str(fault.get("bytes")))})]
