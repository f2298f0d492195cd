"""Messages and requests that arrive more than once."""

from harness.errors import UsageError
from harness.faults.arguments import checked_target, fault_on_link, is_whole
from harness.model import Fault, Link, Moment


def duplicate(
    link: Link,
    *,
    copies: int = 1,
    on: str | None = None,
    key: str | None = None,
    times: int | None = None,
    begins: Moment | None = None,
    lasts: float | None = None,
) -> Fault:
    """Make a fault under which what is sent once arrives `copies` times more, as at-least-once delivery allows.

    On the wire: a request or a send is passed on again, and what comes back for the copies is kept from the service. A delivery
    comes again, directly behind the first: on SQS in the same answer, or in the next one where the service asked for no more,
    on AMQP under a delivery tag of its own whose settlement the broker never sees (the tags behind it are counted on for the
    service, and counted back for the broker). `on` restricts it to one operation (POST, SendMessage, Basic.Deliver), `key` to
    one message or request, `times` to the first so many. What RabbitMQ returns as unroutable it returns for each copy.
    Begins: with the next message or request.
    Removing it: copies that were made are there to stay.
    Raises UsageError for what is no link, no moment, or no positive number.
    """
    if not (is_whole(copies) and copies > 0):
        message = f"duplicate(link, copies={copies!r}): write duplicate(link, copies=1) for one copy besides the message itself"
        raise UsageError(message)
    target = checked_target("duplicate(link", on=on, key=key, times=times)
    settings = (("copies", None if copies == 1 else copies), *target)
    return fault_on_link("duplicate", link, begins=begins, lasts=lasts, settings=settings)
