"""A link whose answers come late, or single messages that do."""

from collections.abc import Sequence

from harness.errors import UsageError
from harness.faults.arguments import checked_target, fault_on_link, is_number, is_positive, link_of
from harness.faults.hands import Hands
from harness.faults.rules import RuleActor, is_rule
from harness.model import Fault, Link, Moment


def latency(
    link: Link,
    seconds: float,
    *,
    jitter: float = 0.0,
    on: str | None = None,
    key: str | None = None,
    times: int | None = None,
    begins: Moment | None = None,
    lasts: float | None = None,
) -> Fault:
    """Make a fault under which everything that comes back on the link comes `seconds` later, as from an overloaded server.

    On the wire: what the other side sends (answers, confirms, deliveries) is held for so long, give or take up to `jitter`
    seconds, in order, on open and on new connections; requests pass at once, so they are executed in time. Connecting takes no
    longer, but a protocol's greeting does.
    With `on` (an operation: POST, ReceiveMessage, Basic.Deliver), `key` (one message or request) or `times` (the first so many)
    it is not the link that is slow: the answer to the single request, or the single message, comes later, and on AMQP others
    pass it by.
    Begins: with the next bytes that come back; an answer that is owed already is late too.
    Removing it: what is still held flows on at once, in order; single messages that are under way keep their time. Of two on a
    link the one injected later acts, and the other again when it ends.
    Raises UsageError for what is no link, no moment, no positive number of seconds, or a jitter above it.
    """
    if not is_positive(seconds):
        message = f"latency(link, {seconds!r}): write latency(link, 45) for answers that come 45 seconds late"
        raise UsageError(message)
    if not (is_number(jitter) and 0 <= jitter <= seconds):
        message = f"latency(link, {seconds!r}, jitter={jitter!r}): the jitter is from 0 to the {seconds:g} seconds themselves"
        raise UsageError(message)
    target = checked_target("latency(link, 45", on=on, key=key, times=times)
    settings = (("seconds", seconds), ("jitter", jitter or None), *target)
    return fault_on_link("latency", link, begins=begins, lasts=lasts, settings=settings)


class LatencyActor:
    """Makes a link slow and quick; what is about single messages is left to the taps."""

    def __init__(self) -> None:
        self._rules = RuleActor()

    def begin(self, ident: str, fault: Fault, hands: Hands, on: Sequence[Fault]) -> None:
        """Set the delay of the latency injected last."""
        if is_rule(fault):
            self._rules.begin(ident, fault, hands, on)
        else:
            self._set(fault, hands, on)

    def end(self, ident: str, fault: Fault, hands: Hands, on: Sequence[Fault]) -> None:
        """Set the delay of the latency injected last among those left, or none."""
        if is_rule(fault):
            self._rules.end(ident, fault, hands, on)
        else:
            self._set(fault, hands, on)

    @staticmethod
    def _set(fault: Fault, hands: Hands, on: Sequence[Fault]) -> None:
        left = [one for one in on if not is_rule(one)]
        if left:
            seconds, jitter = left[-1].get("seconds"), left[-1].get("jitter") or 0.0
            hands.add_latency(link_of(fault), float(str(seconds)), jitter=float(str(jitter)))
        else:
            hands.remove_latency(link_of(fault))
