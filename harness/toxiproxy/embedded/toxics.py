"""A toxic as the API knows it: its attributes, their limits, how it is read and written. What it does is in `stages`."""

from dataclasses import dataclass, field
from typing import Literal, cast

from harness.toxiproxy.embedded.fields import Filled, Kind, Shape, fill
from harness.toxiproxy.embedded.text import TextError, Value, quoted, shortest

Direction = Literal["upstream", "downstream"]
DIRECTIONS: tuple[Direction, Direction] = ("upstream", "downstream")


def _attributes(go: str, kind: Kind, *names: str) -> Shape:
    return Shape(f"toxics.{go}", go, dict.fromkeys(names, kind))


TYPES = {
    "latency": _attributes("LatencyToxic", "int64", "latency", "jitter"),
    "bandwidth": _attributes("BandwidthToxic", "int64", "rate"),
    "slow_close": _attributes("SlowCloseToxic", "int64", "delay"),
    "timeout": _attributes("TimeoutToxic", "int64", "timeout"),
    "reset_peer": _attributes("ResetToxic", "int64", "timeout"),
    "slicer": _attributes("SlicerToxic", "int", "average_size", "size_variation", "delay"),
    "limit_data": _attributes("LimitDataToxic", "int64", "bytes"),
    "noop": _attributes("NoopToxic", "int64"),
}
"""Every toxic there is, with its attributes."""

_CREATED = Shape(
    "toxics.ToxicWrapper",
    "ToxicWrapper",
    {"attributes": TYPES["noop"], "name": "string", "type": "string", "stream": "string", "toxicity": "float32"},
)
_UPDATED = r'struct { Attributes interface {} "json:\"attributes\""; Toxicity float32 "json:\"toxicity\"" }'
_FARTHEST_JITTER = 2**62


class Refused(Exception):  # noqa: N818 (Toxiproxy's own word for it is ApiError; here it is what a request is told)
    """A request that cannot be done; the text is the original's, `status` goes with it."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


def bad_body(error: TextError) -> Refused:
    """Return what a request is told whose body is no JSON or does not fit."""
    return Refused(f"bad request body: {error}", 400)


@dataclass(eq=False)
class Toxic:
    """One toxic of one proxy; links hold the same object, so what an update sets is in force at once."""

    name: str
    type: str
    stream: str
    direction: Direction
    toxicity: float
    attributes: dict[str, int] = field(default_factory=dict)
    number: int = 0
    """The how-manieth toxic of its proxy it is; draws depend on it."""

    def written(self) -> str:
        """Return it as JSON."""
        attributes = ",".join(f'"{name}":{value}' for name, value in self.attributes.items())
        return (
            f'{{"attributes":{{{attributes}}},"name":{quoted(self.name)},"type":{quoted(self.type)},'
            f'"stream":{quoted(self.stream)},"toxicity":{shortest(self.toxicity)}}}'
        )

    def update(self, value: Value) -> None:
        """Set the attributes and the toxicity that `value` gives; what fits is set even where something else does not.

        Raises Refused; where the attributes do not fit together, nothing is set.
        """
        attributes = dict(self.attributes)
        into: Filled = {"attributes": attributes}
        complaint = None
        shape = Shape(_UPDATED, "", {"attributes": TYPES[self.type], "toxicity": "float32"})
        try:
            fill(value, shape, into)
        except TextError as error:
            complaint = bad_body(error)
        _hold_to_limits(self.type, attributes)
        self.attributes.update(attributes)
        if complaint is not None:
            raise complaint
        self.toxicity = cast("float", into.get("toxicity", self.toxicity))


def created(value: Value) -> Toxic:
    """Return the toxic that `value` describes, without a place among others. Raises Refused."""
    into: Filled = {"stream": "downstream", "toxicity": 1.0}
    try:
        fill(value, _CREATED, into)
    except TextError as error:
        raise bad_body(error) from None
    stream, kind = str(into["stream"]), str(into.get("type", ""))
    direction = next((one for one in DIRECTIONS if one == stream.lower()), None)
    if direction is None:
        message = "stream was invalid, can be either upstream or downstream"
        raise Refused(message, 400)
    if kind not in TYPES:
        message = "invalid toxic type"
        raise Refused(message, 400)
    name = str(into.get("name", "")) or f"{kind}_{stream}"
    return Toxic(name, kind, stream, direction, cast("float", into["toxicity"]), dict.fromkeys(TYPES[kind].fields, 0))


def set_attributes(toxic: Toxic, value: Value) -> None:
    """Set the attributes of a toxic that is not in use yet. Raises Refused."""
    into: Filled = {"attributes": toxic.attributes}
    try:
        fill(value, Shape("", "", {"attributes": TYPES[toxic.type]}), into)
    except TextError as error:
        raise bad_body(error) from None
    _hold_to_limits(toxic.type, toxic.attributes)


def _hold_to_limits(kind: str, attributes: dict[str, int]) -> None:
    """Refuse what ends the original server, all of its proxies with it, at the first data."""
    problem = ""
    if kind == "slicer":
        size, variation = attributes["average_size"], attributes["size_variation"]
        if size <= 0:
            problem = "a slicer needs an average_size above 0"
        elif not -size < variation <= size:
            problem = "the size_variation of a slicer must not be above its average_size"
    elif kind == "bandwidth" and attributes["rate"] < 0:
        problem = "the rate of a bandwidth must not be below 0"
    elif kind == "latency" and attributes["jitter"] >= _FARTHEST_JITTER:
        problem = f"the jitter of a latency must be below {_FARTHEST_JITTER} ms"
    if problem:
        raise Refused(problem, 400)
