import os
import re
import subprocess
import sys
from pathlib import Path

import platformdirs
import pytest

from harness.stack import bootstrap
from harness.stack.bootstrap import SetupError
from tests.stack.programs import program

ROOT = Path(__file__).resolve().parents[2]
PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "a-checkout"
version = "1"
[tool.hatch.build.targets.wheel]
packages = ["inside"]
"""


def test_the_cache_is_where_the_environment_says(tmp_path: Path):
    wanted = tmp_path / "some" / "where"

    assert bootstrap.cache_folder({"HARNESS_CACHE": str(wanted)}) == wanted
    assert wanted.is_dir()


@pytest.mark.parametrize("xdg", [True, False], ids=["xdg", "home"])
def test_the_cache_is_where_platformdirs_would_put_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, xdg: bool):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("HARNESS_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    if xdg:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))

    assert bootstrap.cache_folder() == platformdirs.user_cache_path(bootstrap.NAME, appauthor=False)


def test_the_cache_of_a_mac_is_in_its_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "darwin")

    assert bootstrap.cache_folder({}) == tmp_path / "Library" / "Caches" / bootstrap.NAME


def test_a_cache_that_is_a_file_is_one_sentence(tmp_path: Path):
    file = tmp_path / "file"
    file.touch()

    for folder in (file, file / "below"):
        with pytest.raises(SetupError, match=r"^the cache folder .*file.* is a file, or lies below one; let HARNESS_CACHE name"):
            bootstrap.cache_folder({"HARNESS_CACHE": str(folder)})


def test_a_cache_that_cannot_be_made_is_one_sentence():
    with pytest.raises(SetupError, match=r"^the cache folder /proc/harness cannot be made \(.*\); let HARNESS_CACHE name"):
        bootstrap.cache_folder({"HARNESS_CACHE": "/proc/harness"})


def test_a_cache_that_cannot_be_written_to_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    # A fake, because the tests may be run by root, who may write everywhere.
    monkeypatch.setattr(os, "access", lambda path, mode: False)

    with pytest.raises(SetupError, match=r"cannot be written to; let HARNESS_CACHE name"):
        bootstrap.cache_folder({"HARNESS_CACHE": str(tmp_path)})


def test_one_name_is_held_by_one_at_a_time(tmp_path: Path):
    """A second process says that it waits, and goes on when the first lets go."""
    second = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from pathlib import Path; from harness.stack import bootstrap\n"
        f"with bootstrap.alone(Path({str(tmp_path)!r}), 'one', lambda line: print(line, flush=True)): print('in')"
    )
    told_first: list[str] = []
    with bootstrap.alone(tmp_path, "one", told_first.append), bootstrap.alone(tmp_path, "another", told_first.append):
        process = subprocess.Popen([sys.executable, "-c", second], stdout=subprocess.PIPE, text=True)
        stdout = process.stdout
        told = stdout.readline() if stdout else ""
    entered, _ = process.communicate(timeout=60)

    assert told_first == []
    assert told == "another set-up is at it; waiting for its end\n"
    assert entered == "in\n"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    folder = tmp_path / "cache"
    folder.mkdir()
    return folder


def test_uv_is_installed_once_by_a_python_without_pip(cache: Path, capsys: pytest.CaptureFixture[str]):
    """The environments that uv makes have no pip; venv has."""
    uv = bootstrap.private_uv(cache)
    again = bootstrap.private_uv(cache)

    version = subprocess.run([uv, "--version"], capture_output=True, text=True, check=True).stdout
    assert version.split()[1] in bootstrap.lock_file("setup.txt").read_text()
    assert uv == again
    assert capsys.readouterr().err.count("installing") == 1
    assert [path.name for path in cache.glob("*.half")] == []


def test_uv_is_installed_by_pip_where_there_is_one(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A fake Python that has pip: what it is told to do is what is of interest."""
    asked = tmp_path / "asked"
    fake = f"""
echo "$*" >> {asked}
[ "$3" = install ] || exit 0
mkdir -p "${{10}}/bin"
echo "#!/bin/sh" > "${{10}}/bin/uv"
chmod +x "${{10}}/bin/uv"
"""
    monkeypatch.setattr(sys, "executable", str(program(tmp_path / "python", fake)))

    uv = bootstrap.private_uv(cache)

    assert uv.exists()
    assert re.search(r"-m pip install .*--require-hashes --target \S+\.half -r \S+setup\.txt", asked.read_text())


