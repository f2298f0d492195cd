"""PostgreSQL and Redis, for the scenarios that ask for them: the system's, else unpacked from the distribution's packages."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from harness.errors import StackError
from harness.stack import cache, packages
from harness.stack.cache import Progress
from harness.stack.commands import call, plain_environment
from harness.stack.found import Component, State

SYSTEM = Path("/")
_RECIPE = "1"
"""Part of the folder's name: another way of unpacking makes another folder."""


@dataclass(frozen=True)
class Kind:
    """One database: its programs, the folders in which distributions put them, and the packages they are unpacked from.

    `wanted` are the beginnings of the names of the packages; what every machine has (libc, OpenSSL) is left out, and so is LLVM,
    without which PostgreSQL only compiles no queries.
    """

    name: str
    called: str
    programs: tuple[str, ...]
    folders: str
    package: str
    wanted: tuple[str, ...]

    @property
    def mend(self) -> str:
        """What to do where it cannot be had."""
        return f"install {self.called}, and have {' and '.join(self.programs)} on PATH"


POSTGRES = Kind(
    "postgres", "PostgreSQL", ("postgres", "initdb"), "usr/lib/postgresql/*/bin", "postgresql",
    ("postgresql", "libpq5", "libicu", "libxml2", "libldap", "libsasl", "liblz4", "libzstd", "libedit", "libbsd", "libmd"),
)  # fmt: skip
REDIS = Kind(
    "redis", "Redis", ("redis-server",), "usr/bin", "redis-server",
    ("redis-", "libjemalloc", "liblua5.1", "liblzf", "lua-", "libhiredis", "libatomic"),
)  # fmt: skip
KINDS = (POSTGRES, REDIS)


@dataclass(frozen=True)
class Database:
    """A database that can be started: the folder of its programs, and where their libraries are if not where the system's are."""

    state: State
    folder: Path
    libraries: Path | None
    version: str

    @property
    def environment(self) -> dict[str, str]:
        """What its programs need to find their libraries."""
        return {} if self.libraries is None else {"LD_LIBRARY_PATH": str(self.libraries)}


def found(kind: Kind) -> Database | None:
    """Return what is there now, without making anything."""
    system = _system(kind)
    if system is not None:
        return _database("found", system, None, kind)
    place = cache.folder() / _place(kind)
    return _unpacked(place, kind) if place.exists() else None


def inspected(kind: Kind) -> Component:
    """Return doctor's line for it."""
    there = found(kind)
    if there is not None:
        return Component(kind.name, there.state, there.version, there.folder, needed=False)
    mend = "made when a scenario asks for it" if packages.reachable() else kind.mend
    return Component(kind.name, "missing", mend=mend, needed=False)


def provided(kind: Kind, progress: Progress) -> Database:
    """Return it, unpacked if it was missing. Raises StackError where the distribution does not have it."""
    there = found(kind)
    if there is not None:
        return there

    def make(work: Path, half: Path) -> Path:
        packages.unpacked(kind.package, kind.wanted, work, half, progress, called=kind.called, mend=kind.mend)
        _unpacked(half, kind)
        for folder in ("doc", "locale", "man"):
            shutil.rmtree(half / "usr/share" / folder, ignore_errors=True)
        return half

    return _unpacked(cache.placed(_place(kind), "usr", make, progress), kind)


def _place(kind: Kind) -> str:
    return packages.place(kind.name, _RECIPE)


def _system(kind: Kind) -> Path | None:
    on_path = [
        Path(program).resolve().parent for program in (shutil.which(name) for name in kind.programs[:1]) if program is not None
    ]
    return next((one for one in (*on_path, *_folders(SYSTEM, kind)) if _whole(one, kind)), None)


def _folders(root: Path, kind: Kind) -> list[Path]:
    return sorted(root.glob(kind.folders), reverse=True)


def _whole(folder: Path, kind: Kind) -> bool:
    return all((folder / name).exists() for name in kind.programs)


def _unpacked(root: Path, kind: Kind) -> Database:
    folder = next((one for one in _folders(root, kind) if _whole(one, kind)), None)
    if folder is None:
        message = f"the distribution's {kind.package} has no {kind.programs[0]} below {root / kind.folders}; {kind.mend}"
        raise StackError(message)
    libraries = next(iter(sorted((root / "usr/lib").glob("*-linux-*"))), None)
    return _database("provisioned", folder, libraries, kind)


def _database(state: State, folder: Path, libraries: Path | None, kind: Kind) -> Database:
    made = Database(state, folder, libraries, "")
    complaint = f"{kind.called} in {folder} does not run; {kind.mend}"
    environment = plain_environment(**made.environment)
    said = call([folder / kind.programs[0], "--version"], complaint, progress=lambda _: None, environment=environment)
    words = said.replace("v=", " ").split()
    return Database(state, folder, libraries, next((word for word in words if word[:1].isdigit()), ""))
