"""The warden process: starts what a run needs, reports exits, and leaves nothing behind when its owner is gone.

Run as `python -I -S program.py FOLDER OWNER_PID`, with a Unix stream socket to the owner on 0. It speaks JSON lines:

    {"ask": 1, "do": "spawn", "child": 7, "command": [...], "environment": {...}, "cwd": null, "fds": 2}
    {"ask": 2, "do": "signal", "child": 7, "number": 15}
    {"ask": 3, "do": "kill", "child": 7}
    {"ask": 4, "do": "keep"} or {"ask": 5, "do": "will", "command": [...], "environment": {...}, "not": false}
    {"answer": 1, "pid": 4711} or {"answer": 1, "errno": 2, "at": "command"}
    {"exited": 7, "status": -9}

A spawn's descriptors come by SCM_RIGHTS, the log first.

It ends when the owner closes the socket or dies (a fork may hold the socket open), or on SIGTERM: every descendant is killed
until none is left, then the folder and the run's shared memory are removed. It is a child subreaper, so what a service forks and
abandons is below it. Parent-death signals are only the second net: they do not reach a service's own children (Celery's prefork
pool survives them), and they belong to the thread that forked, so all forking is done by the main thread here.

Standard library only, and the one other place that waits by itself: it must not break with what is on sys.path.
"""

import contextlib
import ctypes
import errno
import fcntl
import json
import os
import select
import signal
import socket
import sys
import time
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING or __name__ != "__main__":
    from harness.warden.leavings import remove
    from harness.warden.processes import Process, below, marks, processes, signalled
else:
    sys.path.insert(0, __file__.rpartition("/")[0])  # -I leaves the script's own folder out
    from leavings import remove
    from processes import Process, below, marks, processes, signalled

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
LIBC = ctypes.CDLL(None, use_errno=True)
LOOK_AGAIN = 0.002  # s between two looks at /proc while processes die
KILL_WITHIN = 10.0  # s; a process in uninterruptible sleep takes longer, and then the owner is told
DEFAULTED = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGCHLD", "SIGPIPE", "SIGXFSZ")  # ignored, they stay so over exec


class Warden:
    """Children by pid, the socket to the owner, and the loop over both."""

    def __init__(self, owner: socket.socket, owner_pid: int, run: str) -> None:
        self.owner = owner
        self.owner_pid = owner_pid
        self.run = run
        self.children: dict[int, int] = {}  # pid -> child, while it runs
        self.pids: dict[int, int] = {}  # child -> pid, also afterwards: its session may live on
        self.wills: list[tuple[list[str], dict[str, str]]] = []
        self.buffer = b""
        self.fds: list[int] = []
        self.ending = False
        self.poll = select.poll()
        self.watched: list[int] = []
        self.untouchable: set[int] = set()  # not ours to kill (setuid programs): waiting for them would never end

    # --- the loop ---

    def serve(self) -> None:
        """Serve the owner until it is gone or a signal says so."""
        told = self._wake_on_signals()
        self._watch_owner()
        self.send({"ready": os.getpid()})
        while not self.ending:
            ready = {fd for fd, _ in self.poll.poll()}
            if told in ready:
                os.read(told, 4096)
            self.reap()
            if ready & set(self.watched[:1]):
                self.listen()
            elif ready & set(self.watched[1:]):
                self.ending = True

    def _wake_on_signals(self) -> int:
        told, tell = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            signal.signal(number, self._end)
        self.poll.register(told, select.POLLIN)
        return told

    def _watch_owner(self) -> None:
        self.watched.append(self.owner.fileno())
        with contextlib.suppress(ProcessLookupError):  # the next look sees that
            self.watched.append(os.pidfd_open(self.owner_pid))
        self.ending = self.ending or os.getppid() != self.owner_pid
        for fd in self.watched:
            self.poll.register(fd, select.POLLIN)

    def _end(self, *_: object) -> None:
        self.ending = True

    def listen(self) -> None:
        """Take in what the owner sent; the end of the stream is the end of the run."""
        data, ancillary, _, _ = self.owner.recvmsg(65536, socket.CMSG_SPACE(256 * 4), socket.MSG_CMSG_CLOEXEC)
        for _, _, raw in ancillary:
            self.fds.extend(int.from_bytes(raw[i : i + 4], sys.byteorder) for i in range(0, len(raw) - len(raw) % 4, 4))
        if not data:
            self.ending = True
            return
        *lines, self.buffer = (self.buffer + data).split(b"\n")
        for line in lines:
            request = json.loads(line)
            answer = getattr(self, "do_" + request["do"])(request)
            self.send({"answer": request["ask"], **answer})
            if request["do"] == "keep":
                self.owner.close()

    def send(self, message: dict[str, object]) -> None:
        """Tell the owner, if it still listens."""
        with contextlib.suppress(OSError):  # it is gone; the loop sees that by itself
            self.owner.sendall(json.dumps(message).encode() + b"\n")

    def reap(self) -> None:
        """Take the statuses of everything that died; report those the owner knows."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            child = self.children.pop(pid, None)
            if child is not None:
                self.send({"exited": child, "status": os.waitstatus_to_exitcode(status)})

    # --- what the owner may ask ---

    def do_spawn(self, request: dict[str, Any]) -> dict[str, object]:
        """Start a command; answers when it is really executing, or with the error that kept it from that."""
        count = request["fds"]
        fds, self.fds = self.fds[:count], self.fds[count:]
        told, tell = os.pipe()
        pid = os.fork()
        if pid == 0:  # pragma: no cover (another process, which is replaced or gone before it could report)
            become(request, fds, tell)
        for fd in (tell, *fds):
            os.close(fd)
        with open(told, "rb") as report:  # noqa: PTH123 (a file descriptor)
            failure = report.read()
        if failure:
            os.waitpid(pid, 0)
            at, number = failure.decode().split()
            return {"at": at, "errno": int(number)}
        self.children[pid] = request["child"]
        self.pids[request["child"]] = pid
        return {"pid": pid}

    def do_signal(self, request: dict[str, Any]) -> dict[str, object]:
        """Send a signal to a child that still runs (`all`: to all it ever started); one that was reaped is left alone."""
        child = request["child"]
        if request.get("all"):
            signalled(lambda: self._belonging(child, processes()), request["number"])
        else:
            signalled(lambda: {self.pids[child]} & set(self.children), request["number"])
        return {}

    def do_kill(self, request: dict[str, Any]) -> dict[str, object]:
        """Kill a child and all it ever started; answers when they are gone, `left` names those that did not go."""
        child = request["child"]
        doomed: dict[int, int] = {}
        end = time.monotonic() + KILL_WITHIN
        while True:
            table = processes()
            found = self._belonging(child, table) | {pid for pid, start in doomed.items() if _same(table, pid, start)}
            doomed.update({pid: table[pid].start for pid in found})
            left = self._kill(found, table)
            self.reap()
            if not left or time.monotonic() > end:
                return {"left": sorted(left)}
            time.sleep(LOOK_AGAIN)

    def do_keep(self, _: dict[str, Any]) -> dict[str, object]:
        """Outlive the owner: from now on only a signal ends this process."""
        while self.watched:
            self.poll.unregister(self.watched.pop())
        return {}

    def do_will(self, request: dict[str, Any]) -> dict[str, object]:
        """Remember, or forget, a command that removes what no process holds (containers), run at the end, whatever that is."""
        self.wills = [one for one in self.wills if one[0] != request["command"]]
        if not request["not"]:
            self.wills.append((request["command"], request["environment"]))
        return {}

    def carry_out(self) -> None:
        """Run the commands of the last will, one after the other."""
        for command, environment in self.wills:
            with contextlib.suppress(OSError):  # what is not there any more removes nothing
                os.waitpid(os.posix_spawnp(command[0], command, environment), 0)

    # --- killing ---

    def _belonging(self, child: int, table: dict[int, Process]) -> set[int]:
        """Return the pids that are a child's: itself, by descent, by session, or by the mark in its environment."""
        pid = self.pids[child]
        roots = {pid} if pid in self.children else set()
        for other in below([os.getpid()], table):
            mark = marks(other).get("HARNESS_CHILD")
            if mark == f"{self.run}.{child}" or (mark is None and table[other].session == pid):
                roots.add(other)
        return roots | below(roots, table)

    def _kill(self, pids: set[int], table: dict[int, Process]) -> set[int]:
        left = {pid for pid in pids if pid not in self.untouchable and pid in table and table[pid].state not in "ZX"}
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            except PermissionError:
                self.untouchable.add(pid)
        return left

    def clear(self) -> None:
        """Kill every descendant until none is left."""
        while True:
            table = processes()
            left = self._kill(below([os.getpid()], table), table)
            self.reap()
            if not left:
                return
            time.sleep(LOOK_AGAIN)


