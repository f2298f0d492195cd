"""Waiting until a world is quiet or steady, and the last look at it. Nothing here changes the world or judges it.

quiet   no open delivery or request, no fault that will still end, no timer of an open message, and the ready counters of all
        queues were equal in two exact looks with silence between them
steady  the only thing that still happens is that the same messages are delivered again, without effect
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from harness.clock import now, pause
from harness.history.events import Declaration
from harness.history.progress import Progress
from harness.sandbox.queues import Look, Queue
from harness.sandbox.spent import timed
from harness.sandbox.tail import Tail
from harness.sandbox.things import Context

SILENCE = 0.35
"""Seconds of silence that make a finished world quiet: more than a live consumer pauses with work at hand."""
UNDONE_SILENCE = 1.0
"""The same where a message is still without effect and nothing shows that anybody works on it."""
BETWEEN_LOOKS = 0.15
LYING = 2.5
"""Seconds for which messages lie ready in a queue with an effect before nobody is said to take them: above an emulator's tick.

Where no service lives there is nobody to wait for.
"""
LYING_REALLY = 0.7
"""The same in real seconds, where the emulator's tick is compressed to less than that."""
PATIENCE = 60.0
"""Real seconds of patience beside the timers in play, where time passes as fast as the scenario allows."""


@dataclass(frozen=True)
class Outcome:
    """How a drain ended: `how` is quiet, steady or no; `reason` is for people."""

    how: str
    reason: str


class Drain:
    """One wait for quiescence."""

    def __init__(
        self,
        context: Context,
        tail: Tail,
        *,
        quiet: float | None,
        faults: Callable[[], str],
        is_down: Callable[[str], bool],
        anybody: Callable[[], bool],
    ) -> None:
        self._context = context
        self._tail = tail
        self._quiet = quiet
        self._faults = faults
        self._is_down = is_down
        self._anybody = anybody
        self._kinds: dict[str, float] = {}
        self._last_looks: tuple[float, Mapping[str, Look]] = (-1.0, {})
        self._still = False  # whether nothing has moved since the first of these looks
        # How long a live world may pause at most is a matter of the machine, and so many production seconds on its clock.
        self._speed = context.stack.speed

    @timed("drain")
    def wait(self, within: float | None) -> Outcome:
        """Return when the world is quiet or steady, or when `within` seconds are over (default: from the timers in play)."""
        start = self._context.time()
        end = start + (within if within is not None else self._patience())
        reason, looked = "nothing was seen yet", now()
        while self._context.time() < end:
            timed = self._faults()  # before the journal is read: what ends in between is not known from it
            self._context.read()
            progress = self._tail.read()
            t = self._context.time()
            progress.expire(t)
            reason = timed or progress.pending(t)
            self._still = self._still and not reason
            reason = reason or self._queues_pending(progress, t)
            if not reason:
                return Outcome("quiet", self._said(progress))
            steady = "" if timed else progress.steady(t)
            if steady:
                return Outcome("steady", steady)
            pause(0.05)
            looked = self._waited(reason, looked)
        return Outcome("no", f"after {self._context.time() - start:.1f} s: {reason}")

    def _waited(self, reason: str, since: float) -> float:
        """Count what has passed for this reason, whatever numbers it has just now; return the time."""
        kind, until = re.sub(r"\d+(\.\d+)?", "#", reason), now()
        self._kinds[kind] = self._kinds.get(kind, 0.0) + until - since
        self._context.spent.because(reason, self._kinds[kind])
        return until

    def looks(self) -> Mapping[str, int]:
        """Return the last exact look at every queue: how many messages were ready in it."""
        return {name: look.ready for name, look in self._last_looks[1].items()}

    def _said(self, progress: Progress) -> str:
        rest = {name: count for name, count in self.looks().items() if count}
        where = "" if not rest else "; left in queues: " + ", ".join(f"{count} in {name}" for name, count in rest.items())
        return f"no event for {self._silence(progress):.2f} s and the same counters twice{where}"

    def _silence(self, progress: Progress) -> float:
        if self._quiet is not None:
            return self._quiet
        if not progress.undone:
            return SILENCE * self._speed
        return max(UNDONE_SILENCE * self._speed, self._longest_silence())

    def _longest_silence(self) -> float:
        """Return for how long a service may be silent with work at hand; one that keeps the machine's clock is slower here."""
        told = ((one.longest_silence or 0.0, one.clock) for one in self._context.declared.values())
        return max((silence * (self._speed if clock == "real" else 1) for silence, clock in told), default=0.0)

    def _queues_pending(self, progress: Progress, t: float) -> str:
        silent = t - progress.last_traffic
        wanted = self._silence(progress)
        if silent < min(wanted, SILENCE * self._speed) / 2:
            return "messages are still moving"
        timed = self._look(t)
        if timed:
            return timed
        if silent < wanted:
            return f"silent for only {silent:.2f} s of {wanted:.2f} s"
        return ""

    def _look(self, t: float) -> str:
        counts = {name: queue.look() for name, queue in self._queues().items()}
        before, last = self._last_looks
        if counts != last or not self._still:
            self._last_looks, self._still = (t, counts), True
            return "the counters of the queues changed between two looks"
        if t - before < BETWEEN_LOOKS * self._speed:
            return "one more look at the counters of the queues is due"
        lying = [name for name, look in counts.items() if look.ready and self._context.declared[name].effects]
        if lying and self._anybody() and t - before < max(LYING, LYING_REALLY * self._speed, self._longest_silence()):
            return f"{counts[lying[0]].ready} message(s) lie ready in {lying[0]}, for only {t - before:.1f} s so far"
        for name, look in counts.items():
            if look.ready and self._timed(self._context.declared[name]):
                return f"{look.ready} message(s) in {name} come back when their time is over"
            # An emulator makes messages visible on a tick of its own, up to a second after their timeout.
            if look.in_flight:
                return f"{look.in_flight} message(s) of {name} are in flight until their visibility timeout is over"
        return ""

    @staticmethod
    def _timed(declaration: Declaration) -> bool:
        return declaration.ttl is not None and declaration.dead_letter is not None

    def _queues(self) -> dict[str, Queue]:
        """Return the queues that can be looked at: not those of a broker that was killed for good."""
        found = {name: thing for name, thing in self._context.things.items() if isinstance(thing, Queue)}
        return {name: queue for name, queue in found.items() if not self._is_down(queue.road.thing_name)}

    def _patience(self) -> float:
        timers = [t for d in self._context.declared.values() for t in (d.ttl, d.visibility_timeout) if t]
        timers.append(self._longest_silence())
        patience = PATIENCE * max(self._speed, self._context.allows)
        return patience + 10 * max([0.0, *(t for t in timers if t < patience)])
