import os
import re
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.services import Service
from harness.services.service import every, folders, merged
from tests.services.conftest import Write

SYNC = """
name = "sync"
needs = ["java"]
clock = "real"
longest_silence = 30
command = ["java", "-jar", "v3.jar"]
default = "3.1.1"
build = { venv = "locks/a.txt" }
[environment]
ENDPOINT = "{AWS_ENDPOINT_URL}"
GROUP = "standard"
[sends]
"request.fifo" = { http = "POST /requests" }
[versions]
"2.4.4" = { command = ["java", "-jar", "v2.jar"] }
"3.1.1" = {}
"boto3 1.44.5" = { needs = [], command = ["python"] }
[variants]
"renamed" = { environment = { GROUP = "renamed", EXTRA = "1" } }
"quiet" = { environment = { EXTRA = "2" }, longest_silence = 2, ready = "http" }
"""
CONTAINED = """
name = "billing"
image = "billing:1.4"
default = "1.4"
[versions]
"1.3" = { image = "billing:1.3" }
"1.4" = {}
[variants]
quiet = { command = ["q"] }
"""


@pytest.fixture
def sync(write: Write) -> Service:
    write("sync", SYNC)
    return Service.named("sync")


def test_a_named_service_is_what_its_file_says(sync: Service):
    assert (sync.name, sync.version, sync.variants) == ("sync", "3.1.1", ())
    assert (sync.command, sync.needs, sync.clock) == (("java", "-jar", "v3.jar"), ("java",), "real")
    assert (sync.longest_silence, sync.ready) == (30, "wire")
    assert sync.environment == {"ENDPOINT": "{AWS_ENDPOINT_URL}", "GROUP": "standard"}
    assert sync.build == {"venv": "locks/a.txt"}
    assert sync.sends == {"request.fifo": {"http": "POST /requests"}}
    assert sync.overlays == ("2.4.4", "3.1.1", "boto3 1.44.5", "renamed", "quiet")
    assert sync.folder is not None
    assert sync.folder.name == "sync"


def test_a_plain_command_line_needs_no_file():
    service = Service("billing", command=["python", "-m", "billing"], environment={"QUEUE": "bills"})

    assert (service.name, service.command, service.environment) == ("billing", ("python", "-m", "billing"), {"QUEUE": "bills"})
    assert (service.version, service.versions, service.overlays) == ("", (), ())
    assert (service.needs, service.clock, service.ready) == ((), "compressed", "wire")
    assert (service.longest_silence, service.folder, service.build, service.sends) == (None, None, {}, {})


def test_a_container_is_started_as_its_image_says_and_keeps_real_time(write: Write):
    plain = Service("billing", image="billing:1.4")
    write("billing", CONTAINED)
    named = Service.named("billing")

    assert (plain.image, plain.command, plain.clock) == ("billing:1.4", (), "real")
    assert (named.image, named.command, named["1.3"].image, named["quiet"].command) == ("billing:1.4", (), "billing:1.3", ("q",))
    assert Service("billing", command=["x"]).image is None


@pytest.mark.parametrize(
    ("overlays", "command", "environment", "needs"),
    [
        (("2.4.4",), ("java", "-jar", "v2.jar"), {"GROUP": "standard"}, ("java",)),
        (("renamed",), ("java", "-jar", "v3.jar"), {"GROUP": "renamed", "EXTRA": "1"}, ("java",)),
        (("2.4.4", "renamed"), ("java", "-jar", "v2.jar"), {"GROUP": "renamed", "EXTRA": "1"}, ("java",)),
        (("renamed", "quiet"), ("java", "-jar", "v3.jar"), {"GROUP": "renamed", "EXTRA": "2"}, ("java",)),
        (("quiet", "renamed"), ("java", "-jar", "v3.jar"), {"GROUP": "renamed", "EXTRA": "1"}, ("java",)),
        (("boto3 1.44.5",), ("python",), {"GROUP": "standard"}, ()),
    ],
)
def test_overlays_merge_tables_and_replace_lists(
    sync: Service, overlays: tuple[str, ...], command: tuple[str, ...], environment: dict[str, str], needs: tuple[str, ...]
):
    laid = sync[overlays]

    assert (laid.command, laid.needs) == (command, needs)
    assert laid.environment == {"ENDPOINT": "{AWS_ENDPOINT_URL}", **environment}


def test_laying_over_leaves_the_service_as_it_was(sync: Service):
    quiet = sync["quiet"]

    assert (quiet.longest_silence, quiet.ready) == (2, "http")
    assert (sync.longest_silence, sync.ready) == (30, "wire")


def test_a_version_replaces_the_one_before_and_keeps_the_variants(sync: Service):
    older = sync["renamed"]["boto3 1.44.5"]["2.4.4"]

    assert (older.version, older.variants, older.needs) == ("2.4.4", ("renamed",), ("java",))


def test_versions_are_the_service_in_each_version(sync: Service):
    assert [one.version for one in sync.versions] == ["2.4.4", "3.1.1", "boto3 1.44.5"]
    assert sync["renamed"].versions[0] == sync["2.4.4", "renamed"]


