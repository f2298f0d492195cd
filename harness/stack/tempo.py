"""The clock of a compressed stack: what makes time pass 20 or 100 times faster for its brokers and the services of its worlds.

libfaketime is loaded into each process. All of them attach to one piece of shared memory that says when the clock began, so a
process started later, or by another process, shows the same time; without it each would begin a clock of its own at its start.
"""

import ctypes
import os
import struct
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from harness.clock import bases, utc
from harness.errors import StackError
from harness.services.document import SPEEDS
from harness.warden.leavings import SHARED, memory_of

STEPS = SPEEDS
MEMORY = Path(SHARED)
_STATE = struct.Struct("<QQ8q")
_CREATE_NEW = os.O_CREAT | os.O_EXCL


def begun(run_id: str, library: Path, speed: int, *, mode: int = 0o600) -> dict[str, str]:
    """Begin a clock that runs `speed` times faster from now on; return the variables under which a process has it.

    The shared memory is named by the run, so that the run's warden removes it, whatever ends the run; `mode` says who may use it.
    Raises StackError where this system has no shared memory.
    """
    name = f"/{memory_of(run_id)}{speed}"
    try:
        with os.fdopen(os.open(MEMORY / name[1:], _CREATE_NEW | os.O_WRONLY), "wb") as state:
            os.fchmod(state.fileno(), mode)
            state.write(_STATE.pack(0, 0, *(part for base in bases() for part in base)))
        _semaphore(name)
        (MEMORY / f"sem.{name[1:]}").chmod(mode)
    except OSError as error:
        message = f"time cannot be compressed: no shared memory {MEMORY / name[1:]} can be made ({error.strerror})"
        raise StackError(message) from error
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME": f"+0 x{speed}",
        "FAKETIME_SHARED": f"{name} {name}",
        "NO_FAKE_STAT": "1",  # files are stamped by the machine; a faked stat would have them come from the past
        "HARNESS_SPEED": str(speed),
    }


def shown(clock: Mapping[str, str]) -> datetime:
    """Return the wall-clock time, in UTC, that processes with this clock see; without one the machine's."""
    if not clock:
        return utc()
    state = (MEMORY / clock["FAKETIME_SHARED"].split()[0][1:]).read_bytes()
    seconds, nanoseconds = _STATE.unpack_from(state)[2:4]
    start = datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=nanoseconds // 1000)
    return start + (utc() - start) * int(clock["HARNESS_SPEED"])


def _semaphore(name: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.sem_open.restype = ctypes.c_void_p
    made = libc.sem_open(name.encode(), _CREATE_NEW, 0o600, 1)
    if not made:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    libc.sem_close(ctypes.c_void_p(made))


def faked(environment: Mapping[str, str], clock: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a process that has this clock; a library that it preloads anyway stays, after ours."""
    preload = " ".join(one for one in (clock.get("LD_PRELOAD"), environment.get("LD_PRELOAD")) if one)
    return {**environment, **clock, **({"LD_PRELOAD": preload} if preload else {})}
