"""Removes containers, networks and volumes of a run by their label: `python -m harness.engine.reaper RUN`, its warden's will."""

import contextlib
import sys
from typing import Any

LABEL = "message-chaos-harness.run"
STACK = "message-chaos-harness.stack"
"""A second label, of the three of one stack: a run has one for each speed of its clock."""


def reap(value: str, label: str = LABEL) -> int:
    """Remove everything of this run; return how many things there were. Raises docker's own errors where the daemon is gone."""
    import docker  # noqa: PLC0415 (half a second that runs without containers need not pay)
    from docker.errors import NotFound  # noqa: PLC0415 (as above)

    wanted = {"filters": {"label": f"{label}={value}"}}
    removed = 0
    client: Any = docker.from_env()
    with contextlib.closing(client):
        for container in client.containers.list(all=True, ignore_removed=True, **wanted):
            with contextlib.suppress(NotFound):
                container.remove(force=True, v=True)
                removed += 1
        for thing in (*client.networks.list(**wanted), *client.volumes.list(**wanted)):
            with contextlib.suppress(NotFound):
                thing.remove()
                removed += 1
    return removed


if __name__ == "__main__":
    reap(sys.argv[1])
