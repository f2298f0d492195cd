"""Options and their HARNESS_* twins: what each takes, and what is said of a value that means nothing."""

from pathlib import Path

import pytest

from tests.plugin.driven import HEAD, pytest_on

PLAIN = """
import sys
def test_plain():
    heavy = {"boto3", "botocore", "pika", "msgspec", "uvloop", "httptools", "toxiproxy", "requests", "harness.run"}
    assert not heavy & set(sys.modules)
"""
KEPT = HEAD + "def test_kept(sandbox): require(nothing_dead_lettered(two_jobs(sandbox)))\n"
USAGE = 4


def test_collecting_a_repository_without_scenarios_imports_nothing_heavy_and_leaves_nothing(tmp_path: Path):
    done = pytest_on(tmp_path, PLAIN, more={})
    assert done.status == 0, done.printed
    assert not done.runs.exists()


@pytest.mark.parametrize(
    ("option", "value", "choices"),
    [
        ("stack", "docker", "auto, native, containers, external"),
        ("speed", "fast", "1, 20, 100"),
        ("speed", "0", "1, 20, 100"),
        ("speed", "-20", "1, 20, 100"),
        ("toxiproxy", "none", "server, embedded"),
        ("rabbitmq", "3.8", "3.10, 4.0, 4.3"),
        ("recorder", "fork", "process, thread"),
    ],
    ids=["stack", "speed", "no speed", "backwards", "toxiproxy", "rabbitmq", "recorder"],
)
def test_an_unknown_value_is_a_usage_error_that_names_the_choices(tmp_path: Path, option: str, value: str, choices: str):
    given = pytest_on(tmp_path, PLAIN, f"--harness-{option}={value}", more={})
    twin = pytest_on(tmp_path, PLAIN, more={f"HARNESS_{option.upper()}": value})
    assert given.status == twin.status == USAGE
    assert given.printed.strip() == f"ERROR: --harness-{option}={value}: choose one of {choices}"
    assert twin.printed.strip() == f"ERROR: HARNESS_{option.upper()}={value}: choose one of {choices}"


def test_a_seed_is_a_number(tmp_path: Path):
    done = pytest_on(tmp_path, PLAIN, "--harness-seed=abc", more={})
    assert done.status == USAGE
    assert done.printed.strip() == "ERROR: --harness-seed=abc: a seed is a whole number"


def test_an_external_stack_without_addresses_is_said_in_one_sentence(tmp_path: Path):
    done = pytest_on(tmp_path, KEPT, "--harness-stack=external", more={})
    text = done.failure("test_kept")
    assert done.status == 1
    assert text.startswith(
        "StackError: an external stack needs its addresses: set HARNESS_LOCALSTACK_ADDRESS (such as 127.0.0.1:4566), "
    )
    assert "\n" not in text


def test_a_folder_for_runs_that_is_a_file_is_said_in_one_sentence(tmp_path: Path):
    (tmp_path / "taken").touch()
    done = pytest_on(tmp_path, KEPT, f"--harness-runs={tmp_path}/taken", more={})
    text = done.failure("test_kept")
    assert done.status == 1
    assert text.startswith(f"HarnessError: the run folder {tmp_path}/taken/")
    assert text.endswith("choose another place with --harness-runs=DIR")


def test_the_embedded_toxiproxy_is_used_and_told_where_it_is_asked_for(tmp_path: Path, addresses: dict[str, str]):
    done = pytest_on(tmp_path, KEPT, "--harness-toxiproxy=embedded", more=addresses)
    stack = done.run().stack
    assert done.status == 0, done.printed
    assert stack is not None
    assert stack.toxiproxy == {"kind": "embedded", "version": "2.12.0"}
    assert done.entry("test_kept").outcome == "kept"


def test_options_have_twins_and_the_command_line_goes_first(tmp_path: Path, addresses: dict[str, str]):
    twins = {**addresses, "HARNESS_RUNS": str(tmp_path / "elsewhere"), "HARNESS_SEED": "7", "HARNESS_RECORDER": "thread"}
    done = pytest_on(tmp_path, KEPT, "--harness-seed=8", more=twins)
    elsewhere = done._replace(runs=tmp_path / "elsewhere")
    assert done.status == 0, done.printed
    assert elsewhere.run().seed == 8
    assert elsewhere.run().stack is not None
    assert elsewhere.entry("test_kept").outcome == "kept"
    assert not (tmp_path / "elsewhere/latest/recorder.log").exists()
