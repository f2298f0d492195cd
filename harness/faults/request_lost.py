"""Requests and messages that never arrive."""

from harness.faults.arguments import checked_target, fault_on_link
from harness.model import Fault, Link, Moment


def request_lost(
    link: Link,
    *,
    on: str | None = None,
    key: str | None = None,
    times: int | None = None,
    begins: Moment | None = None,
    lasts: float | None = None,
) -> Fault:
    """Make a fault under which the service asks and nobody is asked: what it sent is gone before the other side had it.

    On the wire: over HTTP (and to AWS) the request is read, not passed on, and the connection is closed, so that the service
    cannot tell it from a lost answer; of a batch nothing is passed on when one entry fits. On AMQP a publish, ack, nack or reject
    is swallowed and the connection goes on: a publisher with confirms waits, or learns nothing without them.
    `on` restricts it to one operation (POST, DeleteMessage, Basic.Ack), `key` to one message or request, `times` to the first so
    many.
    Begins: with the next request; one that is held in the moment's barrier has gone on already.
    Removing it: requests pass again; those that were lost stay lost.
    Raises UsageError for what is no link, no moment, or no positive number.
    """
    settings = checked_target("request_lost(link", on=on, key=key, times=times)
    return fault_on_link("request_lost", link, begins=begins, lasts=lasts, settings=settings)
