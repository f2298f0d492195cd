"""Who listens on a port, by /proc: a server counts as ours only if our own process is the one that listens."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

LISTEN = "0A"


def listens(pid: int, port: int) -> bool:
    """Return whether this very process listens on `port`."""
    return bool(_listening(port) & _sockets(pid))


def listener(port: int) -> str:
    """Return who listens on `port`, as words for a message; empty where nobody does, or where it may not be seen."""
    wanted = _listening(port)
    pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    pid = next((pid for pid in pids if wanted & _sockets(pid)), None) if wanted else None
    return "" if pid is None else f"process {pid} ({_command(pid)})"


def _listening(port: int) -> set[str]:
    return {inode for state, number, inode in _table() if state == LISTEN and number == port}


def _table() -> Iterator[tuple[str, int, str]]:
    """Yield state, local port and inode of every TCP socket; a server bound to [::ffff:127.0.0.1] is in tcp6."""
    for name in ("tcp", "tcp6"):
        table = Path("/proc/net", name)
        for line in table.read_text().splitlines()[1:] if table.exists() else ():
            fields = line.split()
            yield fields[3], int(fields[1].rpartition(":")[2], 16), fields[9]


def _sockets(pid: int) -> set[str]:
    found = set()
    try:
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            match = re.match(r"socket:\[(\d+)\]", _target(entry))
            if match:
                found.add(match.group(1))
    except OSError:  # gone, or somebody else's
        pass
    return found


def _target(entry: Path) -> str:
    try:
        return str(entry.readlink())
    except OSError:  # closed meanwhile
        return ""


def _command(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return "gone meanwhile"
    return os.fsdecode(b" ".join(words[:3])).strip()
