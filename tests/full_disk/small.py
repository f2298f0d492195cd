"""A small disk: a tmpfs, where this user may mount one."""

import contextlib
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def small(folder: Path, size: str) -> Iterator[None]:
    """Have a disk of this size (as `mount` takes it) at the folder. Raises CalledProcessError where this user may not mount."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True, capture_output=True, text=True
    )
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def unmountable() -> str:
    """Say why no small disk can be had here; empty where one can."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            with small(Path(folder) / "disk", "64k"):
                return ""
        except (subprocess.CalledProcessError, FileNotFoundError) as error:
            return f"this user may not mount a tmpfs ({error}); run as root, where mounting is allowed"
