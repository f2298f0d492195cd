"""Fake programs: shell scripts under the names of those that cannot be had in every state on one machine."""

from pathlib import Path

import pytest

TOOLS = ("sh", "cat", "mkdir", "cp", "touch", "chmod", "dirname", "uname")


def program(path: Path, script: str) -> Path:
    """Write an executable shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def bare_path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make PATH this folder, with nothing in it but what the fake scripts call: a machine without any of our tools."""
    folder.mkdir(parents=True, exist_ok=True)
    for tool in TOOLS:
        found = next(Path(each) / tool for each in ("/bin", "/usr/bin") if (Path(each) / tool).exists())
        (folder / tool).symlink_to(found)
    monkeypatch.setenv("PATH", str(folder))
    return folder


def private_cache(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the cache be this folder, for the test and what it starts."""
    monkeypatch.setenv("HARNESS_CACHE", str(folder))
    return folder


def silent(line: str) -> None:
    """Show no progress."""
