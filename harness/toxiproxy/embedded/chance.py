"""Draws of the embedded server: each follows from the seed and from what it is drawn for, never from when it is drawn."""

from hashlib import blake2b

_BITS = 53
"""What a float holds exactly."""


class Chance:
    """An endless row of draws for one purpose, the same in every run with the same seed and purpose."""

    def __init__(self, seed: int, *purpose: object) -> None:
        self._begun = blake2b(repr((seed, *purpose)).encode(), digest_size=8)
        self._drawn = 0

    def below(self, limit: int) -> int:
        """Return a whole number from 0 up to `limit`, exclusive; each is as likely as the other."""
        self._drawn += 1
        one = self._begun.copy()
        one.update(self._drawn.to_bytes(8, "big"))
        return int.from_bytes(one.digest(), "big") * limit >> 64

    def fraction(self) -> float:
        """Return a number from 0 up to 1, exclusive."""
        return float(self.below(1 << _BITS)) / (1 << _BITS)
