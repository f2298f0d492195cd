"""Phases of a scenario: what a drain returned ends where the scenario acts again, with a look at what lies in the queues."""

from harness.history import History
from harness.sandbox.brokers import Brokers
from harness.sandbox.queues import Queue
from harness.sandbox.things import Context


class Phases:
    """Ends the history of the last drain, once."""

    def __init__(self, context: Context, brokers: Brokers) -> None:
        self._context = context
        self._brokers = brokers
        self._drains = 0
        self._drained_n = 0
        self.history: History | None = None
        """What the last drain returned."""

    def drained(self, history: History, n: int) -> History:
        """Take what a drain returns, and the number of its event."""
        self._drains += 1
        self._drained_n = n
        self.history = history
        return history

    def end(self) -> None:
        """Let the history of the last drain end here; nothing where it has ended, or there was none. Changes nothing."""
        if self.history is None or self.history.until is not None:
            return
        last = self._drained_n
        for thing in list(self._context.things.values()):
            if isinstance(thing, Queue) and not self._brokers.is_down(thing.road.thing_name):
                last = thing.glance(self._drains).n
        self.history.until = last