@pytest.mark.parametrize(
    "code",
    [
        "Service.named('sync')",
        "Service.named('sync')['2.4.4']",
        "Service.named('sync')['2.4.4', 'renamed', 'quiet']",
        "Service('billing', command=['python', '-m', 'billing'])",
        "Service('billing', image='billing:1.4')",
        "Service('billing', image='billing:1.4', command=['x'], environment={'A': '1'})",
        "Service('billing', command=['x'], environment={'A': '1'})",
    ],
)
def test_a_repr_is_the_code_that_makes_an_equal_service(sync: Service, code: str):
    service = eval(code)  # noqa: S307 (that it can be evaluated is the promise)

    assert repr(service) == code
    assert {service: 1}[eval(code)] == 1  # noqa: S307


def test_different_services_are_different(sync: Service):
    assert sync != sync["renamed"]
    assert sync != sync["2.4.4"]
    assert sync == sync["3.1.1"]
    assert sync != "sync"
    assert Service("a", command=["x"]) != Service("a", command=["y"])


def test_a_service_says_its_name_and_what_lies_over_it(sync: Service):
    assert str(sync["2.4.4", "renamed"]) == "sync (2.4.4, renamed)"
    assert str(Service("a", command=["x"])) == "a"


def test_an_unknown_overlay_is_an_error_that_lists_them(sync: Service):
    expected = "sync has no version or variant 'fast'; versions: '2.4.4', '3.1.1', 'boto3 1.44.5'; variants: 'renamed', 'quiet'"

    with pytest.raises(UsageError, match=f"^{re.escape(expected)}$"):
        sync["renamed", "fast"]


def test_an_overlay_of_a_plain_command_line_is_unknown():
    service = Service("a", command=["x"])

    with pytest.raises(UsageError, match=r"^a has no version or variant '2'; versions: none; variants: none$"):
        service["2"]


def test_two_versions_at_once_are_an_error(sync: Service):
    with pytest.raises(UsageError, match=r"Service.named\('sync'\) cannot be two versions at once: '2.4.4' and '3.1.1'"):
        sync["2.4.4", "3.1.1"]


@pytest.mark.parametrize(
    ("name", "command", "image", "message"),
    [
        ("a", [], None, r"what should run\? Give command=\[...\] or image=..., or use Service.named\('a'\)"),
        ("a", [], "", r"what should run\? Give command=\[...\] or image=..., or use Service.named\('a'\)"),
        ("a", "x", "a:1", r"it is a list: command=\['x'\]"),
        ("a", "python -m a 'b c'", None, r"it is a list: command=\['python', '-m', 'a', 'b c'\]"),
        ("", ["x"], None, "'' cannot be the name of a service"),
        ("a->b", ["x"], None, "'a->b' cannot be the name of a service"),
        ("a/b", ["x"], None, "'a/b' cannot be the name of a service"),
    ],
)
def test_a_service_that_cannot_be_is_an_error(name: str, command: list[str] | str, image: str | None, message: str):
    with pytest.raises(UsageError, match=message):
        Service(name, command=command, image=image)


def test_a_name_that_is_not_there_is_an_error_that_lists_those_that_are(write: Write):
    write("a", "")
    write("b", "")

    with pytest.raises(UsageError, match=r"there is no service 'c' in .*services; there are: a, b$"):
        Service.named("c")


def test_without_any_folder_the_place_to_make_one_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("HARNESS_SERVICES", raising=False)
    monkeypatch.chdir(tmp_path)

    with pytest.raises(UsageError, match="there is no service 'c' in fixtures/services; there are: none"):
        Service.named("c")


def test_services_are_looked_for_from_the_working_directory_upwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    below = tmp_path / "deep" / "er"
    below.mkdir(parents=True)
    (tmp_path / "fixtures" / "services").mkdir(parents=True)
    monkeypatch.delenv("HARNESS_SERVICES", raising=False)
    monkeypatch.chdir(below)

    assert list(folders()) == [tmp_path / "fixtures" / "services"]


def test_several_folders_are_searched_in_order(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write("a", 'name = "a"\ncommand = ["first"]')
    other = tmp_path / "other" / "a"
    other.mkdir(parents=True)
    (other / "service.toml").write_text('name = "a"\ncommand = ["second"]')
    monkeypatch.setenv("HARNESS_SERVICES", os.pathsep.join([str(tmp_path / "other"), str(tmp_path / "services")]))

    assert Service.named("a").command == ("second",)


def test_every_service_is_there_plain_and_with_each_overlay(sync: Service):
    assert list(map(repr, every())) == [
        "Service.named('sync')",
        "Service.named('sync')['2.4.4']",
        "Service.named('sync')",
        "Service.named('sync')['boto3 1.44.5']",
        "Service.named('sync')['renamed']",
        "Service.named('sync')['quiet']",
    ]


@pytest.mark.parametrize(
    ("under", "over", "result"),
    [
        ({}, {"a": 1}, {"a": 1}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}, {"a": {"b": 3, "c": 2}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": {"b": 1}}, {"a": 2}, {"a": 2}),
        ({"a": 2}, {"a": {"b": 1}}, {"a": {"b": 1}}),
    ],
)
def test_tables_merge_and_everything_else_replaces(under: dict[str, object], over: dict[str, object], result: dict[str, object]):
    before = repr(under)

    assert merged(under, over) == result
    assert repr(under) == before
