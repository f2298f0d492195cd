"""`python -m tests.leaks N`: kills N runs, each a random time after its start, and looks for what is left of it 5 s later.

Every run starts its own stack. The times are drawn between nothing and the length of a whole run, measured first; `SEED` as a
second argument draws the same ones again. Exit code 1 if anything was left.
"""

import hashlib
import signal
import sys
import tempfile
from pathlib import Path

from harness import clock
from tests.leaks.killed import victim

NATIVE = {"HARNESS_STACK": "native"}


def main(times: int, seed: int) -> int:
    """Return how many runs left something."""
    bad = 0
    with tempfile.TemporaryDirectory(prefix="leaks-") as folder:
        whole = _whole(Path(folder) / "whole")
        _show(f"a whole run lasts {whole:.1f} s; seed {seed}")
        for number in range(1, times + 1):
            after = whole * _drawn(seed, number)
            said, left = _killed(Path(folder) / str(number), after)
            bad += bool(left)
            _show(f"{number} of {times}: killed after {after:.2f} s ({said}): {'; '.join(left) or 'nothing left'}")
    return bad


def _whole(folder: Path) -> float:
    began = clock.now()
    with victim(folder, NATIVE) as one:
        one.await_said("the verdict is there", within=600)
    return clock.now() - began


def _killed(folder: Path, after: float) -> tuple[str, list[str]]:
    with victim(folder, NATIVE) as one:
        clock.pause(after)
        one.end(signal.SIGKILL)
        said = (one.said.splitlines() or ["it had said nothing yet"])[-1]
    return said, one.left_after()


def _drawn(seed: int, number: int) -> float:
    return int.from_bytes(hashlib.sha256(f"{seed}/{number}".encode()).digest()[:8]) / 2**64


def _show(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(min(1, main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1)))
