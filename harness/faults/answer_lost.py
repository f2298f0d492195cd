"""Requests that are executed and never answered, or answered by somebody else."""

from harness.errors import UsageError
from harness.faults.arguments import checked_target, fault_on_link
from harness.model import Fault, Link, Moment


def answer_lost(
    link: Link,
    *,
    status: int | None = None,
    on: str | None = None,
    key: str | None = None,
    times: int | None = None,
    begins: Moment | None = None,
    lasts: float | None = None,
) -> Fault:
    """Make a fault under which the other side does what it is asked and the service does not hear of it: it is left in doubt.

    On the wire: the request passes unchanged; the answer is recorded where it was given and goes no further. Instead the
    connection is closed, or with `status` a gateway's error answer with this code is sent (504: a proxy that gave up waiting).
    On AMQP it is swallowed and the connection goes on: the confirm of a publish, the end of a transaction, a message that was
    asked for; with `on` any answer to a method (Queue.Declare), or a delivery (Basic.Deliver), which the broker has handed out
    until its channel is gone. `on` restricts it to one operation (POST, SendMessage, Basic.Publish), `key` to one message or
    request, `times` to the first so many.
    Begins: the first answer it hits is one that is owed already.
    Removing it: answers pass again; those that were lost stay lost.
    Raises UsageError for what is no link, no moment, no positive number, or no status of an error.
    """
    if status is not None and status not in range(400, 600):
        message = f"answer_lost(link, status={status!r}): a gateway answers with an error from 400 to 599, as in status=504"
        raise UsageError(message)
    target = checked_target("answer_lost(link", on=on, key=key, times=times)
    settings = (("status", status), *target)
    return fault_on_link("answer_lost", link, begins=begins, lasts=lasts, settings=settings)
