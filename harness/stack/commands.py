"""Programs that set-up runs: their output is kept for the complaint, and a long one says that it is still at work."""

import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.clock import now
from harness.errors import StackError
from harness.stack.cache import Progress

SIGN_OF_LIFE = 10.0
"""Seconds of silence after which a line is shown."""


def call(
    command: Sequence[object],
    complaint: str,
    *,
    progress: Progress,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> str:
    """Return what the command printed, both streams; StackError with the complaint and its last lines where it fails.

    `progress` hears every SIGN_OF_LIFE seconds that it is still running. Interrupted, it leaves no process behind.
    """
    began = now()
    with tempfile.TemporaryFile("w+", errors="replace") as said:
        try:
            process = subprocess.Popen(
                [str(part) for part in command], env=environment, cwd=cwd, stdin=subprocess.DEVNULL, stdout=said, stderr=said
            )
        except OSError as error:
            message = f"{complaint}: {command[0]} cannot be run ({error.strerror})"
            raise StackError(message) from None
        status = _waited(process, progress, began)
        said.seek(0)
        text = said.read()
    if status:
        message = f"{complaint}: {Path(str(command[0])).name} ended with {status}: {_gist(text)}"
        raise StackError(message)
    return text


def _waited(process: subprocess.Popen[bytes], progress: Progress, began: float) -> int:
    try:
        while True:
            try:
                return process.wait(SIGN_OF_LIFE)
            except subprocess.TimeoutExpired:
                progress(f"still at it after {now() - began:.0f} s")
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _gist(text: str) -> str:
    """Return the end of what was said as one line: there programs put the reason."""
    return " ".join(" ".join(text.split("\n")[-6:]).split())[-500:] or "without a word"


def said(command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> str | None:
    """Return what a command prints when asked for its version; None where it is not there or does not work."""
    try:
        done = subprocess.run(
            [str(part) for part in command],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def plain_environment(**more: str) -> dict[str, str]:
    """Return this process's environment without what would lead a Python of another environment astray."""
    astray = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")
    return {name: value for name, value in os.environ.items() if name not in astray} | more
