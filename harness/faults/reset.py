"""A link whose connections are reset."""

from harness.faults.arguments import fault_on_link
from harness.model import Fault, Link, Moment


def reset(link: Link, *, begins: Moment | None = None, lasts: float | None = None) -> Fault:
    """Make a fault under which connections are reset, as by a router that has lost its table or a server that crashed.

    On the wire: both sides of every open connection see a reset (RST), and what was on its way is lost, in both directions. With
    `lasts`, new connections are accepted and reset when they have said what they want, of which nothing arrives; without, new
    ones work: it is over as soon as it has happened. Our own taps do this: Toxiproxy's reset_peer closes connections in an
    orderly way if they are older than it.
    Begins: within the moment's barrier; what is held there is among what is lost.
    Removing it: new connections work.
    Bites: what was under way on a connection that was reset, and deliveries whose attempt was.
    Raises UsageError for what is no link, no moment, or no positive number of seconds.
    """
    return fault_on_link("reset", link, begins=begins, lasts=lasts)
