"""LocalStack in an environment of its own: what it pins is older than what the harness uses. It is not started here."""

import hashlib
import sys
from pathlib import Path

from harness.errors import StackError
from harness.stack import bootstrap, cache
from harness.stack.cache import Progress
from harness.stack.commands import call, plain_environment, said
from harness.stack.found import Component, Program

LOCK = "localstack.txt"
PYTHON = "bin/python"
_VERSION = "from localstack.version import version; print(version)"
# LocalStack's main module imports its gateway and the providers only when it is up; these are what it dies of.
_IMPORTS = "import localstack.runtime.main, localstack.aws.app, localstack.services.sqs.provider; " + _VERSION


def place() -> str:
    """Return the name of the folder: another lock or another Python is another environment."""
    lock = bootstrap.lock_file(LOCK).read_bytes()
    return f"localstack-{hashlib.sha256(lock + sys.version.encode()).hexdigest()[:12]}"


def found() -> Program | None:
    """Return what is there now, without making anything."""
    python = cache.folder() / place() / PYTHON
    version = said([python, "-I", "-c", _VERSION], plain_environment())
    return Program("provisioned", python, version) if version else None


def inspected() -> Component:
    """Return doctor's line for it."""
    program = found()
    missing = Component("localstack", "missing", mend="harness provision (it needs a Python package index)")
    return program.component("localstack") if program else missing


def provided(progress: Progress) -> Program:
    """Return it, made from the lock if it was missing; StackError where that cannot be done."""

    def make(_work: Path, half: Path) -> Path:
        return _make(half, progress)

    folder = cache.placed(place(), PYTHON, make, progress)
    program = found()
    if program is None:
        message = f"LocalStack's environment does not work any more; remove {folder} and run the set-up again"
        raise StackError(message)
    return program


def _make(half: Path, progress: Progress) -> Path:
    uv, environment = cache.uv(), bootstrap.quiet_uv()
    progress("installing its environment from requirements/localstack.txt")
    complaint = "LocalStack's environment cannot be installed"
    venv = ["venv", "--quiet", "--clear", "--relocatable", "--no-project", "--python", sys.executable, half]
    call([uv, *venv], complaint, progress=progress, environment=environment)
    python = half / PYTHON
    call([uv, *bootstrap.sync(python, bootstrap.lock_file(LOCK))], complaint, progress=progress, environment=environment)
    progress("seeing whether it can be imported")
    call([python, "-I", "-c", _IMPORTS], "LocalStack was installed but cannot be imported", progress=progress)
    return half
