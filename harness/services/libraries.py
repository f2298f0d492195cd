"""Which versions of the libraries it names a service really runs with: read from the lock that it is built from."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from harness.errors import UsageError
from harness.services.service import Service


def versions(service: Service) -> dict[str, str]:
    """Return the version of each of `service.libraries`, in their order.

    Raises UsageError for a library that is in no lock of the service, naming the locks.
    """
    if not service.libraries:
        return {}
    locks = {kind: (service.folder or Path.cwd()) / named for kind, named in service.build.items() if kind in READERS}
    held = [READERS[kind](path) for kind, path in locks.items()]
    found: dict[str, str] = {}
    for library in service.libraries:
        versions = [lock[plain(library)] for lock in held if plain(library) in lock]
        if not versions:
            listed = ", ".join(str(path) for path in locks.values()) or "it has no build"
            message = f"{service}: libraries names {library!r}, which is in none of its locks ({listed})"
            raise UsageError(message)
        found[library] = versions[0]
    return found


def said(service: Service) -> str:
    """Return what a service runs with, for reports: its libraries with their versions, else its own version, else nothing."""
    return ", ".join(f"{name} {version}" for name, version in versions(service).items()) or service.version


def plain(name: str) -> str:
    """Return a library's name as all ways of writing it have it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _of_requirements(path: Path) -> dict[str, str]:
    found = re.findall(r"^([\w.-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", _text(path), flags=re.MULTILINE)
    return {plain(name): version for name, version in found}


def _of_modules(path: Path) -> dict[str, str]:
    lock = path / "package-lock.json"
    try:
        packages = json.loads(_text(lock) or "{}").get("packages", {})
    except ValueError as error:
        message = f"{lock} is no JSON ({error}); have npm write it anew: npm install --package-lock-only"
        raise UsageError(message) from error
    return {plain(name.removeprefix("node_modules/")): one["version"] for name, one in packages.items() if "version" in one}


def _of_jars(path: Path) -> dict[str, str]:
    found = re.findall(r"^\w+  ([\w.-]+?)-(\d[\w.-]*)\.jar$", _text(path.with_suffix(".sha256")), flags=re.MULTILINE)
    return {plain(name): version for name, version in found}


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


READERS: Mapping[str, Callable[[Path], Mapping[str, str]]] = {"venv": _of_requirements, "npm": _of_modules, "maven": _of_jars}
