"""Node modules of services: installed with npm from a lock without addresses, one folder for all with the same lock."""

import platform
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from harness.errors import MissingToolError
from harness.services.cached import Order, fingerprint

NEEDED = ("package.json", "package-lock.json")
SETTINGS = ".npmrc"
# No script of a package is run: nothing here may fetch a thing of its own, and what was built once serves every Node.
QUIETLY = ("--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")


def modules(order: Order) -> Mapping[str, str]:
    """Return what `{modules}` is: a `node_modules` folder in which exactly the lock is installed.

    CommonJS finds it by `NODE_PATH = "{modules}"`; the import of ES modules does not read that variable.
    """
    files = {name: order.read(name) for name in NEEDED}
    settings = order.source / SETTINGS
    if settings.exists():
        files[SETTINGS] = settings.read_bytes()
    of = f"npm {sys.platform} {platform.machine()}"
    name = f"{order.source.resolve().name}-{fingerprint(of.encode(), *files.values())}"
    say = f"installing the modules of {order.service.name} from {order.source.resolve().name}/{NEEDED[1]}"
    folder = order.placed(name, whole="node_modules", say=say, make=lambda half: _install(order, half, files))
    return {"modules": str(folder / "node_modules")}


def _install(order: Order, half: Path, files: Mapping[str, bytes]) -> None:
    npm = shutil.which("npm")
    if npm is None:
        message = f"{order.service}: its modules are installed with npm, which is not on PATH; install node with npm"
        raise MissingToolError(message)
    half.mkdir()
    for name, content in files.items():
        (half / name).write_bytes(content)
    order.call([npm, "ci", *QUIETLY], cwd=half)
