"""Prints which tests coverage cannot ask for here, because what they need is not there: a runtime, or leave to mount."""

import sys

from harness.services.runtimes import problem
from tests.full_disk.small import unmountable

FOLDERS = {"java": "tests/java/*", "node": "tests/node/*"}


def absent() -> list[str]:
    small = ["tests/full_disk/*"] if unmountable() else []
    return [*(folder for runtime, folder in FOLDERS.items() if problem(runtime)), *small]


if __name__ == "__main__":  # pragma: no cover (make asks; tests ask `absent`)
    sys.stdout.write(",".join(["none", *absent()]))
