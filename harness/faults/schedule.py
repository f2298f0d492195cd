"""When faults begin and end: from `inject` over their moments to `heal`. What a fault does is its actor's business."""

import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Literal, NamedTuple

from harness.errors import HarnessError, UsageError
from harness.faults.hands import Actor, Hands
from harness.faults.kill import KillActor
from harness.faults.latency import LatencyActor
from harness.faults.moments import Waiting
from harness.faults.outage import OutageActor
from harness.faults.pause import PauseActor
from harness.faults.rules import RULES, RuleActor, is_rule, rule_of
from harness.faults.weather import FOR_GOOD, ONCE, TOXICS, WeatherActor, weather_of
from harness.history.events import Event
from harness.model import Fault

ACTORS: Mapping[str, Actor] = {
    "outage": OutageActor(),
    "latency": LatencyActor(),
    "kill": KillActor(),
    **{name: RuleActor() for name in sorted(RULES - {"latency"})},
    "pause": PauseActor(),
    **dict.fromkeys((*TOXICS, *ONCE, *FOR_GOOD), WeatherActor()),
}
BROKERS = ("aws", "rabbitmq")
"""Victims that a sandbox has only if its scenario is told `alone`."""

State = Literal["waiting", "on", "ended", "cancelled", "failed"]


class Standing(NamedTuple):
    """How one injected fault stands. `timed`: a timer runs that will begin or end it, so a drain has something to wait for."""

    ident: str
    fault: Fault
    call: int
    state: State
    timed: bool


