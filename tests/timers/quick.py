"""What the tests of timers share: a world at speed 20, its record, and whether what was timed in it took its time."""

from collections.abc import Callable, Iterable, Sequence

from harness import Sandbox
from harness.history.events import Event

SPEED = 20
WANTED = 60
"""Seconds of the world: three of the machine."""
SLOWER = 4
"""How many times longer a loaded machine may take; what is not compressed takes twenty times as long."""
Quick = Callable[[Callable[[Sandbox], None]], Sequence[Event]]
"""Tells a world, and returns its record."""


def in_time(took: Iterable[float]) -> bool:
    """Tell whether something was timed, and nothing of it was over early or as late as without compression."""
    found = list(took)
    return bool(found) and all(WANTED <= one < SLOWER * WANTED for one in found)
