"""What a run leaves on disk and in shared memory, and removing it. Standard library only, for program.py."""

import os

DEEPEST = 100  # levels of locked folders in one another; each takes one round
SHARED = "/dev/shm"  # noqa: S108 (where POSIX says shared memory is, on Linux)


def memory_of(run: str) -> str:
    """Return how the name of every piece of a run's shared memory begins; POSIX semaphores have `sem.` before it."""
    return f"harness-{run}-"


def remove(folder: str, run: str) -> None:
    """Remove the run's shared memory, and its folder also where a service took the permissions away."""
    import shutil  # noqa: PLC0415 (8 ms that a start need not pay)

    for name in os.listdir(SHARED) if os.path.isdir(SHARED) else ():  # noqa: PTH112, PTH208 (as below)
        if name.removeprefix("sem.").startswith(memory_of(run)):
            os.unlink(f"{SHARED}/{name}")  # noqa: PTH108 (as below)

    def unlock(_: object, path: str, __: object) -> None:
        for each in (os.path.dirname(path), path):  # noqa: PTH120 (pathlib costs a third of the start)
            if (each + "/").startswith(folder + "/") and os.path.isdir(each) and not os.path.islink(each):  # noqa: PTH112, PTH114
                os.chmod(each, 0o700)  # noqa: PTH101

    for _ in range(DEEPEST):
        shutil.rmtree(folder, onerror=unlock)
        if not os.path.lexists(folder):
            return
