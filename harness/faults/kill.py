"""A process that dies."""

from collections.abc import Sequence
from typing import get_args

from harness.errors import UsageError
from harness.faults.arguments import fault_of_victim, victim_of
from harness.faults.hands import Hands, Signal
from harness.model import Fault, Moment, Thing


def kill(victim: Thing | str, *, signal: Signal = "KILL", begins: Moment | None = None, lasts: float | None = None) -> Fault:
    """Make a fault under which a service (or a broker of this sandbox alone) dies, as by the out-of-memory killer or a deploy.

    On the wire: KILL (SIGKILL) ends it and all its descendants at once; its connections are ended by the kernel, with a reset
    where data was unread. TERM (SIGTERM) asks it to end, so it may finish, requeue or delete first.
    A broker can be killed where the test has its own: `@pytest.mark.scenario(..., alone=("rabbitmq",))`. Its links refuse before
    it dies, and accept again as soon as it does, on the same ports. RabbitMQ comes back with its vhosts, its durable queues and
    the persistent messages in them (after KILL, version 3 marks all as redelivered); it has lost every transient message, every
    queue that is not durable, every consumer, publishes that were not confirmed yet, and up to version 3 what a service declared
    in the last two seconds before a KILL. LocalStack ("aws") has lost everything, the queues too, as AWS never would: for an AWS
    that is away take `outage` of its link.
    Begins: within the moment's barrier: at `effected` it has changed the world and will never hear of it.
    Removing it: it is started again, with the same wiring; without `lasts` that is at `heal()`.
    Raises UsageError for what cannot die, no moment, no positive number of seconds, or another signal.
    """
    if signal not in get_args(Signal):
        message = f"kill(victim, signal={signal!r}): the signals are {' and '.join(map(repr, get_args(Signal)))}"
        raise UsageError(message)
    return fault_of_victim("kill", victim, begins=begins, lasts=lasts, settings=(("signal", signal),))


class KillActor:
    """Kills and restarts."""

    def begin(self, ident: str, fault: Fault, hands: Hands, on: Sequence[Fault]) -> None:
        """Send the signal."""
        hands.kill(victim_of(fault), "TERM" if fault.get("signal") == "TERM" else "KILL")

    def end(self, ident: str, fault: Fault, hands: Hands, on: Sequence[Fault]) -> None:
        """Start it again, unless another kill still holds it down."""
        if not on:
            hands.restart(victim_of(fault))
