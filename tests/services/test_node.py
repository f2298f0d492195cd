"""What becomes of `build = { npm = ... }`, with a program that plays npm: the real one is tried in tests/node."""

from pathlib import Path

import pytest

from harness.errors import MissingToolError, StartError
from harness.services import Service
from harness.services.build import paths_of
from tests.services.conftest import Write
from tests.stack.programs import bare_path, program

BUILT = 'name = "{}"\ncommand = ["node", "a.js"]\nbuild = {{ npm = "lock" }}\n'
FAKE_NPM = 'echo "$@" in "$(cat .npmrc package.json package-lock.json)" >>"$(dirname "$0")/said"; {} node_modules'


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return bare_path(tmp_path / "bin", monkeypatch)


def locked(write: Write, name: str, lock: str = "lock 1") -> Service:
    folder = write(name, BUILT.format(name)).parent / "lock"
    folder.mkdir()
    for file, text in ((".npmrc", "settings"), ("package.json", "package"), ("package-lock.json", lock)):
        (folder / file).write_text(text)
    return Service.named(name)


def test_modules_are_installed_once_per_lock_without_running_their_scripts(write: Write, path: Path, tmp_path: Path):
    program(path / "npm", FAKE_NPM.format("mkdir"))
    one, two, three = locked(write, "one"), locked(write, "two"), locked(write, "three", "lock 2")
    said: list[str] = []
    found = [paths_of(service, tmp_path / "cache", said.append)["modules"] for service in (one, two, three, one)]

    assert found[0] == found[1] == found[3] != found[2]
    assert all(Path(modules).is_dir() and Path(modules).name == "node_modules" for modules in found)
    assert said == [f"installing the modules of {name} from lock/package-lock.json" for name in ("one", "three")]
    first, second = (path / "said").read_text().split("ci --ignore-scripts")[1:]
    assert first.endswith(" in settingspackagelock 1\n")
    assert second.endswith(" in settingspackagelock 2\n")


def test_an_install_that_fails_says_what_npm_said_and_leaves_nothing_whole(write: Write, path: Path, tmp_path: Path):
    program(path / "npm", f"{FAKE_NPM.format('mkdir')}; echo integrity checksum failed >&2; exit 1")

    with pytest.raises(
        StartError, match=r"^one cannot be built: .*npm ci --ignore-scripts ended with 1:\nintegrity checksum failed$"
    ):
        paths_of(locked(write, "one"), tmp_path / "cache")

    assert {entry.suffix for entry in (tmp_path / "cache" / "services").iterdir()} == {".half", ".lock"}


def test_without_npm_its_absence_is_said(write: Write, path: Path, tmp_path: Path):
    assert path.exists()

    with pytest.raises(MissingToolError, match=r"^one: its modules are installed with npm, which is not on PATH; install node"):
        paths_of(locked(write, "one"), tmp_path / "cache")


def test_a_lock_that_is_not_there_is_named(write: Write, tmp_path: Path):
    service = locked(write, "one")
    (tmp_path / "services" / "one" / "lock" / "package-lock.json").unlink()

    with pytest.raises(StartError, match=r"^one: build names .*/one/lock/package-lock\.json, which is not there$"):
        paths_of(service, tmp_path / "cache")


def test_settings_are_the_project_s_choice(write: Write, path: Path, tmp_path: Path):
    program(path / "npm", "mkdir node_modules")
    service = locked(write, "one")
    (tmp_path / "services" / "one" / "lock" / ".npmrc").unlink()

    modules = Path(paths_of(service, tmp_path / "cache")["modules"])

    assert sorted(entry.name for entry in modules.parent.iterdir()) == ["node_modules", "package-lock.json", "package.json"]
