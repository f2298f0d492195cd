"""A machine without Java and Node: what is written in them is skipped and says why, and is an error where they are required."""

import subprocess
from pathlib import Path

import pytest

from tests.plugin.driven import HEAD, pytest_on
from tests.stack.programs import bare_path, program

LANGUAGES = ("java", "node")
ROOT = Path(__file__).resolve().parents[2]
TEXT = HEAD + "".join(
    f"""
@scenario("T-{language}", "baseline")
def test_{language}(sandbox):
    sandbox.start(Service.named("{service}"), uses={uses})
"""
    for language, service, uses in (
        ("java", "esr-data-writer", '{"AMQP_URL": sandbox.rabbitmq}'),
        ("node", "sqs-poller", '{"AWS_ENDPOINT_URL": sandbox.aws}'),
    )
)


@pytest.fixture
def more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, addresses: dict[str, str]) -> dict[str, str]:
    bare_path(tmp_path / "bin", monkeypatch)
    return {**addresses, "HARNESS_SERVICES": str(ROOT / "fixtures" / "services")}


def test_without_a_language_its_scenarios_are_skipped_and_say_so(tmp_path: Path, more: dict[str, str]):
    done = pytest_on(tmp_path, TEXT, "-rs", more=more)
    said = {language: done.entry(f"test_{language}").skipped or "" for language in LANGUAGES}
    assert done.status == 0, done.printed
    assert "2 skipped" in done.printed
    assert all(f"needs {one}, which is not on PATH; install " in text for one, text in said.items())
    assert all(f"put {one} on PATH, or leave these scenarios out" in text for one, text in said.items())


def test_where_a_language_is_required_its_absence_is_an_error(tmp_path: Path, more: dict[str, str]):
    done = pytest_on(tmp_path, TEXT, more={**more, "HARNESS_REQUIRE": "java,node"})
    said = {language: done.failure(f"test_{language}") for language in LANGUAGES}
    assert done.status == 1
    assert "2 failed" in done.printed
    assert all(text.startswith("MissingToolError: ") for text in said.values())
    assert all(f"needs {one}, which is not on PATH; install " in text for one, text in said.items())


@pytest.mark.parametrize(
    ("given", "required"), [({}, "java,node"), ({"HARNESS_REQUIRE": ""}, "")], ids=["as it is", "taken back"]
)
def test_continuous_integration_requires_both(tmp_path: Path, given: dict[str, str], required: str):
    make = program(tmp_path / "bin" / "make", 'echo "make $1 requires <$HARNESS_REQUIRE>"')
    environment = {"PATH": f"{make.parent}:/usr/bin:/bin", **given}
    done = subprocess.run([ROOT / ".ci" / "run"], env=environment, capture_output=True, text=True, check=True)
    said = [line for line in done.stdout.splitlines() if "requires" in line]
    assert said == [f"make {step} requires <{required}>" for step in ("setup", "test", "scenarios")]