def _same(table: dict[int, Process], pid: int, start: int) -> bool:
    return pid in table and table[pid].start == start


def become(request: dict[str, Any], fds: list[int], tell: int) -> NoReturn:  # pragma: no cover (runs in the forked child only)
    """Turn the forked child into the command; tells the errno through `tell` where that fails."""
    at = "command"
    try:
        warden = os.getppid()
        os.setsid()  # a Ctrl-C in the terminal is for pytest, which decides what it means
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != warden:
            os._exit(127)
        signal.set_wakeup_fd(-1)
        for name in DEFAULTED:
            signal.signal(getattr(signal, name), signal.SIG_DFL)
        tell = place(fds, tell)
        at = "folder"
        os.chdir(request["cwd"] or ".")
        at = "command"
        os.execvpe(request["command"][0], request["command"], request["environment"])  # noqa: S606 (running a given command is its purpose)
    except (OSError, ValueError) as error:
        os.write(tell, f"{at} {getattr(error, 'errno', None) or errno.EINVAL}".encode())
    finally:
        os._exit(127)


def place(fds: list[int], tell: int) -> int:  # pragma: no cover (runs in the forked child only)
    """Put the log at 1 and 2, the passed descriptors at 3, 4, ...; the others close by themselves. Returns where `tell` is."""
    room = 3 + len(fds)
    log, *passed = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, room) for fd in fds]
    tell = fcntl.fcntl(tell, fcntl.F_DUPFD_CLOEXEC, room)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for target, fd in enumerate([log, log, *passed], start=1):
        os.dup2(fd, target)
    return tell


def close(fd: int) -> None:
    """Close a descriptor that may be closed already."""
    with contextlib.suppress(OSError):
        os.close(fd)


def main(folder: str, owner_pid: int) -> None:
    """Serve, then leave nothing behind, whatever ended the serving."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for fd in os.listdir("/proc/self/fd"):  # noqa: PTH208 (pathlib costs a third of the start)
        if int(fd) > 2:  # noqa: PLR2004 (what the owner's libraries left inheritable)
            close(int(fd))
    LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    warden = Warden(socket.socket(fileno=0), owner_pid, os.environ["HARNESS_RUN"])
    try:
        os.makedirs(folder, 0o700, exist_ok=True)  # noqa: PTH103 (as above); here, so that no moment leaves one behind
        os.dup2(os.open(f"{folder}/warden.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), 2)
        warden.serve()
    finally:
        warden.clear()
        warden.carry_out()
        remove(folder, os.environ["HARNESS_RUN"])


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
