"""PostgreSQL and Redis of one run: each is started by the run's warden when a scenario first asks for it, and ends with it."""

import os
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.address import LOOPBACK, Address, reserved
from harness.errors import MissingToolError
from harness.stack import probe_databases, provision_databases
from harness.stack.cache import Progress
from harness.stack.commands import call
from harness.stack.native import ready
from harness.stack.part import Part, private
from harness.stack.provision_databases import POSTGRES, REDIS, Database
from harness.warden import Warden

USER = "harness"
DATABASES = 10_000
"""Redis has so many, one for each that a scenario makes."""

# What is lost when the machine dies is lost with the run anyway. A killed server keeps what was committed, and would leave shared
# memory behind if it were not in files of its own folder.
QUICK = (
    "fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=16MB", "max_connections=200", "jit=off",
    "dynamic_shared_memory_type=mmap",
)  # fmt: skip


@dataclass(frozen=True)
class Server:
    """A database that runs."""

    address: Address
    version: str


class Databases:
    """The databases of one run; safe to use from several threads."""

    def __init__(self, warden: Callable[[], Warden], logs: Path, progress: Progress) -> None:
        self._warden = warden
        self._logs = logs
        self._progress = progress
        self._lock = threading.Lock()
        self._running: dict[str, Server] = {}
        self._numbers = 0

    def postgres(self) -> Server:
        """Return PostgreSQL, started if it was not. Raises StackError or MissingToolError where it cannot be had."""
        return self._server("postgres", lambda folder, port: _postgres(self._provided(POSTGRES), folder, port, self._progress))

    def redis(self) -> Server:
        """Return Redis, started if it was not. Raises StackError where it cannot be had."""
        return self._server("redis", lambda folder, port: _redis(self._provided(REDIS), folder, port))

    def number(self) -> int:
        """Return the number of a database of Redis that nobody has."""
        with self._lock:
            self._numbers += 1
            return self._numbers

    def end(self) -> None:
        """Forget them: their warden has ended them."""
        self._running.clear()

    def _provided(self, kind: provision_databases.Kind) -> Database:
        return provision_databases.provided(kind, lambda line: self._progress(f"{kind.name}: {line}"))

    def _server(self, name: str, part: Callable[[Path, int], Part]) -> Server:
        with self._lock:
            if name not in self._running:
                self._running[name] = self._started(name, part)
            return self._running[name]

    def _started(self, name: str, describe: Callable[[Path, int], Part]) -> Server:
        warden = self._warden()
        folder = warden.folder / name
        folder.mkdir()
        with reserved() as keeper:
            port = keeper.getsockname()[1]
            part = describe(folder, port)
            log = self._logs / f"{name}.log"
            child = warden.spawn(part.name, part.command, environment=part.environment, log=log, cwd=folder)
            return Server(Address(LOOPBACK, port), ready(part, child, self._progress))


def _postgres(database: Database, folder: Path, port: int, progress: Progress) -> Part:
    """Make a new cluster; return what serves it, on loopback only and to everybody there."""
    data, environment = folder / "data", {**private(folder), **database.environment}
    somebody = as_user()
    command = [
        *somebody,
        database.folder / "initdb",
        "-D",
        data,
        "-A",
        "trust",
        "-U",
        USER,
        "-E",
        "UTF8",
        "--locale=C",
        "--no-sync",
    ]
    call(command, f"PostgreSQL cannot make its cluster; {POSTGRES.mend}", progress=progress, environment=environment, cwd=folder)
    settings = ("listen_addresses=127.0.0.1", f"port={port}", "unix_socket_directories=", *QUICK)
    return Part(
        name="PostgreSQL",
        command=(*somebody, str(database.folder / "postgres"), "-D", str(data), *(f"--{one}" for one in settings)),
        environment=environment,
        ports=(port,),
        version=lambda: probe_databases.postgres(Address(LOOPBACK, port), USER),
        mend="`harness doctor` shows which one is used",
    )


def _redis(database: Database, folder: Path, port: int) -> Part:
    settings = {"bind": LOOPBACK, "port": str(port), "databases": str(DATABASES), "save": "", "dir": str(folder)}
    return Part(
        name="Redis",
        command=(str(database.folder / "redis-server"), *(word for one in settings.items() for word in (f"--{one[0]}", one[1]))),
        environment={**private(folder), **database.environment},
        ports=(port,),
        version=lambda: probe_databases.redis(Address(LOOPBACK, port)),
        mend="`harness doctor` shows which one is used",
    )


def as_user() -> tuple[str, ...]:
    """Return what has a program run as somebody else: PostgreSQL refuses to be root, who gets a user namespace for it."""
    if os.geteuid() != 0:
        return ()
    if shutil.which("unshare") is None:
        message = "PostgreSQL does not run as root, and this machine has no unshare (util-linux): run as an ordinary user"
        raise MissingToolError(message)
    return ("unshare", "--user", "--ipc", "--map-user=1000", "--map-group=1000")  # its System V memory ends with it
