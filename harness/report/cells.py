"""Cells of matrices that need not run again: what each came to is kept in the cache, with digests of all it was made of.

A cell is made of the files it is told in, the harness, the stack and its speed, and each service that it started: its files, with
their locks, and the runtimes it needs. Where one of these differs, nothing is known. Only what was as agreed is kept, so that a
cell that failed runs again.
"""

import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

import msgspec

import harness
from harness.errors import UsageError
from harness.report.entries import Entry, write
from harness.services.cached import fingerprint
from harness.services.runtimes import RUNTIMES, version
from harness.services.service import Service
from harness.stack.model import Stack


class Known(msgspec.Struct, kw_only=True):
    """What is kept of a cell: what it was made of, the names that make its services again, and its entry."""

    made_of: dict[str, str]
    services: list[list[str]]
    entry: Entry


class Cells:
    """The cells of this user's cache; `world` is what a cell is made of beside its services."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "cells"

    def known(self, test: str, world: Mapping[str, str]) -> Entry | None:
        """Return what this cell came to when it last ran on the same parts; None where it has to run."""
        try:
            kept = msgspec.json.decode(self._path(test, world).read_bytes(), type=Known)
            services = [_named(names) for names in kept.services]
        except (OSError, msgspec.DecodeError, UsageError):
            return None
        return kept.entry if kept.made_of == _made_of(world, services) else None

    def keep(self, test: str, world: Mapping[str, str], services: Iterable[Service], entry: Entry, run: str) -> None:
        """Keep what a cell came to, where that was as agreed and every part of it can be told again."""
        started = list(dict.fromkeys(services))
        if entry.passed and all(service.folder for service in started):
            entry = msgspec.structs.replace(entry, cached=run, seconds=0.0, spent={}, journal="")
            names = [[one.name, *filter(None, [one.version]), *one.variants] for one in started]
            write(self._path(test, world), Known(made_of=_made_of(world, started), services=names, entry=entry))

    def _path(self, test: str, world: Mapping[str, str]) -> Path:
        return self._folder / f"{fingerprint(test.encode(), world['stack'].encode())}.json"


def world_of(files: Sequence[Path], stack: Stack) -> dict[str, str]:
    """Return what a cell told in these files is made of, on this stack, beside its services."""
    versions = ", ".join(f"{name} {said}" for name, said in sorted(stack.versions.items()))
    return {
        "scenario": fingerprint(*(path.read_bytes() for path in files)),
        "harness": _own(),
        "python": platform.python_version(),
        "stack": f"{stack.kind} at speed {stack.speed}: {versions}, {stack.toxiproxy_kind}",
    }


def _made_of(world: Mapping[str, str], services: Iterable[Service]) -> dict[str, str]:
    return {**world, **{str(service): _digest(service) for service in services}}


def _named(names: Sequence[str]) -> Service:
    service = Service.named(names[0])
    return service[tuple(names[1:])] if names[1:] else service


def _digest(service: Service) -> str:
    runtimes = [f"{one.name} {version(one)[1]}" for one in RUNTIMES if one.name in service.needs]
    return fingerprint(sys.version.encode(), *(one.encode() for one in runtimes), *_contents(service.folder or Path.cwd()))


@cache
def _own() -> str:
    """Return the digest of the harness itself: its version alone stays as it is while somebody works on it."""
    return fingerprint(*_contents(Path(harness.__file__).parent))


def _contents(folder: Path) -> Iterable[bytes]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield str(path.relative_to(folder)).encode()
            yield path.read_bytes()
