"""A link that is down: connections are refused, open ones are cut."""

from collections.abc import Sequence

from harness.faults.arguments import fault_on_link, link_of
from harness.faults.hands import Hands
from harness.model import Fault, Link, Moment


def outage(link: Link, *, begins: Moment | None = None, lasts: float | None = None) -> Fault:
    """Make a fault under which the link is down, as when the other side restarts or its load balancer has no target.

    On the wire: every open connection is closed (a service sees the end of the stream, or a reset where it had sent what was not
    read yet), and what was on its way is lost, in both directions. New connections are refused, not accepted and then closed:
    clients tell the two apart, and urllib3's `Retry` repeats a POST after the first only.
    Begins: within the moment's barrier; what was held there is among what is lost, so begin at `answered` for a clean cut.
    Removing it: new connections are taken again on the same ports; nothing that was lost comes back. Of outages that overlap on
    a link the last to end brings it up.
    Raises UsageError for what is no link, no moment, or no positive number of seconds.
    """
    return fault_on_link("outage", link, begins=begins, lasts=lasts)


class OutageActor:
    """Takes a link down and brings it up."""

    def begin(self, ident: str, fault: Fault, hands: Hands, on: Sequence[Fault]) -> None:
        """Refuse first, then cut: the other way round a client that lost its connection could reach the listener once more."""
        if len(on) == 1:
            hands.refuse(link_of(fault))
            hands.disable_proxy(link_of(fault))

    def end(self, ident: str, fault: Fault, hands: Hands, on: Sequence[Fault]) -> None:
        """Open the way behind the listener first, so that whoever is accepted gets through."""
        if not on:
            hands.enable_proxy(link_of(fault))
            hands.accept(link_of(fault))