def test_a_python_with_neither_pip_nor_venv_is_told_so(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "executable", str(program(tmp_path / "python", "echo 'No module named that' >&2; exit 1")))

    with pytest.raises(SetupError, match=r"neither pip nor venv; install them \(.*python3-venv\): No module named that"):
        bootstrap.private_uv(cache)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with a package of its own, and as few requirements as an editable install can have."""
    names = ("editables", "hatchling", "packaging", "pathspec", "pluggy", "trove-classifiers")
    blocks = re.split(r"\n(?=\w)", (ROOT / "requirements" / "dev.txt").read_text())
    folder = tmp_path / "checkout"
    (folder / "requirements").mkdir(parents=True)
    (folder / "requirements" / "dev.txt").write_text("\n".join(each for each in blocks if each.startswith(names)) + "\n")
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "inside").mkdir()
    (folder / "inside" / "__init__.py").touch()
    # The shared cache: uv is there from the set-up that these tests were started by.
    monkeypatch.setenv("HARNESS_CACHE", str(bootstrap.cache_folder()))
    return folder


def test_a_checkout_gets_its_environment_once(checkout: Path, capsys: pytest.CaptureFixture[str]):
    first = bootstrap.main([str(checkout)])
    told = capsys.readouterr().err
    python = checkout / ".venv" / "bin" / "python"
    where = subprocess.run([python, "-c", "import inside; print(inside.__file__)"], capture_output=True, text=True, check=True)
    second = bootstrap.main([str(checkout)])
    told_again = capsys.readouterr().err

    assert (first, second) == (0, 0)
    assert "environment: .venv" in told
    assert where.stdout.strip() == str(checkout / "inside" / "__init__.py")
    assert (checkout / ".venv" / "bin" / "uv").exists()
    assert told_again == ""


def test_an_environment_is_mended_and_not_made_anew_when_the_lock_changes(checkout: Path):
    made = bootstrap.main([str(checkout)])
    mark = checkout / ".venv" / "mine"
    mark.touch()
    with (checkout / "requirements" / "dev.txt").open("a") as lock:
        lock.write("# changed\n")
    mended = bootstrap.main([str(checkout)])

    assert (made, mended) == (0, 0)
    assert mark.exists()


def test_a_lock_with_a_wrong_hash_is_not_installed(checkout: Path, capsys: pytest.CaptureFixture[str]):
    lock = checkout / "requirements" / "dev.txt"
    lock.write_text(re.sub(r"sha256:\w{8}", "sha256:00000000", lock.read_text()))

    code = bootstrap.main([str(checkout)])

    assert code == 3
    assert capsys.readouterr().err.splitlines()[-1].startswith("set-up: what the tests need cannot be installed: ")
    assert not (checkout / ".venv" / "harness-setup").exists()


def test_a_python_that_is_too_old_is_told_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(bootstrap, "OLDEST", (99, 0))

    assert bootstrap.main(["."]) == 3
    assert "is too old, " in capsys.readouterr().err


def test_clearing_the_cache_takes_only_what_is_the_harness_s(cache: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HARNESS_CACHE", str(cache))
    for name in ("uv-1/bin", "toxiproxy-2.12.0", "locks", "work/toxiproxy-2.12.0/mod", "holiday-pictures"):
        (cache / name).mkdir(parents=True)
    (cache / "work" / "link").symlink_to(cache / "holiday-pictures")
    (cache / "work/toxiproxy-2.12.0").chmod(0o555)

    code = bootstrap.main(["--clear"])

    assert code == 0
    assert [path.name for path in cache.iterdir()] == ["holiday-pictures"]


def test_removing_what_is_not_there_is_no_error(tmp_path: Path):
    bootstrap.remove(tmp_path / "missing")

    assert list(tmp_path.iterdir()) == []


def test_locks_are_taken_from_the_installed_package_where_it_has_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    inside = tmp_path / "requirements" / "go.txt"
    inside.parent.mkdir()
    inside.touch()
    monkeypatch.setattr(bootstrap, "__file__", str(tmp_path / "bootstrap.py"))

    assert bootstrap.lock_file("go.txt") == inside


def test_the_package_carries_the_locks_it_provisions_from(tmp_path: Path):
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    [wheel] = tmp_path.glob("*.whl")
    listed = subprocess.run([sys.executable, "-m", "zipfile", "-l", wheel], capture_output=True, text=True, check=True).stdout

    assert built.returncode == 0, built.stderr
    for name in ("localstack.txt", "go.txt", "build.txt", "setup.txt"):
        assert f"harness/stack/requirements/{name}" in listed
    assert "harness/stack/noepmd.erl" in listed
