"""RabbitMQ from the system where it is installed, else unpacked from the distribution's packages. It is not started here."""

import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from harness.errors import StackError
from harness.stack import cache, erlang, packages
from harness.stack.cache import Progress
from harness.stack.found import Component, State

DISTRIBUTIONS = Path("/usr/lib/rabbitmq/lib")
"""Where Linux distributions put servers: each in a folder with its version in its name."""
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


def found() -> RabbitMQ | None:
    """Return what is there now, without making anything."""
    system = _system()
    folder = cache.folder() / (_system_place(*system) if system else packages.place("rabbitmq", _RECIPE))
    return _read(folder, system) if (folder / _WHOLE).exists() else None


def inspected() -> Component:
    """Return doctor's line for it."""
    rabbitmq = found()
    if rabbitmq:
        return rabbitmq.component()
    system = _system()
    if system:
        return Component("rabbitmq", "found", version_of(system[0]), system[0])
    mend = "harness provision" if packages.reachable() else packages.MEND
    return Component("rabbitmq", "missing", mend=mend)


def provided(progress: Progress) -> RabbitMQ:
    """Return it, unpacked if it was missing; StackError where the distribution does not have it."""
    system = _system()
    name = _system_place(*system) if system else packages.place("rabbitmq", _RECIPE)

    def make(work: Path, half: Path) -> Path:
        return _adapted(*system, half, progress) if system else _unpacked(work, half, progress)

    return _read(cache.placed(name, _WHOLE, make, progress), system)


def _read(folder: Path, system: tuple[Path, Path] | None) -> RabbitMQ:
    noepmd = folder / _NOEPMD
    if system:
        return RabbitMQ("found", system[0], folder / _SHADOW, noepmd, version_of(system[0]))
    home = _home_below(folder)
    return RabbitMQ("provisioned", home, folder / _UNPACKED_ERLANG, noepmd, version_of(home))


def _unpacked(work: Path, half: Path, progress: Progress) -> Path:
    packages.unpacked("rabbitmq-server", ("rabbitmq-server", "erlang-"), work, half, progress)
    shutil.rmtree(half / "usr/share", ignore_errors=True)
    root = half / _UNPACKED_ERLANG
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
