"""Timers: each rings in a thread of its own, can be called off, and none rings after the end."""

import threading

from harness.clock import eventually, now
from harness.faults.timers import Timers


def test_timers_ring_in_their_own_threads_and_can_be_called_off():
    timers = Timers()
    rung: list[tuple[str, float]] = []
    gate = threading.Event()
    begun = now()

    def slow() -> None:
        gate.wait(60)
        rung.append(("slow", now() - begun))

    timers.later(0.01, slow)
    timers.later(0.05, lambda: rung.append(("quick", now() - begun)))
    call_off = timers.later(30, lambda: rung.append(("never", 0.0)))
    eventually(lambda: rung, awaited="the quick timer", within=60)
    gate.set()
    call_off()
    timers.close()
    assert [name for name, _ in rung] == ["quick", "slow"]
    assert rung[0][1] >= 0.05


def test_closed_timers_take_nothing_and_close_from_a_timer_ends():
    timers = Timers()
    done = threading.Event()
    rung: list[str] = []
    timers.later(30, lambda: rung.append("never"))

    def close() -> None:
        timers.close()
        done.set()

    timers.later(0, close)
    assert done.wait(60)
    timers.later(0, lambda: rung.append("never"))()
    timers.close()
    assert rung == []
