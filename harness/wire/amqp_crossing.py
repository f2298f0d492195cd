"""What the two taps of one AMQP connection tell each other once other messages go on between them than came."""

from typing import NamedTuple

from harness.wire.streams import Tap


class Origin(NamedTuple):
    """What a message on the road between the taps is: `name` is the number or tag it was given first; `fault` made the copy."""

    name: str
    fault: str = ""


class Crossing:
    """One connection. `bent`: its numbers do not agree any more, so both taps have to look at every frame for good.

    `publishes` are by their place among all that went on to the far tap, `deliveries` by channel and the tag the service sees.
    """

    def __init__(self) -> None:
        self.bent = False
        self.publishes: dict[int, Origin] = {}
        self.deliveries: dict[tuple[int, int], Origin] = {}

    def reopened(self, channel: int) -> None:
        """Forget what a channel of this number was before."""
        for key in [one for one in self.deliveries if one[0] == channel]:
            del self.deliveries[key]


def forget_crossing(tap: Tap) -> None:
    """Forget a connection that has ended; both taps have what they need of it."""
    tap.shared.pop(f"amqp {tap.conn}", None)


def crossing_of(tap: Tap) -> Crossing:
    """Return what this connection's other tap gets too."""
    made = tap.shared.setdefault(f"amqp {tap.conn}", Crossing())
    assert isinstance(made, Crossing)  # noqa: S101 (nobody else uses this name)
    return made
