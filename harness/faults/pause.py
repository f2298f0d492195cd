"""A process that stands still."""

from collections.abc import Sequence

from harness.faults.arguments import fault_of_victim, victim_of
from harness.faults.hands import Hands
from harness.model import Fault, Moment, Thing


def pause(victim: Thing | str, *, begins: Moment | None = None, lasts: float | None = None) -> Fault:
    """Make a fault under which a service stands still, as in a long garbage collection or on a machine without memory.

    On the wire: nothing (SIGSTOP to the process and all it has forked). Its connections stay open and the kernel goes on
    acknowledging what comes, so heartbeats are missed, visibility timeouts run out, and what was sent to it waits for it.
    Begins: within the moment's barrier: at `effected` it has changed the world, and learns of it when it goes on.
    Removing it: it goes on (SIGCONT) where it stood. Of two that overlap the last to end lets it go on.
    Bites: messages it held, and requests it waited for, meanwhile.
    Raises UsageError for what cannot be paused, no moment, or no positive number of seconds.
    """
    return fault_of_victim("pause", victim, begins=begins, lasts=lasts)


class PauseActor:
    """Stops and continues."""

    def begin(self, ident: str, fault: Fault, hands: Hands, on: Sequence[Fault]) -> None:
        """Have it stand still; harmless where it does."""
        hands.pause(victim_of(fault))

    def end(self, ident: str, fault: Fault, hands: Hands, on: Sequence[Fault]) -> None:
        """Let it go on, unless another pause still holds it."""
        if not on:
            hands.resume(victim_of(fault))
