"""Messages that arrive in another order than they were given out."""

from harness.errors import UsageError
from harness.faults.arguments import checked_target, fault_on_link, is_whole
from harness.model import Fault, Link, Moment


def reordered(
    link: Link,
    *,
    window: int = 2,
    on: str | None = None,
    key: str | None = None,
    times: int | None = None,
    begins: Moment | None = None,
    lasts: float | None = None,
) -> Fault:
    """Make a fault under which every `window` deliveries in a row reach the service back to front.

    On the wire: deliveries wait until `window` of them are there, then come with the last one first: on SQS the messages of the
    answers to receives, on AMQP the deliveries of a channel (tags are made right). Nothing else is kept waiting. `on` restricts
    it to one operation (ReceiveMessage, Basic.Deliver), `key` to one message, `times` to the first so many deliveries. A consumer
    that takes fewer at a time (its prefetch) than make a window gets nothing until the fault ends.
    Begins: with the next delivery.
    Removing it: deliveries that wait for a window to be full come at once, in their order, and later ones as they were sent. On
    SQS they come with the next answer, and also when a receive finds nothing more to fill the window with.
    Raises UsageError for what is no link, no moment, or no number of deliveries above 1.
    """
    if not (is_whole(window) and window > 1):
        message = f"reordered(link, window={window!r}): write reordered(link, window=2) for pairs that change places"
        raise UsageError(message)
    target = checked_target("reordered(link", on=on, key=key, times=times)
    settings = (("window", None if window == 2 else window), *target)  # noqa: PLR2004 (what it is without being said)
    return fault_on_link("reordered", link, begins=begins, lasts=lasts, settings=settings)
