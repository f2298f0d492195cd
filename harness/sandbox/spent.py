"""Where the real seconds of one scenario go, by what was waited for: what makes a slow one slow."""

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any, ParamSpec, TypeVar

from harness.clock import now

P = ParamSpec("P")
R = TypeVar("R")


class Spent:
    """Seconds by what they were spent on. What is waited for within something else is not counted there again."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.reason = ""
        """What the longest wait of all drains was for, in the drain's own words."""
        self._longest = self._total = 0.0

    @contextlib.contextmanager
    def on(self, what: str) -> Iterator[None]:
        """Count the seconds until the end of the block."""
        began, inside = now(), self._total
        try:
            yield
        finally:
            self.add(what, now() - began - (self._total - inside))

    def add(self, what: str, seconds: float) -> None:
        """Count seconds that were measured elsewhere."""
        self._total += seconds
        self.seconds[what] = self.seconds.get(what, 0.0) + seconds

    def because(self, reason: str, seconds: float) -> None:
        """Take note of a reason for which so long was waited; the longest is kept."""
        if seconds > self._longest:
            self._longest, self.reason = seconds, reason


def timed(what: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Count what a method of something with a `_context` takes."""

    def decorated(method: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(method)
        def within(*args: P.args, **named: P.kwargs) -> R:
            owner: Any = args[0]
            with owner._context.spent.on(what):  # noqa: SLF001 (the context of a sandbox's own parts)
                return method(*args, **named)

        return within

    return decorated
