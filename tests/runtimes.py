"""Prints which tests coverage cannot ask for here, because the runtime of the programs that they start is not there."""

import sys

from harness.services.runtimes import problem

FOLDERS = {"java": "tests/java/*", "node": "tests/node/*"}


def absent() -> list[str]:
    return [folder for runtime, folder in FOLDERS.items() if problem(runtime)]


if __name__ == "__main__":  # pragma: no cover (make asks; tests ask `absent`)
    sys.stdout.write(",".join(["none", *absent()]))
