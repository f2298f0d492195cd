"""What has to work before anything is installed: the cache folder, a private uv, `.venv`. Standard library only.

`python3 harness/stack/bootstrap.py CHECKOUT` is the first half of `make setup`, `... --clear` is `make clean CACHE=1`. No broker
is dealt with here. It must be readable by Pythons older than the one it asks for: they get a sentence, not a SyntaxError.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

NAME = "message-chaos-harness"
OLDEST = (3, 11)
BUILD_LOCK = "build.txt"
OURS = ("locks", "work", "services", "uv-*", "localstack-*", "rabbitmq-*", "toxiproxy-*")


class SetupError(Exception):
    """Set-up cannot go on; the text is one sentence with the mend."""


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder all checkouts of this user share: HARNESS_CACHE, else where platformdirs would put it; made if missing.

    Raises SetupError where it is a file, or cannot be written to.
    """
    if environ.get("HARNESS_CACHE"):
        folder = Path(environ["HARNESS_CACHE"]).expanduser().absolute()
    elif sys.platform == "darwin":
        folder = Path("~/Library/Caches").expanduser() / NAME
    else:
        xdg = environ.get("XDG_CACHE_HOME", "").strip()
        folder = (Path(xdg) if xdg else Path("~/.cache").expanduser()) / NAME
    problem = _problem(folder)
    if problem:
        message = f"the cache folder {folder} {problem}; let HARNESS_CACHE name a folder that can be written to"
        raise SetupError(message)
    return folder


def _problem(folder: Path) -> str:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        return "is a file, or lies below one"
    except OSError as error:
        return f"cannot be made ({error.strerror})"
    return "" if os.access(folder, os.W_OK | os.X_OK) else "cannot be written to"


@contextlib.contextmanager
def alone(cache: Path, name: str, waiting: Callable[[str], None]) -> Iterator[None]:
    """Hold `name` in this cache: others, in other processes too, say so and wait. The kernel lets go when a process dies."""
    folder = cache / "locks"
    folder.mkdir(exist_ok=True)
    with (folder / name).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting("another set-up is at it; waiting for its end")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def lock_file(name: str) -> Path:
    """Return the hash-locked requirements file of that name, from the installed package or from the checkout."""
    here = Path(__file__).resolve().parent
    inside = here / "requirements" / name
    return inside if inside.exists() else here.parents[1] / "requirements" / name


def quiet_uv(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment for uv: it downloads no interpreters, and takes no active environment for the target."""
    kept = {key: value for key, value in environ.items() if key not in ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "PYTHONPATH")}
    return {**kept, "UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1"}


def sync(python: Path, lock: Path) -> list[str]:
    """Return uv's arguments that make this interpreter's environment equal to the lock, whatever has to be built included."""
    built_with = ["--build-constraints", str(lock_file(BUILD_LOCK)), "--require-build-hashes"]
    return ["pip", "sync", "--quiet", "--require-hashes", *built_with, "--python", str(python), str(lock)]


def private_uv(cache: Path) -> Path:
    """Return the uv of the committed lock, installed into the cache the first time by pip or venv, whichever this Python has."""
    lock = lock_file("setup.txt")
    final = cache / f"uv-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    uv = final / "bin" / "uv"
    with alone(cache, "uv", lambda line: say(f"uv: {line}")):
        if not uv.exists():
            say("uv: installing it into the cache")
            half = final.with_name(final.name + ".half")
            for old in (half, final):
                shutil.rmtree(old, ignore_errors=True)
            _install_uv(lock, half)
            call([half / "bin" / "uv", "--version"], "uv was installed but does not run")
            half.rename(final)
    return uv


def _install_uv(lock: Path, into: Path) -> None:
    arguments = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps", "--require-hashes"]
    complaint = "uv cannot be installed"
    # The scripts of `pip --target` lie in bin/ like those of an environment, and Debian allows it without one.
    if subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0:
        call([sys.executable, *arguments, "--target", into, "-r", lock], complaint, {**os.environ, "PIP_USER": "0"})
        return
    mend = "this Python has neither pip nor venv; install them (on Debian: apt-get install python3-venv)"
    call([sys.executable, "-m", "venv", into], mend)
    call([into / "bin" / "python", *arguments, "-r", lock], complaint)


def make_environment(checkout: Path, cache: Path) -> None:
    """Make or mend `.venv` in the checkout so that it is what the lock says, with the harness itself installed in place."""
    venv = checkout / ".venv"
    python = venv / "bin" / "python"
    stamp = venv / "harness-setup"
    wanted = _fingerprint(checkout)
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
        return
    uv = private_uv(cache)
    stamp.unlink(missing_ok=True)
    say("environment: .venv from requirements/dev.txt")
    environment = quiet_uv()
    if not python.exists():
        call([uv, "venv", "--quiet", "--clear", "--no-project", "--python", sys.executable, venv], "no .venv", environment)
    call([uv, *sync(python, checkout / "requirements" / "dev.txt")], "what the tests need cannot be installed", environment)
    in_place = ["pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--python", python, "--editable", checkout]
    call([uv, *in_place], "the harness cannot be installed into .venv", environment)
    link = venv / "bin" / "uv"
    link.unlink(missing_ok=True)
    link.symlink_to(uv)
    stamp.write_text(wanted)


def _fingerprint(checkout: Path) -> str:
    digest = hashlib.sha256(sys.version.encode())
    for path in (*sorted((checkout / "requirements").glob("*.txt")), checkout / "pyproject.toml", Path(__file__)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def clear(cache: Path) -> None:
    """Remove what the harness has put into the cache, and nothing else: HARNESS_CACHE may name a folder with more in it."""
    for pattern in OURS:
        for each in cache.glob(pattern):
            remove(each)


def remove(tree: Path) -> None:
    """Remove a folder, also one with folders in it that may not be written to: Go makes its module cache so."""
    for folder, names, _ in os.walk(tree):
        for name in names:
            path = Path(folder) / name
            if not path.is_symlink():
                path.chmod(0o755)
    if tree.exists():
        shutil.rmtree(tree)


def call(command: Sequence[object], complaint: str, environment: Mapping[str, str] | None = None) -> None:
    """Run a command to its end; what it said is shown only if it fails, behind the complaint, as SetupError."""
    done = subprocess.run(
        [str(part) for part in command], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = " ".join((done.stderr.strip() or done.stdout.strip()).split()[-60:])
        message = f"{complaint}: {said}"
        raise SetupError(message)


def say(line: str) -> None:
    """Show one line of progress at once."""
    print(line, file=sys.stderr, flush=True)


def main(arguments: Sequence[str]) -> int:
    """Make what a checkout needs; 0, or 3 after one sentence."""
    if sys.version_info < OLDEST:
        say(f"set-up: Python {sys.version.split()[0]} is too old, 3.11 is needed; make setup PYTHON=<a newer one>")
        return 3
    try:
        if arguments[0] == "--clear":
            clear(cache_folder())
        else:
            make_environment(Path(arguments[0]).resolve(), cache_folder())
    except SetupError as error:
        say(f"set-up: {error}")
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
