"""What has to exist before a service can start: tools on PATH, and environments built once per lock file into the cache."""

import contextlib
import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from harness.errors import MissingToolError, StartError
from harness.services.service import Service, every

Progress = Callable[[str], None]


def silent(line: str) -> None:
    """Show no progress."""


def require(service: Service) -> None:
    """Hold that each tool the service says it needs is on PATH; else raise MissingToolError, which a test run makes a skip of."""
    missing = [tool for tool in service.needs if shutil.which(tool) is None]
    if missing:
        message = f"{service} needs {', '.join(missing)}, which is not on PATH; install it, or leave these scenarios out"
        raise MissingToolError(message)


def paths_of(service: Service, cache: Path, progress: Progress = silent) -> dict[str, str]:
    """Return what `{venv}` means for this service, after building it where it is not built yet.

    Raises MissingToolError for a tool it needs, StartError where the build fails.
    """
    require(service)
    builders: Mapping[str, Callable[[Service, Path, Path, Progress], Path]] = {"venv": _environment}
    folder = service.folder or Path.cwd()
    return {kind: str(builders[kind](service, folder / named, cache, progress)) for kind, named in service.build.items()}


def build_all(cache: Path, progress: Progress = silent) -> None:
    """Build what any version or variant of any service that can be found needs; those whose tools are missing are said."""
    for service in every():
        with _left_out(progress):
            paths_of(service, cache, progress)


@contextlib.contextmanager
def _left_out(progress: Progress) -> Iterator[None]:
    try:
        yield
    except MissingToolError as error:
        progress(f"left out: {error}")


def _environment(service: Service, lock: Path, cache: Path, progress: Progress) -> Path:
    """Return the environment made from a hash-locked file; one for all services and checkouts with the same lock."""
    try:
        text = lock.read_bytes()
    except FileNotFoundError as error:
        message = f"{service}: build names {lock}, which is not there"
        raise StartError(message) from error
    of = f"{platform.python_implementation()} {platform.python_version()} {sys.platform} {platform.machine()}\n".encode()
    final = cache / "services" / f"{lock.stem}-{hashlib.sha256(of + text).hexdigest()[:16]}"
    if not _whole(final):
        final.parent.mkdir(parents=True, exist_ok=True)
        with _alone(final.with_name(f"{final.name}.lock")):
            if not _whole(final):
                progress(f"building the environment of {service.name} from {lock.parent.name}/{lock.name}")
                _build(service, lock, final)
    return final


def _whole(environment: Path) -> bool:
    # Follows the link: an environment whose interpreter was uninstalled since is built anew.
    return (environment / "bin" / "python").exists()


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold the lock file; others, also in other processes, wait. The kernel lets go of it when a process dies."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(service: Service, lock: Path, final: Path) -> None:
    """Make the environment beside its place and rename it there: an interrupted build leaves nothing that looks whole."""
    half = final.with_name(f"{final.name}.half")
    for old in (half, final):
        shutil.rmtree(old, ignore_errors=True)
    uv = _uv(service)
    _call(service, [uv, "venv", "--quiet", "--relocatable", "--no-project", "--python", sys.executable, str(half)])
    sync = ["pip", "sync", "--quiet", "--require-hashes", "--python", str(half / "bin" / "python"), str(lock)]
    _call(service, [uv, *sync])
    half.rename(final)


def _call(service: Service, command: list[str]) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT")}
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        message = f"{service} cannot be built: {' '.join(command[:3])} ended with {done.returncode}:\n{done.stderr.strip()}"
        raise StartError(message)


def _uv(service: Service) -> str:
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.exists() else shutil.which("uv")
    if uv is None:
        message = f"{service}: its environment is made with uv, which is not there; pip install uv"
        raise MissingToolError(message)
    return uv
