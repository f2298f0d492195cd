"""The README's scenario is run as a reader would run it, so that it cannot rot."""

import os
import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from harness.stack.model import Stack

ROOT = Path(__file__).parents[1]
BLOCKS = [
    dedent(one) for one in re.findall(r"^ *```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)
]


def test_the_whole_scenario_of_the_readme_is_kept_and_broken_as_it_says(tmp_path: Path, stack: Stack):
    test = tmp_path / "test_mine.py"
    test.write_text(BLOCKS[0])
    command = [
        sys.executable,
        "-m",
        "pytest",
        str(test),
        "--harness-stack=external",
        f"--harness-runs={tmp_path}",
        "-p",
        "no:cacheprovider",
    ]
    environment = {**os.environ, **stack.environment()}
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert "2 passed" in ran.stdout, ran.stdout + ran.stderr
    assert "nothing_dead_lettered: transient_dead_lettered" in ran.stdout


@pytest.mark.parametrize("block", BLOCKS, ids=[f"block {number + 1}" for number in range(len(BLOCKS))])
def test_every_program_of_the_readme_compiles(block: str):
    assert compile(block, "README.md", "exec").co_code


def test_every_file_that_the_readme_names_exists():
    text = (ROOT / "README.md").read_text()
    named = set(re.findall(r"`((?:harness|fixtures|scenarios|tests)/[\w./-]*)`", text))
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
