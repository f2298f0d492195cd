"""The distribution's packages without root: fetched with a private apt state, verified by apt, unpacked, never installed."""

import os
import platform
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from harness.errors import StackError
from harness.stack import suites
from harness.stack.cache import Progress
from harness.stack.commands import call, plain_environment

MEND = "install rabbitmq-server with its Erlang by hand, so that rabbitmq-server and erl are on PATH"
_TOOLS = ("apt-get", "apt-cache", "dpkg-deb")
# Dir::Etc stays the machine's: its sources, its keys and its proxies are what this machine trusts. The status file is empty, so
# that what happens to be installed does not matter.
_CONFIGURATION = """\
Dir::State "{work}/state";
Dir::State::status "{work}/status";
Dir::Cache "{work}/cache";
APT::Sandbox::User "";
APT::Get::AllowUnauthenticated "false";
Acquire::AllowInsecureRepositories "false";
Acquire::Languages "none";
Acquire::Retries "2";
Debug::NoLocking "true";
"""
_OTHER_SUITE = """\
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "{work}/sources";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
"""


def reachable() -> bool:
    """Tell whether this machine has what is needed to fetch and unpack its distribution's packages."""
    return all(shutil.which(tool) for tool in _TOOLS)


def place(name: str, recipe: str, suite: str | None = None) -> str:
    """Return a folder name that says from which distribution's release and for which processor."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        release = {}
    suite = suite or release.get("VERSION_CODENAME") or release.get("VERSION_ID") or "unknown"
    return f"{name}-{release.get('ID', 'linux')}-{suite}-{platform.machine()}-{recipe}"


def unpacked(
    package: str,
    wanted: tuple[str, ...],
    work: Path,
    into: Path,
    progress: Progress,
    *,
    suite: str | None = None,
    called: str = "RabbitMQ",
    mend: str = MEND,
) -> None:
    """Unpack `package` into the folder, with all it depends on whose name begins with one of `wanted`.

    `suite`: from that release of the distribution instead of the machine's own. `called` and `mend` are what complaints say of
    it, and how to do without.
    Raises StackError where this system has no apt, or its sources have no such package.
    """
    if not reachable():
        message = f"{called} is not installed and this system has no apt-get to unpack it from; {mend}"
        raise StackError(message)
    environment = _private(work, suite)
    archives = work / "archives"
    archives.mkdir(exist_ok=True)
    progress("reading the distribution's package lists")
    complaint = f"the package lists cannot be read; mend `apt-get update`, or {mend}"
    call(["apt-get", "update", "-q"], complaint, progress=progress, environment=environment)
    names = _closure(package, wanted, environment, progress, mend)
    progress(f"fetching {len(names)} packages")
    complaint = f"the distribution's packages cannot be fetched; mend `apt-get download {package}`, or {mend}"
    call(["apt-get", "download", "-q", *names], complaint, progress=progress, environment=environment, cwd=archives)
    progress("unpacking them")
    _unpack(sorted(archives.glob("*.deb")), into, progress)


def source(package: str, suite: str, work: Path, progress: Progress) -> Path:
    """Fetch the source of a package of another release as its authors published it; return the archive, verified by apt.

    Raises StackError where this system has no apt, or its archive has no such source.
    """
    if not reachable():
        message = f"the source of {package} comes from Debian's archive, and this system has no apt-get"
        raise StackError(message)
    environment = _private(work, suite, types="deb-src")
    complaint = f"the source of {package} cannot be fetched from the release {suite}"
    progress("reading the distribution's list of sources")
    call(["apt-get", "update", "-q"], complaint, progress=progress, environment=environment)
    command = ["apt-get", "source", "-q", "--download-only", "--tar-only", package]
    call(command, complaint, progress=progress, environment=environment, cwd=work)
    archives = sorted(work.glob(f"{package}_*.orig.tar.*"))
    if not archives:
        raise StackError(complaint)
    return archives[0]


def _private(work: Path, suite: str | None, *, types: str = "deb") -> dict[str, str]:
    for folder in ("state/lists/partial", "cache/archives/partial", "sources"):
        (work / folder).mkdir(parents=True, exist_ok=True)
    (work / "status").touch()
    configuration = work / "apt.conf"
    text = _CONFIGURATION.format(work=work)
    if suite is not None:
        (work / "sources" / f"{suite}.sources").write_text(suites.of_suite(suite, types=types))
        text += _OTHER_SUITE.format(work=work)
    configuration.write_text(text)
    return plain_environment(APT_CONFIG=str(configuration), LC_ALL="C")


def _closure(package: str, wanted: tuple[str, ...], environment: dict[str, str], progress: Progress, mend: str) -> list[str]:
    no = ["recommends", "suggests", "conflicts", "breaks", "replaces", "enhances"]
    command = ["apt-cache", "depends", "--recurse", *(f"--no-{kind}" for kind in no), package]
    complaint = f"the package {package} is missing from this system's sources (on Ubuntu it is in `universe`); {mend}"
    lines = call(command, complaint, progress=progress, environment=environment).splitlines()
    # What is depended on is indented, virtual names are in brackets; a package itself begins its line.
    names = sorted({line for line in lines if line.startswith(wanted)})
    if package not in names:
        raise StackError(complaint)
    return names


def _unpack(archives: list[Path], into: Path, progress: Progress) -> None:
    def unpack(archive: Path) -> None:
        call(["dpkg-deb", "-x", archive, into], f"{archive.name} cannot be unpacked", progress=progress)

    with ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
        for _ in pool.map(unpack, archives):
            pass
