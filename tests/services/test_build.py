import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.errors import MissingToolError, StartError
from harness.services import Service
from harness.services.build import build_all, paths_of, require
from tests.services.conftest import Write

PIKA = Path(__file__).parents[2] / "fixtures" / "services" / "esr-exporter" / "locks" / "pika.txt"
BUILT = 'name = "{}"\ncommand = ["{{venv}}/bin/python"]\nbuild = {{ venv = "a.txt" }}\n'


def locked(write: Write, name: str, lock: str) -> Service:
    path = write(name, BUILT.format(name))
    (path.parent / "a.txt").write_text(lock)
    return Service.named(name)


def test_an_environment_is_built_once_per_lock_and_works(write: Write, tmp_path: Path):
    lock = PIKA.read_text()
    one, two = locked(write, "one", lock), locked(write, "two", lock)
    said: list[str] = []
    cache = tmp_path / "cache"

    with ThreadPoolExecutor(4) as pool:
        built = list(pool.map(lambda service: paths_of(service, cache, said.append)["venv"], [one, two, one, two]))

    again = paths_of(one, cache, said.append)["venv"]

    assert {*built} == {again}
    assert len(said) == 1
    assert said[0].startswith("building the environment of ")
    imported = subprocess.run(
        [f"{built[0]}/bin/python", "-c", "import pika; print(pika.__name__)"], capture_output=True, check=True
    )
    assert imported.stdout == b"pika\n"
    assert sorted(path.suffix for path in (cache / "services").iterdir()) == ["", ".lock"]


def test_another_lock_is_another_environment_and_a_broken_one_is_mended(write: Write, tmp_path: Path):
    one, two = locked(write, "one", "# nothing\n"), locked(write, "two", "# nothing else\n")
    said: list[str] = []
    first = paths_of(one, tmp_path, said.append)["venv"]
    (Path(first) / "bin" / "python").unlink()

    again = paths_of(one, tmp_path, said.append)["venv"]
    other = paths_of(two, tmp_path, said.append)["venv"]

    assert again == first != other
    assert (Path(first) / "bin" / "python").exists()
    assert len(said) == 3


def test_an_interrupted_build_is_begun_anew(write: Write, tmp_path: Path):
    service = locked(write, "one", "# nothing\n")
    built = Path(paths_of(service, tmp_path)["venv"])
    built.rename(built.with_name(f"{built.name}.half"))

    assert (Path(paths_of(service, tmp_path)["venv"]) / "bin" / "python").exists()


def test_a_build_that_fails_says_what_its_tool_said(write: Write, tmp_path: Path):
    service = locked(write, "one", "pika==1.4.4\n")

    with pytest.raises(StartError, match=r"^one cannot be built: .*uv pip sync ended with \d+:\n.*--require-hashes"):
        paths_of(service, tmp_path / "cache")

    assert not [path for path in (tmp_path / "cache" / "services").iterdir() if path.is_dir() and path.suffix != ".half"]


def test_a_lock_that_is_not_there_is_named(write: Write, tmp_path: Path):
    path = write("one", BUILT.format("one"))

    with pytest.raises(StartError, match=f"^one: build names {path.parent / 'a.txt'}, which is not there$"):
        paths_of(Service.named("one"), tmp_path)


def test_a_service_without_a_build_has_no_paths(tmp_path: Path):
    assert paths_of(Service("a", command=["x"]), tmp_path) == {}


def test_a_tool_that_is_missing_is_named(write: Write, tmp_path: Path):
    write("one", 'name = "one"\ncommand = ["x"]\nneeds = ["sh", "no-such-tool"]\n')
    service = Service.named("one")

    with pytest.raises(MissingToolError, match=r"^one needs no-such-tool, which is not on PATH; install it"):
        paths_of(service, tmp_path)


def test_tools_that_are_there_are_no_obstacle(write: Write):
    write("one", 'name = "one"\ncommand = ["x"]\nneeds = ["sh"]\n')

    require(Service.named("one"))


def test_without_uv_its_absence_is_said(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    service = locked(write, "one", "# nothing\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))

    with pytest.raises(MissingToolError, match=r"^one: its environment is made with uv, which is not there; pip install uv$"):
        paths_of(service, tmp_path)


def test_uv_beside_the_interpreter_is_preferred(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    service = locked(write, "one", "# nothing\n")
    fake_uv = tmp_path / "uv"
    fake_uv.write_text("#!/bin/sh\necho fake uv was asked: $1 >&2\nexit 9\n")
    fake_uv.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))

    with pytest.raises(StartError, match=r"ended with 9:\nfake uv was asked: venv$"):
        paths_of(service, tmp_path)


def test_all_is_built_and_what_cannot_be_is_said(write: Write, tmp_path: Path):
    locked(write, "one", "# nothing\n")
    write("two", 'name = "two"\ncommand = ["x"]\nneeds = ["no-such-tool"]\n')
    said: list[str] = []

    build_all(tmp_path, said.append)

    assert sorted(said) == [
        "building the environment of one from one/a.txt",
        "left out: two needs no-such-tool, which is not on PATH; install it, or leave these scenarios out",
    ]
