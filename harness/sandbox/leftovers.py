"""What killed runs left on a stack that outlives them: their proxies, which still listen, and their vhosts.

`python -m harness.sandbox.leftovers RUN SPEED` is the last that the warden of a run does where that was killed: it removes what
the run left on the stack that the environment says. Where that could not be done, the next run on the stack does it.
Queues in LocalStack are left: each sandbox has an account of its own, so they are in nobody's way.
"""

import contextlib
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator

from harness.errors import HarnessError
from harness.stack.management import Management
from harness.stack.model import Stack
from harness.toxiproxy.client import Toxiproxy
from harness.warden import Warden

STACK = "HARNESS_SWEPT_STACK"
"""The variable that says the stack; its password must not be in a command line, which everybody can read."""
IDENT = re.compile(r"h([0-9a-f]{12})-\d+(?:\..*)?")


def ident(run_id: str, number: int) -> str:
    """Return the name of a run's nth sandbox; vhost and proxies are named after it, so that they can be found."""
    return f"h{run_id}-{number}"


@contextlib.contextmanager
def swept_at_end(warden: Warden, stack: Stack) -> Iterator[None]:
    """Have what a run leaves on this stack removed also where this process is killed meanwhile."""
    command = (sys.executable, "-m", "harness.sandbox.leftovers", warden.run_id, str(stack.speed))
    warden.at_end(command, {STACK: json.dumps(stack.to_json())})
    yield
    warden.not_at_end(command)


def sweep(stack: Stack, lives: Callable[[str], bool]) -> int:
    """Remove the proxies and vhosts of runs that do not live any more; return how many. Nobody else's are touched.

    Raises HarnessError where the servers do not answer.
    """
    toxiproxy = Toxiproxy(stack.toxiproxy.host, stack.toxiproxy.port)
    management = Management(stack.management.host, stack.management.port, stack.user, stack.password)
    known: dict[str, bool] = {}
    proxies = () if stack.toxiproxy_in_recorder else toxiproxy.proxies()  # those went with the recorder
    both = (proxies, toxiproxy.delete), (management.vhosts(), management.delete_vhost)
    return sum(_removed(_left(names, lives, known), remove) for names, remove in both)


def _left(names: Iterable[str], lives: Callable[[str], bool], known: dict[str, bool]) -> list[str]:
    left = []
    for name in names:
        match = IDENT.fullmatch(name)
        if match is None:
            continue
        run_id = match.group(1)
        if run_id not in known:
            known[run_id] = lives(run_id)
        if not known[run_id]:
            left.append(name)
    return left


def _removed(names: Iterable[str], remove: Callable[[str], None]) -> int:
    count = 0
    for name in names:
        with contextlib.suppress(HarnessError):  # another run sweeps, too, and was quicker
            remove(name)
            count += 1
    return count


def main() -> None:
    """Remove what is left of one run; a server that does not answer any more has nothing of it."""
    with contextlib.suppress(HarnessError):
        sweep(Stack.from_json(json.loads(os.environ[STACK])), lives=lambda run_id: run_id != sys.argv[1])


if __name__ == "__main__":
    main()
