"""The embedded Toxiproxy as a program, started in the place of toxiproxy-server and with some of its flags."""

import argparse
import sys

from harness.errors import HarnessError
from harness.toxiproxy.embedded.server import run


def main() -> int:
    """Serve until a signal; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m harness.toxiproxy.embedded", allow_abbrev=False)
    parser.add_argument("-host", default="127.0.0.1")
    parser.add_argument("-port", type=int, default=8474)
    parser.add_argument("-seed", type=int, default=0)
    given = parser.parse_args()
    try:
        run(given.host, given.port, seed=given.seed, tell=_tell)
    except HarnessError as error:
        sys.stderr.write(f"{error}\n")
        return 3
    return 0


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
