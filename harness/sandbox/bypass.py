"""Finding traffic that went around a link: a service with a connection straight to a broker or a resource.

What a tap has not seen cannot be judged, so a bypass makes verdicts unknown. Read from /proc: the sockets of the service's own
process tree against the ports of the stack.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

ESTABLISHED = "01"


def bypassing(pids: Iterable[int], ports: Mapping[int, str], proc: Path = Path("/proc")) -> list[str]:
    """Return one sentence per connection that `pids` or their descendants have to one of `ports` (port: what listens there)."""
    if not proc.is_dir():
        return []
    remote = dict(_connections(proc, set(ports)))
    if not remote:
        return []
    found: set[str] = set()
    for pid in _with_descendants(set(pids), proc):
        for inode in _sockets(pid, proc):
            port = remote.get(inode)
            if port is not None:
                found.add(f"process {pid} is connected straight to {ports[port]} (port {port}), around its link")
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
