"""What is said of a fault that changed nothing: what was looked for and not found, and what its writer can do."""

from harness.history.intervals import Interval
from harness.history.world import World

CUTTING = frozenset({"outage", "latency", "reset", "cut_short", "kill"})
"""Faults that end connections, or make a service end them; of kills those of brokers."""

_ON_AND_KEY = "begin it earlier, or see whether its `on` and `key` fit"
TOOTHLESS = {
    "outage": (
        "no request was cut and no delivery ended without its request meanwhile",
        "begin it earlier, make it last longer or send more messages",
    ),
    **dict.fromkeys(
        ("outage of a broker", "cut_short of a broker", "kill of a broker"),
        (
            "no delivery, settlement or send was cut",
            "begin it earlier, where a message is under way, or send more messages",
        ),
    ),
    **dict.fromkeys(
        ("reset", "reset of a broker"),
        (
            "nothing was under way on a connection that it reset",
            "begin it where something is, as at resource.requested(n), or let it last",
        ),
    ),
    "timeout": (
        "nothing that left in its direction was still on its way",
        "begin it earlier, where an answer is due, or see whether its `side` is meant",
    ),
    "bandwidth": (
        "nothing came late by it",
        "allow fewer bytes a second, begin it earlier or send larger messages",
    ),
    "sliced": (
        "nothing that left in one piece came in several",
        "cut smaller pieces, begin it earlier, or give seconds= between them",
    ),
    "slow_close": (
        "no connection ended meanwhile",
        "begin it before one ends, as with a kill or where the service hangs up",
    ),
    "half_open": (
        "no byte came to a connection that it left dead",
        "begin it while a connection is open, or see whether one carries its `on`",
    ),
    "pause": (
        "its victim held no message and asked for nothing meanwhile",
        "begin it while a message is worked on, as at resource.requested(n), or make it longer",
    ),
    "latency": (
        "no answer and no delivery came late by it",
        "begin it earlier, make it longer or send more messages",
    ),
    "altered": (
        "no message that it changed was delivered",
        "begin it earlier, or see whether its `on` and `key` fit any message",
    ),
    "answer_lost": (
        "no answer was swallowed",
        "begin it earlier, or see whether its `on` and `key` fit any request",
    ),
    "request_lost": ("no request was taken away", f"{_ON_AND_KEY} any request"),
    "status": ("no request was answered so", f"{_ON_AND_KEY} any request"),
    "duplicate": ("nothing was sent twice", f"{_ON_AND_KEY} any message or request"),
    "held": ("nothing was held", f"{_ON_AND_KEY} any message or request"),
    "reordered": ("no two messages changed places", "begin it earlier, or send more messages at a time"),
    "shortened": ("nobody asked for a longer visibility timeout", "see whether the service receives, or gives seconds above 0"),
    "kill": (
        "its victim held no message and asked for nothing",
        "begin it while a message is worked on, as at resource.requested(n)",
    ),
}
"""By kind of fault: what was looked for, and the mend."""


def why_not(one: Interval, world: World) -> str:
    """Say why a fault did not bite."""
    if one.failed or one.began is None:
        return one.failed or "it never began: its moment did not come"
    things = {road.thing for road in world.roads.values()}
    of_broker = (one.name in CUTTING and bool(one.link) and world.roads[one.link].queues) or one.victim in things
    kind = f"{one.name} of a broker" if of_broker else one.name
    looked, mend = TOOTHLESS.get(kind, TOOTHLESS["outage"])
    if one.name == "kill" or one.once:
        return f"it came at {one.began:.1f} s, and {looked}; {mend}"
    until = f"to {one.ended:.1f} s" if one.ended is not None else "on"
    return f"it was on from {one.began:.1f} s {until}, and {looked}; {mend}"
