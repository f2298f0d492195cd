"""Connections on which nothing passes any more, and nobody is told."""

from harness.faults.arguments import checked_words, fault_on_link
from harness.model import Fault, Link, Moment


def half_open(link: Link, *, on: str | None = None, begins: Moment | None = None) -> Fault:
    """Make a fault under which open connections are dead and stay open, as when a cable is pulled or a NAT forgets them.

    On the wire: from here on all bytes of such a connection are swallowed in both directions. No end and no reset is passed on,
    from neither side, and what is sent is acknowledged by the kernel, so only a time-out or a heartbeat of the peers' own can
    tell. New connections work. `on` means the one connection that carries this operation (an outstanding ReceiveMessage or GET;
    Basic.Consume: the connection of a consumer), or the first that will if none does now; without it, all that are open.
    Begins: within the moment's barrier; what is held there is swallowed.
    Removing it: nothing does. It has no `lasts`, and `heal()` leaves these connections as they are, however the link is.
    Bites: connections on which bytes were swallowed, and the messages that never arrived or were never settled by it.
    Raises UsageError for what is no link or no moment, or an `on` that the link cannot carry.
    """
    checked_words("half_open(link", on=on)
    return fault_on_link("half_open", link, begins=begins, lasts=None, settings=(("on", on),))