class Schedule:
    """The faults of one sandbox, from injection to their end. Safe to use from several threads.

    In the journal a fault is `injected`, then `began` before anything of it acts, and `ended` when nothing of it does any more,
    so that the interval holds everything it can have caused; or `failed`, with the reason.
    """

    def __init__(self, hands: Hands) -> None:
        self._hands = hands
        self._lock = threading.Lock()
        self._all: list[_Injected] = []
        self._calls = 0
        self._turns: dict[str, threading.RLock] = {}
        self._problem: HarnessError | None = None
        self._closed = False

    def inject(self, *faults: Fault) -> tuple[str, ...]:
        """Take in faults and return their ids; those without a moment are in place when this returns.

        Those given in one call are alternatives to each other where it is asked whether a fault has bitten. Raises UsageError for
        an unknown link, victim or thing, and then none of them is on or awaited; HarnessError where one cannot begin.
        """
        for fault in faults:
            self._check(fault)
        taken = self._take_in(faults)
        for one in taken:
            self._record(one, "injected")
        self._await(taken)
        for one in taken:
            if one.fault.begins is None:
                self._begin(one)
        self.raise_problem()
        return tuple(one.ident for one in taken)

    def heal(self) -> None:
        """End all faults that are on but those that are for good, and cancel those that have not begun.

        HarnessError where one cannot end.
        """
        for one in self._snapshot():
            if one.state == "waiting" or one.fault.name not in FOR_GOOD:
                self._end(one)
        self.raise_problem()

    def problem(self) -> HarnessError | None:
        """Return what went wrong first when a fault began or ended in a thread of its own, None where all is well."""
        return self._problem

    def raise_problem(self) -> None:
        """Raise `problem()` if there is one: to be called by each act of the sandbox."""
        if self._problem is not None:
            raise self._problem

    def standing(self) -> tuple[Standing, ...]:
        """Return how all injected faults stand, in the order they were injected."""
        return tuple(Standing(one.ident, one.fault, one.call, one.state, one.timed) for one in self._snapshot())

    def close(self) -> None:
        """Begin and end nothing any more. What is on stays on: the links go away with the sandbox."""
        with self._lock:
            self._closed = True
        for one in self._snapshot():
            one.call_off()

    def _check(self, fault: Fault) -> None:
        if self._closed:
            message = f"{fault!r}: this sandbox is closed; inject before the test ends"
            raise UsageError(message)
        if fault.name not in ACTORS:
            message = f"there is no fault {fault.name!r}; harness.faults has: {', '.join(ACTORS)}"
            raise UsageError(message)
        if fault.link is not None and fault.link not in (links := self._hands.known_links()):
            message = f"{fault!r}: there is no link {fault.link}; there are: {_listed(links)}"
            raise UsageError(message)
        if fault.victim is not None and fault.victim not in (victims := self._hands.known_victims()):
            message = f"{fault!r}: there is no {fault.victim!r} that could be killed; there are: {_listed(victims)}"
            if fault.victim in BROKERS:
                message = (
                    f"{fault!r}: other tests use {fault.victim}, too; give this one its own, with"
                    f" @pytest.mark.scenario(..., alone=({fault.victim!r},))"
                )
            raise UsageError(message)
        if is_rule(fault):
            self._hands.supports(rule_of("f0", fault))
        if fault.name in FOR_GOOD:
            self._hands.carries(weather_of("f0", fault))

    def _take_in(self, faults: tuple[Fault, ...]) -> list["_Injected"]:
        with self._lock:
            self._calls += 1
            first = len(self._all) + 1
            taken = [_Injected(f"f{first + i}", fault, self._calls, self._hands) for i, fault in enumerate(faults)]
            self._all.extend(taken)
        return taken

    def _await(self, taken: list["_Injected"]) -> None:
        try:
            for one in taken:
                if one.fault.begins is not None:
                    one.waiting.start(one.fault.begins, partial(self._begin, one))
        except HarnessError:
            for one in taken:
                self._end(one)
            raise

    def _begin(self, one: "_Injected") -> None:
        with self._turn(one.fault):
            if one.state != "waiting" or self._closed:
                return
            is_on = self._step(one, "began", "on")
        one.waiting.cancel()
        if is_on and one.fault.lasts is None and one.fault.name in ONCE:
            self._end(one)
        elif is_on and one.fault.lasts is not None:
            one.keep_end(self._hands.later(one.fault.lasts, partial(self._end, one)))

    def _end(self, one: "_Injected") -> None:
        with self._turn(one.fault):
            if self._closed:
                return
            if one.state == "waiting":
                one.state = "cancelled"
            elif one.state == "on":
                self._step(one, "ended", "ended")
        one.call_off()

    def _step(self, one: "_Injected", how: Literal["began", "ended"], state: State) -> bool:
        """Begin or end a fault and tell whether it worked; what goes wrong is kept, because often nobody is there to catch it."""
        actor = ACTORS[one.fault.name]
        one.state, one.changes = state, True
        try:
            if how == "began":
                self._record(one, how)
                actor.begin(one.ident, one.fault, self._hands, self._on_with(one))
            else:
                actor.end(one.ident, one.fault, self._hands, self._on_with(one))
                self._record(one, how)
        except Exception as error:  # noqa: BLE001 (in a thread of a moment or timer: the test must hear of it at its next act)
            one.state = "failed"
            self._failed(one, how, error)
            return False
        finally:
            one.changes = False
        return True

    def _failed(self, one: "_Injected", how: Literal["began", "ended"], error: Exception) -> None:
        verb = "begin" if how == "began" else "end"
        problem = HarnessError(f"{one.ident}, {one.fault}, could not {verb}: {error}")
        problem.__cause__ = error
        with self._lock:
            self._problem = self._problem or problem
        with contextlib.suppress(HarnessError, OSError):  # the recorder may be what is broken
            self._record(one, "failed", reason=f"could not {verb}: {error}")

    def _record(self, one: "_Injected", how: str, **more: object) -> None:
        fault = one.fault
        where = {"link": str(fault.link)} if fault.link is not None else {"victim": fault.victim}
        begins = {} if fault.begins is None else {"begins": fault.begins.to_json()}
        data: dict[str, object] = {"fault": fault.name, **where, "code": repr(fault), "call": one.call, **begins, **more}
        self._hands.record(Event(kind="fault", how=how, fault=one.ident, data=data))

    def _on_with(self, one: "_Injected") -> list[Fault]:
        return [other.fault for other in self._snapshot() if other.state == "on" and other.meets(one)]

    def _turn(self, fault: Fault) -> threading.RLock:
        """Return the lock of this link or victim: beginnings and ends on one never overlap, and one waits for no other."""
        with self._lock:
            return self._turns.setdefault(str(fault.link or fault.victim), threading.RLock())

    def _snapshot(self) -> list["_Injected"]:
        with self._lock:
            return list(self._all)


class _Injected:
    """One injected fault and how it stands; `state` changes under the lock of its link or victim."""

    def __init__(self, ident: str, fault: Fault, call: int, hands: Hands) -> None:
        self.ident = ident
        self.fault = fault
        self.call = call
        self.state: State = "waiting"
        self.changes = False
        self.waiting = Waiting(hands)
        self._call_off_end: Callable[[], None] | None = None

    @property
    def timed(self) -> bool:
        if self.changes:
            return True  # the journal does not say yet how it stands
        if self.state == "on":
            return self.fault.lasts is not None
        return self.state == "waiting" and self.waiting.timed

    def meets(self, other: "_Injected") -> bool:
        mine, its = self.fault, other.fault
        return (mine.name, mine.link, mine.victim) == (its.name, its.link, its.victim)

    def keep_end(self, call_off: Callable[[], None]) -> None:
        self._call_off_end = call_off

    def call_off(self) -> None:
        self.waiting.cancel()
        if self._call_off_end is not None:
            self._call_off_end()


def _listed(things: Sequence[object]) -> str:
    return ", ".join(map(str, things)) or "none"
