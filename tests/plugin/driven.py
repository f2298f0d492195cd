"""pytest with the plugin as its users run it: a process of its own, in a folder that knows nothing of this repository."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from harness.report.entries import Entry, RunEntry, read_run

HEAD = """
import sys
import pytest
from harness import Sandbox, Service, require
from harness.checks import accounted, effected_once, nothing_dead_lettered, paced
scenario = pytest.mark.scenario

def two_jobs(sandbox, within=None):
    place = sandbox.http("place", key="/id")
    jobs = sandbox.rabbitmq.queue("jobs", key="/id", effect=place, dead_letter="jobs.dlq")
    jobs.publish([{"id": 1}, {"id": 2}])
    return sandbox.drain(within=within)
"""
"""A world without a service: no message is dead-lettered (kept), and none has its effect (broken as not_effected)."""


class Done(NamedTuple):
    """What a pytest came to: its exit status, everything it printed, and where its runs are."""

    status: int
    printed: str
    runs: Path

    def failure(self, test: str) -> str:
        """Return what was printed of one failed or broken test."""
        head = rf"^_+ (?:ERROR at \w+ of )?{re.escape(test)} _+$\n"
        found = re.search(head + r"(.*?)(?=^_{5,} |^={5,} )", self.printed, re.MULTILINE | re.DOTALL)
        return "" if found is None else found.group(1).rstrip()

    def run(self) -> RunEntry:
        """Return its run.json."""
        return read_run(self.runs / "latest")

    def entry(self, test: str) -> Entry:
        """Return one scenario of its run.json."""
        return next(entry for entry in self.run().scenarios if entry.test.endswith(f"::{test}"))


def environment(more: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment without what it says about a stack, and with `more`."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("HARNESS_", "PYTEST_")) or name == "HARNESS_CACHE"
    } | dict(more)


def command(*options: str) -> Sequence[str]:
    return [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options]


def pytest_on(folder: Path, text: str, *options: str, more: Mapping[str, str]) -> Done:
    """Run pytest on a file with this text."""
    (folder / "test_told.py").write_text(text)
    runs = folder / "runs"
    done = subprocess.run(
        command(*options),
        cwd=folder,
        env=environment({"HARNESS_RUNS": str(runs), **more}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )
    return Done(done.returncode, done.stdout, runs)
