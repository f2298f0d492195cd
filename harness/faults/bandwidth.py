"""A link through which little passes a second."""

from collections.abc import Sequence

from harness.errors import UsageError
from harness.faults.arguments import fault_on_link, is_positive
from harness.model import Fault, Link, Moment
from harness.toxiproxy.toxics import KILOBYTE, STREAMS, Toxic


def bandwidth(link: Link, bytes_per_second: int, *, begins: Moment | None = None, lasts: float | None = None) -> Fault:
    """Make a fault under which at most so many bytes a second pass the link in each direction, as on a line that is full.

    On the wire: requests and answers alike arrive whole and in order, and late by their size over the rate: 50 kB at 10,000 take
    5 s, and what is sent meanwhile waits behind them. Connecting takes no longer. Toxiproxy counts in thousands, so the rate is
    rounded to the nearest.
    Begins: with the next bytes, on open connections too.
    Removing it: what is still held flows on at once, in order. Of two on a link the one injected later acts, and the other again
    when it ends.
    Bites: what arrived later by 0.1 s and by 0.8 of what its size asks for.
    Raises UsageError for what is no link, no moment, no positive number, or a rate below 1,000.
    """
    if not is_positive(bytes_per_second) or bytes_per_second < KILOBYTE:
        message = f"bandwidth(link, {bytes_per_second!r}): at least {KILOBYTE} bytes a second pass, as in bandwidth(link, 10_000)"
        raise UsageError(message)
    settings = (("bytes_per_second", bytes_per_second),)
    return fault_on_link("bandwidth", link, begins=begins, lasts=lasts, settings=settings)


def toxics(fault: Fault) -> Sequence[Toxic]:
    """Return what this fault is in Toxiproxy."""
    rate = round(float(str(fault.get("bytes_per_second"))) / KILOBYTE)
    return [Toxic("bandwidth", stream, {"rate": rate}) for stream in STREAMS.values()]
