"""Finding traffic that went around a link: a service with a connection straight to a broker or a resource.

What a tap has not seen cannot be judged, so a bypass makes verdicts unknown. Read from /proc: the sockets of the service's own
process tree against the ports of the stack, again and again, because a client may hang up after each call.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

ESTABLISHED = "01"


class Watch:
    """Looks for connections to `ports` (port: what listens there); whose connection it is, is found out once."""

    def __init__(self, ports: Mapping[int, str], proc: Path = Path("/proc")) -> None:
        self._ports = dict(ports)
        self._proc = proc
        self._known: set[str] = set()

    def look(self, pids: Iterable[int]) -> list[str]:
        """Return one sentence for each process among `pids` and their descendants with a connection that is new."""
        if not self._proc.is_dir():
            return []
        remote = {inode: port for inode, port in _connections(self._proc, set(self._ports)) if inode not in self._known}
        if not remote:
            return []
        self._known.update(remote)
        found: set[str] = set()
        for pid in _with_descendants(set(pids), self._proc):
            for inode in _sockets(pid, self._proc):
                port = remote.get(inode)
                if port is not None:
                    found.add(f"process {pid} is connected straight to {self._ports[port]} (port {port}), around its link")
        return sorted(found)


def _connections(proc: Path, ports: set[int]) -> Iterator[tuple[str, int]]:
    for name in ("tcp", "tcp6"):
        table = proc / "net" / name
        for line in table.read_text().splitlines()[1:] if table.exists() else ():
            fields = line.split()
            port = int(fields[2].rpartition(":")[2], 16)
            if port in ports and fields[3] == ESTABLISHED:
                yield fields[9], port


def _with_descendants(pids: set[int], proc: Path) -> set[int]:
    children: dict[int, list[int]] = {}
    for entry in proc.iterdir():
        if entry.name.isdigit():
            children.setdefault(_parent(entry), []).append(int(entry.name))
    found, todo = set(pids), list(pids)
    while todo:
        for child in children.get(todo.pop(), ()):
            if child not in found:
                found.add(child)
                todo.append(child)
    return found


def _parent(entry: Path) -> int:
    try:
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0  # it ended between the listing and the look


def _sockets(pid: int, proc: Path) -> Iterator[str]:
    folder = proc / str(pid) / "fd"
    try:
        names = list(folder.iterdir())
    except OSError:
        return  # ended, or not ours to look into
    for name in names:
        try:
            target = str(name.readlink())
        except OSError:
            continue
        if target.startswith("socket:["):
            yield target[8:-1]
