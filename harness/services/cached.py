"""How something built gets into the cache: whole or not at all, once for all who want it, in this process and in others."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import StartError
from harness.services.service import Service

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Order:
    """One thing to be built: for which service, from what (`named` in its `build`), into which cache."""

    service: Service
    named: str
    cache: Path
    progress: Progress

    @property
    def source(self) -> Path:
        """The file or folder that `build` names, beside the service's own."""
        return (self.service.folder or Path.cwd()) / self.named

    def read(self, name: str = "") -> bytes:
        """Return a file that is built from. Raises StartError where it is not there."""
        path = self.source / name if name else self.source
        try:
            return path.read_bytes()
        except (FileNotFoundError, NotADirectoryError) as error:
            message = f"{self.service}: build names {path}, which is not there"
            raise StartError(message) from error

    def placed(self, name: str, *, whole: str, say: str, make: Callable[[Path], None]) -> Path:
        """Return the folder `name` of the services in the cache, which has the path `whole` in it; made if it was not there.

        `make(half)` makes the folder `half` beside its place, which is then renamed: an interrupted build leaves nothing that
        looks whole. Two processes that want the same build it once.
        """
        final = self.cache / "services" / name
        # Follows links: an environment whose interpreter was uninstalled since is built anew.
        if not (final / whole).exists():
            final.parent.mkdir(parents=True, exist_ok=True)
            with alone(final.with_name(f"{name}.lock")):
                if not (final / whole).exists():
                    self.progress(say)
                    half = final.with_name(f"{name}.half")
                    for old in (half, final):
                        shutil.rmtree(old, ignore_errors=True)
                    make(half)
                    half.rename(final)
        return final

    def call(self, command: Sequence[str], *, cwd: Path | None = None, environment: Mapping[str, str] | None = None) -> None:
        """Run a command to its end. Raises StartError with what it said when it fails."""
        mine = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT")}
        done = subprocess.run(
            command,
            env={**mine, **(environment or {})},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            said = done.stderr.strip() or done.stdout.strip()
            message = f"{self.service} cannot be built: {' '.join(command[:3])} ended with {done.returncode}:\n{said}"
            raise StartError(message)


def fingerprint(*parts: bytes) -> str:
    """Return a short name for these contents."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()[:16]


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold the lock file; others, also in other processes, wait. The kernel lets go of it when a process dies."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
