"""Removes containers, networks and volumes of a run by their label: `python -m harness.stack.reaper RUN`, its warden's will."""

import sys
from typing import Any

LABEL = "message-chaos-harness.run"


def reap(run_id: str) -> int:
    """Remove everything of this run; return how many things there were. Raises docker's own errors where the daemon is gone."""
    import docker  # noqa: PLC0415 (half a second that runs without containers need not pay)
    from docker.errors import NotFound  # noqa: PLC0415 (as above)

    client: Any = docker.from_env()
    wanted = {"filters": {"label": f"{LABEL}={run_id}"}}
    removed = 0
    for container in client.containers.list(all=True, ignore_removed=True, **wanted):
        try:
            container.remove(force=True, v=True)
        except NotFound:
            continue
        removed += 1
    for thing in (*client.networks.list(**wanted), *client.volumes.list(**wanted)):
        thing.remove()
        removed += 1
    return removed


if __name__ == "__main__":
    reap(sys.argv[1])
