"""Class paths and classes from POMs and sources; Maven and the compiler are fakes here, `make setup` has run the real ones."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import MissingToolError, StartError
from harness.services import java
from harness.services.cached import Order
from harness.services.service import Service
from tests.stack.programs import bare_path, program

MAVEN = """\
for word in "$@"; do case "$word" in -Dmaven.repo.local=*) repository="${word#*=}";; esac; done
echo "$repository/a.jar:$repository/b.jar" > classpath.txt
"""
JAVAC = 'while [ "$1" != -d ]; do shift; done; mkdir -p "$2"; touch "$2/App.class"; echo compiled >> "$2/../times"'


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return bare_path(tmp_path / "bin", monkeypatch)


@pytest.fixture
def order(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Order:
    """A service with a POM and one folder of sources."""
    assert path.exists()
    folder = tmp_path / "services" / "billing"
    (folder / "src").mkdir(parents=True)
    (folder / "poms").mkdir()
    (folder / "poms" / "1.xml").write_text("<project/>")
    (folder / "src" / "App.java").write_text("class App {}")
    (folder / "src" / "against").write_text("../poms/1.xml\n")
    (folder / "service.toml").write_text('name = "billing"\ncommand = ["java"]\n')
    monkeypatch.setenv("HARNESS_SERVICES", str(tmp_path / "services"))
    return Order(Service.named("billing"), "src", tmp_path / "cache", lambda _: None)


def test_sources_are_compiled_once_against_their_oldest_version(path: Path, order: Order):
    program(path / "mvn", MAVEN)
    program(path / "javac", JAVAC)

    first = java.classes(order)["classes"]
    again = java.classes(order)["classes"]

    assert first == again
    assert (Path(first) / "App.class").exists()
    assert (Path(first).parent / "times").read_text() == "compiled\n"


SUMS = {name: f"{hashlib.sha256(name.encode()).hexdigest()}  {name}.jar\n" for name in "ab"}
HELD = f'{MAVEN}mkdir -p "$repository"; printf a >"$repository/a.jar"; printf b >"$repository/b.jar"\n'


def listed(order: Order, sums: str) -> Order:
    (order.source / "../poms/1.sha256").write_text(sums)
    return replace(order, named="poms/1.xml")


def test_jars_are_those_of_the_list_beside_the_pom(path: Path, order: Order):
    program(path / "mvn", HELD)

    assert java.classpath(listed(order, SUMS["b"] + SUMS["a"]))["classpath"].endswith(
        "/a.jar:{}/maven/b.jar".format(order.cache / "services")
    )


@pytest.mark.parametrize(
    ("sums", "strange"),
    [
        ("", "a.jar, b.jar"),
        (SUMS["a"] + SUMS["b"].replace("b.jar", "c.jar"), "b.jar, c.jar"),
        (f"0{SUMS['a'][1:]}{SUMS['b']}", "a.jar"),
    ],
    ids=["unlisted", "other-name", "other-content"],
)
def test_jars_that_are_not_those_of_the_list_are_named_and_listed(path: Path, order: Order, sums: str, strange: str):
    program(path / "mvn", HELD)
    with pytest.raises(StartError, match=r"^billing cannot be built: the jars are not those of \S+/poms/1\.sha256: ") as raised:
        java.classpath(listed(order, sums))

    named, _, place = str(raised.value).partition("1.sha256: ")[2].partition("; what was found is listed in ")
    assert named == strange
    assert Path(place).read_text() == SUMS["b"] + SUMS["a"]


def test_other_sources_are_another_folder(path: Path, order: Order):
    program(path / "mvn", MAVEN)
    program(path / "javac", JAVAC)

    first = java.classes(order)["classes"]
    (order.source / "App.java").write_text("class App { int x; }")

    assert java.classes(order)["classes"] != first


def test_without_maven_the_service_is_left_out(order: Order):
    with pytest.raises(MissingToolError, match=r"^billing: mvn, which builds its java, is not on PATH; install a JDK and Maven$"):
        java.classes(order)


def test_a_folder_that_does_not_say_what_it_is_compiled_against(order: Order):
    (order.source / "against").unlink()
    with pytest.raises(StartError, match=r"build names .*src/against, which is not there"):
        java.classes(order)
