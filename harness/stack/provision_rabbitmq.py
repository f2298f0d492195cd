"""RabbitMQ from the system where it is installed, else unpacked from the distribution's packages. It is not started here."""

import hashlib
import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from harness.errors import StackError, UsageError
from harness.stack import cache, erlang, loader, packages, suites
from harness.stack.cache import Progress
from harness.stack.found import Component, State

DISTRIBUTIONS = Path("/usr/lib/rabbitmq/lib")
"""Where Linux distributions put servers: each in a folder with its version in its name."""
SUITES = {"3.10": "bookworm", "4.0": "trixie", "4.3": "forky"}
"""The series that can be asked for, and the release of Debian that has each."""
_PACKAGES = ("rabbitmq-server", "erlang-")
# What the emulator of a newer release is linked with, down to its libc: see harness.stack.loader.
_LIBRARIES = (
    "libc6", "libgcc-s1", "libstdc++6", "libtinfo6", "libsystemd0", "zlib1g", "libssl3t64", "libzstd1", "libcap2", "libsctp1",
)  # fmt: skip
_NOEPMD = "noepmd"
_WHOLE = f"{_NOEPMD}/{erlang.BEAM}"
_SHADOW = "erlang"
_UNPACKED_ERLANG = Path("usr/lib/erlang")
_UNPACKED_HOMES = Path("usr/lib/rabbitmq/lib")
_RECIPE = "1"
"""Part of the folder's name: another way of unpacking makes another folder."""


@dataclass(frozen=True)
class RabbitMQ:
    """A server that can be started: see harness.stack.tools.Tools for what its paths mean."""

    state: State
    home: Path
    erlang_root: Path
    noepmd: Path
    version: str

    def component(self) -> Component:
        """Return it as a line of doctor."""
        return Component("rabbitmq", self.state, self.version, self.home)


def found(series: str | None = None) -> RabbitMQ | None:
    """Return what is there now, without making anything."""
    plan = _plan(series)
    folder = cache.folder() / plan.place
    return _read(folder, plan) if (folder / _WHOLE).exists() else None


def inspected(series: str | None = None) -> Component:
    """Return doctor's line for it; with a series (4.3) for a server of that series."""
    name = "rabbitmq" if series is None else f"rabbitmq {series}"
    rabbitmq = found(series)
    if rabbitmq:
        return replace(rabbitmq.component(), name=name)
    system = _plan(series).system
    if system:
        return Component(name, "found", version_of(system[0]), system[0])
    mend = "harness provision" if packages.reachable() else packages.MEND
    return Component(name, "missing", mend=mend)


def provided(progress: Progress, series: str | None = None) -> RabbitMQ:
    """Return it, unpacked if it was missing; with a series (4.3) a server of that series.

    Raises StackError where the distribution does not have it, UsageError for a series that is none of SUITES.
    """
    plan = _plan(series)

    def make(work: Path, half: Path) -> Path:
        if plan.system:
            return _adapted(*plan.system, half, progress)
        return _unpacked(work, half, plan, progress)

    rabbitmq = _read(cache.placed(plan.place, _WHOLE, make, progress), plan)
    if not is_of(rabbitmq.version, series):
        message = (
            f"the distribution's {plan.suite or 'release'} has RabbitMQ {rabbitmq.version}, not {series}; {suites.OTHER_WAYS}"
        )
        raise StackError(message)
    return rabbitmq


@dataclass(frozen=True)
class _Plan:
    """Where a server comes from: the system's, or the packages of a suite (None: the machine's own release)."""

    place: str
    system: tuple[Path, Path] | None = None
    suite: str | None = None


def _plan(series: str | None) -> _Plan:
    if series is not None and series not in SUITES:
        message = f"--harness-rabbitmq={series}: choose one of {', '.join(SUITES)}"
        raise UsageError(message)
    system = _system()
    if system and is_of(version_of(system[0]), series):
        return _Plan(_system_place(*system), system=system)
    suite = SUITES[series] if series else None
    if suite in (None, suites.own()):
        return _Plan(packages.place("rabbitmq", _RECIPE))
    return _Plan(packages.place("rabbitmq", _RECIPE, suite), suite=suite)


def is_of(version: str, series: str | None) -> bool:
    """Tell whether a version belongs to a series (4.3.6 to 4.3); any does where none is asked for."""
    return series is None or version == series or version.startswith(f"{series}.")


def _read(folder: Path, plan: _Plan) -> RabbitMQ:
    noepmd = folder / _NOEPMD
    if plan.system:
        return RabbitMQ("found", plan.system[0], folder / _SHADOW, noepmd, version_of(plan.system[0]))
    home = _home_below(folder)
    return RabbitMQ("provisioned", home, folder / _UNPACKED_ERLANG, noepmd, version_of(home))


def _unpacked(work: Path, half: Path, plan: _Plan, progress: Progress) -> Path:
    wanted = _PACKAGES if plan.suite is None else (*_PACKAGES, *_LIBRARIES)
    packages.unpacked("rabbitmq-server", wanted, work, half, progress, suite=plan.suite)
    shutil.rmtree(half / "usr/share", ignore_errors=True)
    root = half / _UNPACKED_ERLANG
    if plan.suite is not None:
        loader.wrapped(half, root)
    erlang.without_starter(root)
    release = erlang.prepared(root, half / _NOEPMD, progress)
    progress(f"RabbitMQ {version_of(_home_below(half))} on Erlang {release}")
    return half


def _adapted(home: Path, root: Path, half: Path, progress: Progress) -> Path:
    release = erlang.prepared(erlang.shadowed(root, half / _SHADOW), half / _NOEPMD, progress)
    progress(f"the system's RabbitMQ {version_of(home)} on Erlang {release}")
    return half


def _home_below(folder: Path) -> Path:
    homes = sorted((folder / _UNPACKED_HOMES).glob("rabbitmq_server-*"))
    if not homes:
        message = f"the distribution's rabbitmq-server has no server below {folder / _UNPACKED_HOMES}; install RabbitMQ yourself"
        raise StackError(message)
    return homes[-1]


def _system() -> tuple[Path, Path] | None:
    """Return the home of the installed server and the root of the installed Erlang, None unless both are there."""
    root = erlang.installed()
    script = shutil.which("rabbitmq-server")
    # A tarball's or Homebrew's script lies in the server's own sbin; Debian's is a wrapper far away from its server.
    near = [Path(os.path.realpath(script)).parents[1]] if script else []
    homes = [*near, *sorted(DISTRIBUTIONS.glob("rabbitmq_server-*"), reverse=True)]
    home = next((one for one in homes if version_of(one)), None)
    return (home, root) if home and root else None


def _system_place(home: Path, root: Path) -> str:
    identity = f"{home} {version_of(home)} {erlang.erlexec(root)} {_RECIPE}"
    return f"rabbitmq-system-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"


def version_of(home: Path) -> str:
    """Return the version of the server in this folder, "" where there is none: its main plugin carries it in its name."""
    mains = sorted((home / "plugins").glob("rabbit-[0-9]*"))
    return mains[-1].name.removeprefix("rabbit-").removesuffix(".ez") if mains else ""
