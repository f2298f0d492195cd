"""libfaketime, which makes time pass faster for whatever it is loaded into: built from the distribution's source.

Programs of today wait with `sem_clockwait`, which libfaketime fakes from 0.9.11 on; with an older one they hang. Its version says
little (distributions patch it), so the library is asked for the symbol.
"""

import shutil
from pathlib import Path

from harness.errors import StackError
from harness.stack import cache, packages
from harness.stack.cache import Progress
from harness.stack.commands import call
from harness.stack.found import Component, Program

SUITE = "forky"
"""The release of Debian whose source package is new enough, and builds on older systems."""
LIBRARY = "libfaketimeMT.so.1"
NEEDED = b"sem_clockwait"
SYSTEM = ("/usr/lib/*/faketime", "/usr/lib/faketime", "/usr/local/lib/faketime")
"""Where packages and its own `make install` put it."""
_PLACE = packages.place("faketime", "1", SUITE)
_TOOLS = ("make", "cc")
MEND = f"install make and a C compiler, so that it can be built, or a libfaketime with {NEEDED.decode()} (0.9.11 or later)"


def found() -> Program | None:
    """Return what is there now, without making anything; a library that lacks the symbol counts as none."""
    for library in _installed():
        if has_symbol(library):
            return Program("found", library, "")
    built = cache.folder() / _PLACE / LIBRARY
    return Program("provisioned", built, _version(built)) if built.exists() else None


def _installed() -> list[Path]:
    return [path for pattern in SYSTEM for path in sorted(Path("/").glob(f"{pattern[1:]}/{LIBRARY}"))]


def has_symbol(library: Path) -> bool:
    """Tell whether this library fakes `sem_clockwait`; without it a Python or Java under it hangs."""
    return library.exists() and NEEDED in library.read_bytes()


def inspected() -> Component:
    """Return doctor's line for it."""
    program = found()
    if program:
        return Component("libfaketime", program.state, program.version, program.path, needed=False)
    lacking = [tool for tool in _TOOLS if shutil.which(tool) is None]
    mend = MEND if lacking or not packages.reachable() else "made when a scenario or --harness-speed asks for it"
    return Component("libfaketime", "missing", mend=mend, needed=False)


def provided(progress: Progress) -> Program:
    """Return it, built if it was missing; StackError where it cannot be."""
    there = found()
    if there:
        return there

    def make(work: Path, half: Path) -> Path:
        return _built(work, half, progress)

    library = cache.placed(_PLACE, LIBRARY, make, progress) / LIBRARY
    return Program("provisioned", library, _version(library))


def _built(work: Path, half: Path, progress: Progress) -> Path:
    lacking = [tool for tool in _TOOLS if shutil.which(tool) is None]
    if lacking:
        old = "".join(f"{library} lacks {NEEDED.decode()}, and " for library in _installed())
        message = f"time cannot be compressed: {old}libfaketime needs {' and '.join(lacking)} to be built; {MEND}"
        raise StackError(message)
    archive = packages.source("faketime", SUITE, work, progress)
    call(["tar", "-x", "-f", archive, "-C", work], f"{archive.name} cannot be unpacked", progress=progress)
    tree = next(path for path in sorted(work.glob("*faketime-*")) if (path / "src").is_dir())
    progress("building libfaketime")
    call(["make", "-C", tree / "src", LIBRARY], f"libfaketime cannot be built; {MEND}", progress=progress)
    built = tree / "src" / LIBRARY
    if not has_symbol(built):
        message = f"the libfaketime just built from {archive.name} lacks {NEEDED.decode()}: programs would hang; {MEND}"
        raise StackError(message)
    shutil.copy(built, half / LIBRARY)
    (half / "version").write_text(tree.name.rpartition("-")[2])
    return half


def _version(library: Path) -> str:
    return (library.parent / "version").read_text()
