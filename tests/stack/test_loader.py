"""Programs that are started through a loader of their own: the machine's own loader and `true` stand in for a newer release's."""

import shutil
import subprocess
from pathlib import Path

import pytest

from harness.errors import StackError
from harness.stack import loader


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """What was unpacked: a libc with its loader, a program, a library and a script."""
    libraries = tmp_path / "usr" / "lib" / "x86_64-linux-gnu"
    programs = tmp_path / "usr" / "lib" / "erlang" / "erts-1" / "bin"
    libraries.mkdir(parents=True)
    programs.mkdir(parents=True)
    own = next(path for path in Path("/").glob("lib*/ld-linux*.so.*"))
    shutil.copy(own, libraries / own.name)
    libc = next(path for path in Path("/lib").glob("*/libc.so.6"))
    shutil.copy(libc, libraries / "libc.so.6")
    shutil.copy("/bin/echo", programs / "emulator")
    shutil.copy(libc, programs / "plugin.so.6.real")
    (programs / "script").write_text("#!/bin/sh\n")
    (programs / "short").write_bytes(b"\x7fELF")
    return tmp_path


def test_a_program_is_started_through_the_loader_that_was_unpacked_with_it(release: Path):
    root = release / "usr" / "lib" / "erlang"
    (root / "erts-1" / "bin" / "plugin.so.6.real").unlink()

    wrapped = loader.wrapped(release, root)
    said = subprocess.run([wrapped[0], "two words", "three"], capture_output=True, text=True, check=True).stdout

    assert [path.name for path in wrapped] == ["emulator"]
    assert said == "two words three\n"
    assert "ld-linux" in wrapped[0].read_text()


def test_a_release_without_a_loader_is_said(tmp_path: Path):
    with pytest.raises(StackError, match="has no loader"):
        loader.wrapped(tmp_path, tmp_path)
