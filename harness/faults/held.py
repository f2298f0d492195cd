"""Messages and requests that wait on their way."""

from harness.faults.arguments import checked_target, fault_on_link
from harness.model import Fault, Link, Moment


def held(
    link: Link,
    *,
    on: str | None = None,
    key: str | None = None,
    times: int | None = None,
    begins: Moment | None = None,
    lasts: float | None = None,
) -> Fault:
    """Make a fault under which what is sent stays on its way until the fault ends; what does not fit passes it by.

    On the wire: over HTTP (and to AWS) the request waits before it is passed on, and its connection with it; a ReceiveMessage
    that `key` or `times` mean has been carried out, and the messages it was given wait on their way back. On AMQP the single
    message waits (a publish before the broker has it, a delivery before the service has it), and other messages of the same
    channel go by; publish numbers and delivery tags are made right. `on` restricts it to one operation (POST, SendMessage,
    Basic.Deliver), `key` to one message or request, `times` to the first so many.
    Begins: with the next message or request.
    Removing it: what was held goes on, in its order. What the sender gave up meanwhile is lost.
    Raises UsageError for what is no link, no moment, or no positive number.
    """
    settings = checked_target("held(link", on=on, key=key, times=times)
    return fault_on_link("held", link, begins=begins, lasts=lasts, settings=settings)
