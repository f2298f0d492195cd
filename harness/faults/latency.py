"""A link whose answers come late."""

from collections.abc import Sequence

from harness.errors import UsageError
from harness.faults.arguments import fault_on_link, is_positive, link_of
from harness.faults.hands import Hands
from harness.model import Fault, Link, Moment


def latency(link: Link, seconds: float, *, begins: Moment | None = None, lasts: float | None = None) -> Fault:
    """Make a fault under which everything that comes back on the link comes `seconds` later, as from an overloaded server.

    On the wire: what the other side sends (answers, confirms, deliveries) is held for so long, in order, on open and on new
    connections; requests pass at once, so they are executed in time. Connecting takes no longer, but a protocol's greeting does.
    Begins: with the next bytes that come back; an answer that is owed already is late too.
    Removing it: what is still held flows on at once, in order. Of two on a link the one injected later acts, and the other again
    when it ends.
    Raises UsageError for what is no link, no moment, or no positive number of seconds.
    """
    if not is_positive(seconds):
        message = f"latency(link, {seconds!r}): write latency(link, 45) for answers that come 45 seconds late"
        raise UsageError(message)
    return fault_on_link("latency", link, begins=begins, lasts=lasts, settings=(("seconds", seconds),))


class LatencyActor:
    """Makes a link slow and quick."""

    def begin(self, ident: str, fault: Fault, hands: Hands, on: Sequence[Fault]) -> None:
        """Set the delay of the latency injected last."""
        self.end(ident, fault, hands, on)

    def end(self, ident: str, fault: Fault, hands: Hands, on: Sequence[Fault]) -> None:
        """Set the delay of the latency injected last among those left, or none."""
        if on:
            hands.add_latency(link_of(fault), float(str(on[-1].get("seconds"))))
        else:
            hands.remove_latency(link_of(fault))
