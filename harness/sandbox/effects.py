"""What must change for a message to count as effected: resources or queues, all of a sequence, either of `a | b`."""

from collections.abc import Sequence

from harness.errors import UsageError
from harness.sandbox.things import Usable


class Either:
    """`a | b`: an effect in one of them is enough; they are counted together."""

    def __init__(self, *places: Usable) -> None:
        self.places = places

    def __or__(self, other: Usable) -> "Either":
        return Either(*self.places, other)


Place = Usable | Either
Effect = Place | Sequence[Place] | None


def named(effect: Effect) -> tuple[tuple[str, ...], ...]:
    """Return the names behind `effect=`: every tuple must be effected, one of its names is enough. A topic is all its queues.

    Raises UsageError for what cannot be an effect.
    """
    if effect is None:
        return ()
    places = [effect] if isinstance(effect, (Usable, Either)) else list(effect)
    return tuple(names for place in places for names in _sets(place))


def _sets(place: object) -> list[tuple[str, ...]]:
    if isinstance(place, Either):
        return [tuple(one.thing_name for each in place.places for one in each.places)]
    if isinstance(place, Usable):
        return [(one.thing_name,) for one in place.places]
    message = f"effect={place!r} is neither a resource nor a queue of this sandbox"
    raise UsageError(message)
