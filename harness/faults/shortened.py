"""Deliveries that are lent for a shorter time than was asked for."""

from harness.errors import UsageError
from harness.faults.arguments import checked_target, fault_on_link, is_whole
from harness.model import Fault, Link, Moment

LONGEST = 43_200
"""Seconds SQS hides a message at most."""


def shortened(
    link: Link,
    seconds: int,
    *,
    on: str | None = None,
    key: str | None = None,
    times: int | None = None,
    begins: Moment | None = None,
    lasts: float | None = None,
) -> Fault:
    """Make a fault under which messages of SQS are hidden for `seconds` only, whatever the service asked for.

    On the wire: the VisibilityTimeout of ReceiveMessage and ChangeMessageVisibility is replaced on its way to AWS (and added
    where the service left it to the queue); one that is shorter already stays. The service is not told. `on` restricts it to one
    of the two operations, `key` to one message (ChangeMessageVisibility only: a receive names none), `times` to the first so
    many.
    Begins: with the next request.
    Removing it: requests pass as they are; messages that were hidden for a short time appear again when that is over.
    Raises UsageError for what is no link, no moment, or no whole number of seconds from 0 to 43,200.
    """
    if not (is_whole(seconds) and 0 <= seconds <= LONGEST):
        message = f"shortened(link, {seconds!r}): write shortened(link, 2); SQS hides a message for 0 to {LONGEST} whole seconds"
        raise UsageError(message)
    target = checked_target("shortened(link, 2", on=on, key=key, times=times)
    return fault_on_link("shortened", link, begins=begins, lasts=lasts, settings=(("seconds", seconds), *target))
