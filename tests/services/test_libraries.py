"""What a service runs with, read from each kind of lock; and of the services that come with the repository."""

import re
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.services import Service
from harness.services.libraries import said, versions
from harness.services.service import every
from tests.services.conftest import Write

FOLDER = Path(__file__).parents[2] / "fixtures" / "services"
LOCKS = {
    "venv": (
        "lock.txt",
        "boto3==1.44.8 \\\n    --hash=sha256:00\nCelery[sqs]==5.6.2 ; python_version > '3' \\\n    --hash=sha256:00\n",
    ),
    "npm": (
        "lock/package-lock.json",
        '{"packages": {"": {}, "node_modules/sqs-consumer": {"version": "15.0.3"}, "node_modules/@aws/sqs": {"version": "3"}}}',
    ),
    "maven": ("lock.sha256", "00aa  spring-rabbit-3.2.12.jar\n00bb  spring-rabbit-test-3.0.jar\n00cc  log4j-1.2-api-2.0.jar\n"),
}
NAMED = {"venv": "lock.txt", "npm": "lock", "maven": "lock.xml"}


def built(write: Write, kind: str, libraries: str, lock: str | None = None) -> Service:
    text = f'name = "billing"\ncommand = ["billing"]\nlibraries = {libraries}\nbuild = {{ {kind} = "{NAMED[kind]}" }}\n'
    file, usual = LOCKS[kind]
    path = write("billing", text).parent / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(usual if lock is None else lock)
    return Service.named("billing")


@pytest.mark.parametrize(
    ("kind", "libraries", "expected"),
    [
        ("venv", '["celery", "boto3"]', "celery 5.6.2, boto3 1.44.8"),
        ("npm", '["sqs-consumer", "@aws/sqs"]', "sqs-consumer 15.0.3, @aws/sqs 3"),
        ("maven", '["spring-rabbit", "spring-rabbit-test"]', "spring-rabbit 3.2.12, spring-rabbit-test 3.0"),
    ],
    ids=["venv", "npm", "maven"],
)
def test_the_version_of_a_library_is_that_of_the_lock(write: Write, kind: str, libraries: str, expected: str):
    assert said(built(write, kind, libraries)) == expected


def test_a_library_that_is_in_no_lock_is_named_with_the_locks(write: Write):
    service = built(write, "venv", '["pika"]')

    with pytest.raises(
        UsageError, match=r"^billing: libraries names 'pika', which is in none of its locks \(.*/billing/lock\.txt\)$"
    ):
        versions(service)


def test_a_service_without_a_build_has_no_lock_and_one_without_a_lock_no_libraries(write: Write):
    write("ledger", 'name = "ledger"\ncommand = ["ledger"]\nbuild = { npm = "lock" }\nlibraries = ["amqplib"]\n')
    write("billing", 'name = "billing"\ncommand = ["billing"]\nlibraries = ["pika"]\n')

    with pytest.raises(UsageError, match=r"'pika', which is in none of its locks \(it has no build\)$"):
        versions(Service.named("billing"))
    with pytest.raises(UsageError, match=r"'amqplib', which is in none of its locks \(.*/ledger/lock\)$"):
        versions(Service.named("ledger"))


def test_without_libraries_a_service_is_told_by_its_own_version(write: Write):
    write("billing", 'name = "billing"\ncommand = ["billing"]\ndefault = "2.1"\n[versions]\n"2.1" = {}\n')

    assert said(Service.named("billing")) == "2.1"
    assert said(Service("billing", command=["billing"])) == ""


def test_every_service_that_is_built_says_which_libraries_it_is_about(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HARNESS_SERVICES", str(FOLDER))
    told = {str(service): versions(service) for service in every() if service.build}

    assert told
    assert [name for name, found in told.items() if not found] == []


def test_a_version_that_is_named_after_a_library_is_the_one_of_the_lock(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HARNESS_SERVICES", str(FOLDER))
    wrong = [
        f"{service}: {name} {version}"
        for service in every()
        for name, version in versions(service).items()
        for said in re.findall(rf"{re.escape(name)} ([\d.]+)", service.version)
        if said != version
    ]

    assert wrong == []


def test_a_lock_of_npm_that_cannot_be_read_is_named(write: Write):
    service = built(write, "npm", '["sqs-consumer"]', "lock 1")

    with pytest.raises(UsageError, match=r"/lock/package-lock\.json is no JSON \(.*\); have npm write it anew"):
        versions(service)
