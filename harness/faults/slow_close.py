"""A link on which the end of a connection is noticed late."""

from collections.abc import Sequence

from harness.errors import UsageError
from harness.faults.arguments import fault_on_link, is_positive
from harness.model import Fault, Link, Moment
from harness.toxiproxy.toxics import STREAMS, Toxic, milliseconds


def slow_close(link: Link, seconds: float, *, begins: Moment | None = None, lasts: float | None = None) -> Fault:
    """Make a fault under which each side hears `seconds` late that the other has closed a connection.

    On the wire: the end of the stream (FIN; of a reset, too, only an end) is held for so long in both directions; data is not. A
    broker goes on counting the messages of a consumer that is gone, a service goes on using a connection the other side has left.
    Begins: with the next end, on open connections too.
    Removing it: ends that are held are passed on at once. Of two on a link the one injected later acts, and the other again when
    it ends.
    Bites: ends that were noticed later by 0.8 of it, whatever was under way on their connections.
    Raises UsageError for what is no link, no moment, or no positive number of seconds.
    """
    if not is_positive(seconds):
        message = f"slow_close(link, {seconds!r}): write slow_close(link, 5) for ends that are noticed 5 seconds late"
        raise UsageError(message)
    return fault_on_link("slow_close", link, begins=begins, lasts=lasts, settings=(("seconds", seconds),))


def toxics(fault: Fault) -> Sequence[Toxic]:
    """Return what this fault is in Toxiproxy."""
    delay = milliseconds(float(str(fault.get("seconds"))))
    return [Toxic("slow_close", stream, {"delay": delay}) for stream in STREAMS.values()]
