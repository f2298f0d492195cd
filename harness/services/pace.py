"""How much faster the clock of a service may run: as its document allows, and as its program can be made to see at all.

Time is compressed by a library that is loaded into the process. A program without a dynamic loader takes none, and one in Go
takes it and asks the kernel for the time itself: both would go on in real time beside brokers that do not.
"""

import shutil
import struct
from pathlib import Path
from typing import BinaryIO

from harness.errors import UsageError
from harness.services.parts import Launch
from harness.services.service import Service

_ELF = b"\x7fELF\x02\x01"
"""How a program begins that is 64-bit and little-endian; others are not looked into."""
_HEADER = struct.Struct("<32xQQ6x5H")
"""Of its header: where the segments and the sections are listed; then sizes and counts, and which section has the names."""
_SEGMENT, _SECTION = struct.Struct("<I"), struct.Struct("<24xQQ")
_LOADER = 3
_GO = b".go.buildinfo"


def hold(service: Service, launch: Launch, speed: int) -> None:
    """Hold that a service whose clock is to run `speed` times faster can live so; raise UsageError with what to write instead."""
    if speed <= 1 or service.clock == "real":
        return
    if speed > service.speed:
        message = (
            f"{service} allows speed {service.speed} at most, as its service.toml says, and this scenario has {speed}: give the"
            f' scenario speed={service.speed}, or the service clock = "real", and only its brokers are faster'
        )
        raise UsageError(message)
    why = unfakeable(launch)
    if why:
        message = (
            f"{service} cannot run {speed} times faster: {why}; give the scenario speed=1, or the service a service.toml with"
            ' clock = "real", and only its brokers are faster'
        )
        raise UsageError(message)


def unfakeable(launch: Launch) -> str:
    """Say why the clock of this program cannot be made to run faster; empty where it can, and of what is no program itself."""
    found = shutil.which(launch.command[0], path=launch.environment.get("PATH"))
    program = (launch.cwd or Path()) / (found or launch.command[0])
    try:
        with program.open("rb") as file:
            return _of_elf(file, program)
    except OSError:
        return ""  # whoever starts it says so better


def _of_elf(file: BinaryIO, program: Path) -> str:
    if file.read(len(_ELF)) != _ELF:
        return ""
    file.seek(0)
    segments, sections, size, count, each, many, names = _HEADER.unpack(file.read(_HEADER.size))
    if _LOADER not in {_at(file, segments + number * size, _SEGMENT)[0] for number in range(count)}:
        return f"{program} is linked statically, so nothing can be loaded into it"
    begins, length = _at(file, sections + names * each, _SECTION) if many else (0, 0)
    file.seek(begins)
    return f"{program} is written in Go, and asks the kernel for the time itself" if _GO in file.read(length) else ""


def _at(file: BinaryIO, place: int, shape: struct.Struct) -> tuple[int, ...]:
    file.seek(place)
    return shape.unpack(file.read(shape.size))
