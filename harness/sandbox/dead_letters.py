"""Looking for dead letters while somebody waits for one: no tap sees how a broker moves a message into its dead-letter queue."""

import contextlib
import threading
from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPError

from harness.errors import HarnessError
from harness.faults.timers import Timers
from harness.history.events import Event

EVERY = 0.05
"""Seconds from one look to the next; exact looks cost a broker a millisecond."""


class Dead(NamedTuple):
    """A message in a dead-letter queue, as far as the broker shows it."""

    key: str = ""
    mid: str = ""


class Arrivals(Protocol):
    """What arrives in one dead-letter queue."""

    def fresh(self) -> list[Dead]:
        """Return what has arrived since the last look; what was there at the first look has arrived too."""
        ...


class Seen:
    """Tells the messages of a queue from those that were there before, by their ids."""

    def __init__(self, look: Callable[[], Iterable[Dead]]) -> None:
        self._look = look
        self._seen: set[Dead] = set()

    def fresh(self) -> list[Dead]:
        """Return those that were not there at any look before."""
        found = [one for one in self._look() if one not in self._seen]
        self._seen.update(found)
        return found


class Counted:
    """Counts what arrives in a queue of RabbitMQ, on a connection of its own: it is looked at from other threads."""

    def __init__(self, connect: Callable[[], BlockingChannel], name: str) -> None:
        self._connect = connect
        self._name = name
        self._channel: BlockingChannel | None = None
        self._ready = 0

    def fresh(self) -> list[Dead]:
        """Return as many as there are more than at the last look."""
        if self._channel is None:
            self._channel = self._connect()
        before, self._ready = self._ready, self._channel.queue_declare(self._name, passive=True).method.message_count
        return [Dead()] * max(0, self._ready - before)


class DeadLetters:
    """The dead letters of one queue, written into the journal as they are seen, for as long as somebody waits for them."""

    def __init__(self, queue: str, arrivals: Arrivals, timers: Timers, record: Callable[[Event], object]) -> None:
        self._queue = queue
        self._arrivals = arrivals
        self._timers = timers
        self._record = record
        self._lock = threading.Lock()
        self._waiting = 0

    def watch(self) -> None:
        """Begin to look, for one more who waits."""
        with self._lock:
            self._waiting += 1
            begins = self._waiting == 1
        if begins:
            self._timers.later(0.0, self._look)

    def unwatch(self) -> None:
        """Look no more, if that was the last one who waits."""
        with self._lock:
            self._waiting -= 1

    def _look(self) -> None:
        if self._waiting <= 0:
            return
        with contextlib.suppress(HarnessError, AMQPError, OSError):  # that a broker is gone, the sandbox's next act says
            for one in self._arrivals.fresh():
                self._record(Event(kind="dead_lettered", at="broker", queue=self._queue, key=one.key, mid=one.mid))
        self._timers.later(EVERY, self._look)
