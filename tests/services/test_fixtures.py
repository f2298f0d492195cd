"""The services that come with the repository: that each can be read, and that what they are built from is locked."""

import json
import re
from pathlib import Path

import pytest

from harness.services.service import Service, every

FIXTURES = Path(__file__).parents[2] / "fixtures"
FOLDER = FIXTURES / "services"
NAMES = sorted(path.parent.name for path in FOLDER.glob("*/service.toml"))
LOCKS = sorted(FIXTURES.glob("*/*/locks/*.txt"))
POMS = sorted(FIXTURES.glob("*/*/**/poms/*.xml"))
NPM_LOCKS = sorted(FIXTURES.glob("*/*/locks/*/package-lock.json"))


@pytest.fixture(autouse=True)
def own_services(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HARNESS_SERVICES", str(FOLDER))


@pytest.mark.parametrize("name", NAMES)
def test_each_service_names_a_program_that_is_there(name: str):
    service = Service.named(name)

    programs = [file for word in service.command for file in (word, f"{word.replace('.', '/')}.py")]  # or a module
    assert "{classes}" in " ".join(service.command) or any((FOLDER / name / file).is_file() for file in programs)
    assert all((FOLDER / name / lock).exists() for named in service.build.values() for lock in named.split())


def test_the_services_are_those_of_the_incidents_and_of_bad_starts():
    assert {service.name for service in every()} == set(NAMES)
    assert {"esr-writer", "esr-exporter", "trainee-sync", "trainee-details", "prefork", "exits-at-once", "never-ready"} <= set(
        NAMES
    )


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: f"{lock.parts[-3]}/{lock.name}")
def test_every_requirement_is_held_by_hashes_and_none_by_an_address(lock: Path):
    text = lock.read_text(encoding="utf-8")
    requirements = re.findall(r"^\S+==\S+", text, flags=re.MULTILINE)
    unhashed = re.findall(r"^\S+==\S+$", text, flags=re.MULTILINE)

    assert requirements
    assert not unhashed
    assert "://" not in text


@pytest.mark.parametrize("lock", NPM_LOCKS, ids=lambda lock: f"{lock.parts[-4]}/{lock.parts[-2]}")
def test_every_module_is_held_by_its_integrity_and_none_by_an_address(lock: Path):
    text = lock.read_text(encoding="utf-8")
    packages = [value for name, value in json.loads(text)["packages"].items() if name]

    assert packages
    assert all(package["integrity"].startswith("sha512-") for package in packages)
    assert '"resolved"' not in text
    assert "omit-lockfile-registry-resolved = true" in (lock.parent / ".npmrc").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("pom", POMS, ids=lambda pom: f"{pom.relative_to(FIXTURES).parts[1]}/{pom.stem}")
def test_every_jar_is_held_by_its_hash(pom: Path):
    lines = pom.with_suffix(".sha256").read_text(encoding="utf-8").splitlines()

    assert lines
    assert all(re.fullmatch(r"[0-9a-f]{64}  [\w.-]+\.jar", line) for line in lines)


@pytest.mark.parametrize(
    ("name", "overlay", "variable", "value"),
    [
        ("esr-writer", "as it was", "ON_FAILURE", "reject"),
        ("esr-writer", "requeued at once", "ON_FAILURE", "requeue"),
        ("esr-writer", "as fixed", "ON_FAILURE", "retry later"),
        ("esr-exporter", "as it was", "CONFIRMS", "no"),
        ("esr-exporter", "with confirms", "CONFIRMS", "yes"),
        ("notify-worker", "as it was", "ON_DOUBT", "fail over"),
        ("notify-worker", "as fixed", "ON_DOUBT", "ask"),
        ("notify-worker", "prefetch 1", "PREFETCH_MULTIPLIER", "1"),
        ("notify-worker", "acks late", "ACKS_LATE", "yes"),
        ("notify-worker", "solo", "POOL", "solo"),
        ("trainee-sync", "as it was", "REPORT_LOGGED_ERRORS", "no"),
        ("trainee-sync", "as fixed", "TYPE_FROM_ATTRIBUTE", "no"),
        ("trainee-details", "as it was", "SEND_TYPE", "yes"),
        ("trainee-details", "as fixed", "SEND_TYPE", "no"),
    ],
)
def test_a_variant_is_a_setting_of_the_same_program(name: str, overlay: str, variable: str, value: str):
    service = Service.named(name)

    assert service[overlay].environment[variable] == value
    assert service[overlay].command == service.command
