"""Which services may run on a faster clock, and how fast: as their documents say, and as their programs can."""

import os
import struct
import sys
from pathlib import Path

import pytest

from harness import Service
from harness.errors import UsageError
from harness.services.pace import hold, unfakeable
from harness.services.parts import Launch

TRUE = Path("/bin/true").resolve().read_bytes()
"""A small program, of which others are made."""
SERVICE = Service("billing", command=["billing"])


def launched(command: str, cwd: Path | None = None) -> Launch:
    return Launch("billing", (command,), {"PATH": os.environ["PATH"]}, cwd)


def made(folder: Path, content: bytes) -> Launch:
    """Return the launch of a program with this content, in the folder it is started in."""
    (folder / "billing").write_bytes(content)
    return launched("billing", folder)


def without_loader() -> bytes:
    """Return the program as it would be if it were linked statically: no segment names a loader."""
    segments, size, count = *struct.unpack_from("<Q", TRUE, 32), *struct.unpack_from("<HH", TRUE, 54)
    program = bytearray(TRUE)
    for place in range(segments, segments + size * count, size):
        if program[place] == 3:
            program[place] = 0
    return bytes(program)


@pytest.mark.parametrize("command", [sys.executable, "python3", "/nowhere/billing"], ids=["by path", "by name", "not there"])
def test_what_is_linked_dynamically_can_be_faked_and_what_is_not_there_is_said_elsewhere(command: str):
    assert unfakeable(launched(command)) == ""


def test_a_script_can_be_as_far_as_is_known(tmp_path: Path):
    assert unfakeable(made(tmp_path, b"#!/bin/sh\nexec true\n")) == ""


def test_what_takes_no_library_or_asks_the_kernel_itself_cannot(tmp_path: Path):
    go = TRUE.replace(b".note.gnu.build-id\0", b".go.buildinfo\0\0\0\0\0\0")

    assert unfakeable(made(tmp_path, TRUE)) == ""
    assert (
        unfakeable(made(tmp_path, without_loader()))
        == f"{tmp_path}/billing is linked statically, so nothing can be loaded into it"
    )
    assert unfakeable(made(tmp_path, go)) == f"{tmp_path}/billing is written in Go, and asks the kernel for the time itself"


def test_such_a_program_has_no_place_in_a_faster_world(tmp_path: Path):
    launch = made(tmp_path, without_loader())
    hold(SERVICE, launch, 1)
    with pytest.raises(
        UsageError, match=r"^billing cannot run 20 times faster: .*billing is linked statically.*; give the scenario speed=1"
    ):
        hold(SERVICE, launch, 20)


SLOW = """name = "billing"
command = ["billing"]
speed = 20
[variants]
"real" = { clock = "real" }
"""


def test_a_service_says_how_fast_it_may_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = tmp_path / "billing"
    folder.mkdir()
    (folder / "service.toml").write_text(SLOW)
    monkeypatch.setenv("HARNESS_SERVICES", str(tmp_path))
    service, launch = Service.named("billing"), launched(sys.executable)

    hold(service, launch, 20)
    hold(service["real"], launch, 100)
    with pytest.raises(UsageError, match=r"^billing allows speed 20 at most, as .*, and this scenario has 100: give"):
        hold(service, launch, 100)
