"""Programs of a newer release on an older system: each is started through the loader and libraries that were unpacked with it.

Only these programs see the newer libraries; what they start (a shell, `df`) is the machine's own. No root, no patched files.
"""

import os
import struct
from pathlib import Path

from harness.errors import StackError

# --argv0: the program goes on being called what it is called; the emulator finds its files by that.
_WRAPPER = """\
#!/bin/sh
d=${{0%/*}}
exec "$d/{libraries}/{loader}" --argv0 "$0" --library-path "$d/{libraries}" "$0.real" "$@"
"""
_HEADER = struct.Struct("<16sHHIQQQIHHH")
_INTERPRETER = 3


def wrapped(root: Path, below: Path) -> list[Path]:
    """Put a wrapper in the place of every program below the folder; return them. `root` is what was unpacked, with its own libc.

    Raises StackError where no loader was unpacked.
    """
    loaders = sorted(root.glob("usr/lib/*/ld-linux*.so.*"))
    if not loaders:
        message = f"{root} has no loader (usr/lib/*/ld-linux*.so.*): the release keeps it elsewhere; install RabbitMQ yourself"
        raise StackError(message)
    programs = [path for path in sorted(below.rglob("*")) if path.is_file() and not path.is_symlink() and _is_program(path)]
    for program in programs:
        program.rename(program.with_name(f"{program.name}.real"))
        libraries = os.path.relpath(loaders[0].parent, program.parent)
        program.write_text(_WRAPPER.format(libraries=libraries, loader=loaders[0].name))
        program.chmod(0o755)
    return programs


def _is_program(path: Path) -> bool:
    """Tell whether this is a 64-bit ELF file that asks for an interpreter: a library does not."""
    with path.open("rb") as file:
        head = file.read(_HEADER.size)
        if len(head) < _HEADER.size or not head.startswith(b"\x7fELF\x02\x01"):
            return False
        _, _, _, _, _, offset, _, _, _, size, count = _HEADER.unpack(head)
        file.seek(offset)
        table = file.read(size * count)
    return any(int.from_bytes(table[at : at + 4], "little") == _INTERPRETER for at in range(0, len(table), size or 1))
