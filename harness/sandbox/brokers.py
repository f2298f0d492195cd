"""Brokers that a sandbox has for itself, and what becomes of the harness's own calls while they are dead: it waits, or doubts.

Without `alone=` there are none, and everything here is nothing.
"""

import contextlib
from collections.abc import Mapping
from functools import partial

from harness.clock import now, pause
from harness.errors import HarnessError, StackLostError
from harness.history.events import Event
from harness.sandbox.things import Context
from harness.stack.own import OwnBroker

ON_DISK = 2.5
"""Seconds after which RabbitMQ 3 has written what was declared: it does every 2 s, and SIGKILL loses the rest."""


class DiedError(HarnessError):
    """The broker died while it was asked for something; whether it did it is not known."""


class Brokers:
    """The brokers of one sandbox by the names of its things."""

    def __init__(self, context: Context, own: Mapping[str, OwnBroker]) -> None:
        self._context = context
        self._own = own
        for name, one in own.items():
            one.told = partial(self._exited, name)
        self._changed: dict[str, float] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """What this sandbox has for itself."""
        return tuple(self._own)

    def starts(self, name: str) -> int:
        """Wait until a broker answers, if it was killed; return how often it was started (0: it is shared with others)."""
        own = self._own.get(name)
        if own is None:
            return 0
        own.await_ready()
        return own.starts

    def is_down(self, name: str) -> bool:
        """Whether it was killed and not started again, so that it cannot be asked for anything."""
        return name in self._own and self._own[name].down

    def lost(self, name: str, what: str, error: Exception) -> HarnessError | StackLostError:
        """Return what it means that a broker does not answer: for one of our own that it died, else that the stack is lost."""
        message = f"{what} does not answer any more: {error!r}"
        return DiedError(message) if name in self._own else StackLostError(message)

    def changed(self, name: str) -> None:
        """Take note that something was declared in it that it has to keep."""
        self._changed[name] = now()

    def settle(self, name: str) -> None:
        """Wait until what was declared in it is on its disk, so that its death is the fault of nobody but the fault."""
        if name in self._changed:
            pause(max(0.0, self._changed[name] + ON_DISK - now()))

    def kill(self, name: str, signal: str) -> None:
        """Refuse on all its links, then kill it: the other way round a client could be accepted by nobody."""
        for link in self._context.links:
            if link.thing == name:
                self._context.world.lose(link)
        self._own[name].kill(signal)

    def restart(self, name: str) -> None:
        """Start it again; its links accept as soon as it does."""
        self._own[name].restart()
        self._context.record(Event(kind="started", at="broker", service=name))
        for link in self._context.links:
            if link.thing == name:
                self._context.world.find(link)

    def revive(self) -> None:
        """Start again what is dead, so that what is left in it can be seen."""
        for one in self._own.values():
            if one.down:
                one.restart()

    def end(self) -> None:
        """Let go of them: others will have them for themselves."""
        for one in self._own.values():
            one.told = lambda _: None

    def _exited(self, name: str, status: int) -> None:
        with contextlib.suppress(HarnessError):  # the world is closed: nobody judges this exit any more
            self._context.record(Event(kind="exited", at="broker", service=name, status=status, how="harness"))
