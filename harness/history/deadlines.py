"""How long after its deadline a visibility timeout is certainly over: what judging and the taps reckon with alike."""

TICK = 1.0
"""Seconds after which SQS, and LocalStack, have certainly noticed that a visibility timeout is over."""
NOTICED = 0.15
"""Real seconds that LocalStack needs beside its tick, which a compressed clock makes as short as everything else."""


def tick(speed: float) -> float:
    """Return the production seconds between a deadline and its being noticed, at most."""
    return TICK if speed <= 1 else TICK + NOTICED * speed
