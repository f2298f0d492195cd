"""A link that swallows one direction."""

from collections.abc import Sequence

from harness.errors import UsageError
from harness.faults.arguments import checked_side, fault_on_link, is_positive
from harness.model import Fault, Link, Moment
from harness.toxiproxy.toxics import STREAMS, Direction, Toxic, milliseconds


def timeout(
    link: Link,
    *,
    seconds: float | None = None,
    side: Direction = "answer",
    begins: Moment | None = None,
    lasts: float | None = None,
) -> Fault:
    """Make a fault under which all bytes of one direction are lost, and the connections stay, as behind a broken firewall rule.

    On the wire: with `side="answer"` requests arrive and are executed, and nothing comes back: the service is in doubt, of every
    connection at once (for one answer, or the first so many, there is `answer_lost`). With `side="request"` nothing arrives; what
    the other side sends still does. New connections are accepted. A connection on which that direction was silent for `seconds`
    is closed (FIN to both sides); None: never, so the service waits for as long as its own time-out lets it.
    Begins: with the next bytes, on open connections too, whose `seconds` count from here.
    Removing it: every connection there was meanwhile is CLOSED, because bytes of it are missing; the rest comes back new. Of two
    with the same side the one injected later acts, and the other again when it ends.
    Bites: requests, answers and messages that left and never arrived.
    Raises UsageError for what is no link, no moment, no positive number of seconds, or another side.
    """
    if seconds is not None and not is_positive(seconds):
        message = f"timeout(link, seconds={seconds!r}): write timeout(link, seconds=5); without seconds nothing is closed"
        raise UsageError(message)
    checked_side("timeout(link", side)
    return fault_on_link("timeout", link, begins=begins, lasts=lasts, settings=(("seconds", seconds), ("side", side)))


def toxics(fault: Fault) -> Sequence[Toxic]:
    """Return what this fault is in Toxiproxy, to which 0 is never."""
    seconds = fault.get("seconds")
    silence = 0 if seconds is None else milliseconds(float(str(seconds)))
    return [Toxic("timeout", STREAMS[str(fault.get("side"))], {"timeout": silence})]
