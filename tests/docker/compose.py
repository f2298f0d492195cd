"""docker compose: docker's own, or the one of Debian's stable release, unpacked into the cache by `tests/docker/stand_ins.py`."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from harness.stack import cache, packages

SUITE = "trixie"
PLACE = packages.place("docker-compose", "1", SUITE)
PLUGIN = "usr/libexec/docker/cli-plugins/docker-compose"


def command() -> list[str]:
    """Return how compose is called here; empty where there is none."""
    if (
        shutil.which("docker")
        and subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0
    ):
        return ["docker", "compose"]
    plugin = cache.folder() / PLACE / PLUGIN
    return [str(plugin)] if plugin.exists() else []


def unpacked(progress: Callable[[str], None]) -> None:
    """Unpack it into the cache. Raises StackError where this system has no apt, or no Debian's archive."""

    def make(work: Path, half: Path) -> Path:
        names = ("docker-compose",)
        packages.unpacked("docker-compose", names, work, half, progress, suite=SUITE, called="docker compose", mend="install it")
        return half

    cache.placed(PLACE, PLUGIN, make, progress)
