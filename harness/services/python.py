"""Python environments of services: made with uv from a hash-locked file, one for all services with the same lock."""

import platform
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from harness.errors import MissingToolError
from harness.services.cached import Order, fingerprint


def environment(order: Order) -> Mapping[str, str]:
    """Return what `{venv}` is: the folder of an environment in which exactly the lock is installed."""
    lock = order.source
    of = f"{platform.python_implementation()} {platform.python_version()} {sys.platform} {platform.machine()}"
    name = f"{lock.stem}-{fingerprint(of.encode(), order.read())}"
    say = f"building the environment of {order.service.name} from {lock.parent.name}/{lock.name}"
    return {"venv": str(order.placed(name, whole="bin/python", say=say, make=lambda half: _build(order, half)))}


def _build(order: Order, half: Path) -> None:
    uv = _uv(order)
    order.call([uv, "venv", "--quiet", "--relocatable", "--no-project", "--python", sys.executable, str(half)])
    sync = ["pip", "sync", "--quiet", "--require-hashes", "--python", str(half / "bin" / "python"), str(order.source)]
    order.call([uv, *sync])


def _uv(order: Order) -> str:
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.exists() else shutil.which("uv")
    if uv is None:
        message = f"{order.service}: its environment is made with uv, which is not there; pip install uv"
        raise MissingToolError(message)
    return uv
