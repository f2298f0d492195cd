"""Numbers that one side of an AMQP channel counts by itself, and what each means to the other side once they do not agree."""

from collections.abc import Iterable


class Counted:
    """Delivery tags as the service counts them, or publishes as the broker does: 1, 2, 3 without holes.

    Each means a number of the other side's, or nothing there (None). `older` are those that are open from before, and mean
    themselves; `first` is the next one.
    """

    def __init__(self, first: int, older: Iterable[int]) -> None:
        self._next = first
        self._open: dict[int, int | None] = {number: number for number in sorted(older)}

    def next(self, means: int | None, *, awaits: bool = True) -> int:
        """Count one more and return its number; `awaits`: somebody will say something of it."""
        number = self._next
        self._next += 1
        if awaits:
            self._open[number] = means
        return number

    def meant(self, number: int, *, multiple: bool) -> list[int] | None:
        """Return, and forget, what was meant: of `number`, or of all up to it (all that there is, if it is 0).

        None where this number is not open, which is an error of whoever named it.
        """
        if multiple and number == 0:
            found = list(self._open)
        elif number not in self._open:
            return None
        else:
            found = [one for one in self._open if one <= number] if multiple else [number]
        return [means for means in (self._open.pop(one) for one in found) if means is not None]

    def forget(self) -> None:
        """Forget all that is open."""
        self._open.clear()
