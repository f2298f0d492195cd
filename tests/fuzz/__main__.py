"""`python -m tests.fuzz [MUTATIONS [SEED]]`: feeds so many mutations of recorded streams to the decoders of every wire.

What breaks is shown with what replays it. The seed is the day's unless one is given. Exit status 1 where anything broke.
"""

import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

from rich.console import Console

from harness.clock import now, utc
from tests.fuzz.decoders import DECODERS, Failure, fuzzed

MUTATIONS = 1_000_000
AT_ONCE = 25_000
SHOWN = 10


def main(arguments: Sequence[str]) -> int:
    """Fuzz, show, return the exit status."""
    mutations = int(arguments[0]) if arguments else MUTATIONS
    seed = int(arguments[1]) if arguments[1:] else int(f"{utc():%Y%m%d}")
    each = max(1, mutations // len(DECODERS))
    parts = [min(AT_ONCE, each - at) for at in range(0, each, AT_ONCE)]
    shares = [(name, seed + number, part) for name in DECODERS for number, part in enumerate(parts)]
    say = Console(highlight=False, soft_wrap=True, markup=False).print
    began = now()
    failures: list[tuple[str, int, Failure]] = []
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for (name, own, _), found in zip(shares, pool.map(fuzzed, *zip(*shares, strict=True)), strict=True):
            failures += [(name, own, one) for one in found]
    seconds, done = now() - began, sum(share for *_, share in shares)
    say(f"{done} mutations with seed {seed} in {seconds:.1f} s, {done / seconds:.0f} a second; {len(failures)} broke something")
    for name, own, one in failures[:SHOWN]:
        say(f"  {name}: {one.how}; fuzzed({name!r}, {own}, {one.number}) ends in {one.data[-200:]!r}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
