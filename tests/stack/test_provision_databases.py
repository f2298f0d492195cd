"""Databases found, unpacked, or missing with the mend; what is fetched is a fake, the real ones are used elsewhere."""

from pathlib import Path

import pytest

from harness.errors import StackError
from harness.stack import provision_databases as databases
from harness.stack.provision_databases import POSTGRES, REDIS, Kind
from tests.stack.programs import bare_path, private_cache, program, silent

SAID = {"postgres": "echo 'postgres (PostgreSQL) 15.99 (Debian)'", "redis": "echo 'Redis server v=7.9.9 sha=0 bits=64'"}
VERSION = {"postgres": "15.99", "redis": "7.9.9"}


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without databases, with an empty cache."""
    private_cache(tmp_path / "cache", monkeypatch)
    monkeypatch.setattr(databases, "SYSTEM", tmp_path / "none")
    return bare_path(tmp_path / "bin", monkeypatch)


def fake_apt(path: Path, kind: Kind, tree: Path) -> None:
    """A package whose unpacking copies what lies in `tree`."""
    program(path / "apt-get", f'case "$1" in download) touch {kind.package}.deb;; esac')
    program(path / "apt-cache", f"echo {kind.package}")
    program(path / "dpkg-deb", f'cp -r {tree}/. "$3"')


def laid_out(root: Path, kind: Kind) -> Path:
    folder = root / kind.folders.replace("*", "15")
    for name in kind.programs:
        program(folder / name, SAID[kind.name])
    (root / "usr/lib/x86_64-linux-gnu").mkdir(parents=True)
    (root / "usr/share/doc").mkdir(parents=True)
    return folder


@pytest.mark.parametrize("kind", [POSTGRES, REDIS], ids=lambda kind: kind.name)
def test_what_is_missing_is_unpacked_once(path: Path, tmp_path: Path, kind: Kind):
    laid_out(tmp_path / "tree", kind)
    fake_apt(path, kind, tmp_path / "tree")
    before = databases.inspected(kind)
    made = databases.provided(kind, silent)
    again = databases.provided(kind, silent)

    assert (before.state, before.needed, before.mend) == ("missing", False, "made when a scenario asks for it")
    assert (made.state, made.version, made == again) == ("provisioned", VERSION[kind.name], True)
    assert made.environment == {"LD_LIBRARY_PATH": str(made.libraries)}
    assert databases.inspected(kind).path == made.folder
    assert not list((tmp_path / "cache").glob("*/usr/share/doc"))


@pytest.mark.parametrize("where", ["on PATH", "where distributions put it"])
@pytest.mark.parametrize("kind", [POSTGRES, REDIS], ids=lambda kind: kind.name)
def test_the_system_s_is_used(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Kind, where: str):
    folder = laid_out(tmp_path / "system", kind)
    links = {"on PATH": kind.programs, "where distributions put it": ()}[where]
    for name in links:
        (path / name).symlink_to(folder / name)
    monkeypatch.setattr(databases, "SYSTEM", tmp_path / {"on PATH": "none"}.get(where, "system"))
    made = databases.provided(kind, silent)

    assert (made.state, made.folder, made.version, made.environment) == ("found", folder, VERSION[kind.name], {})
    assert databases.inspected(kind).state == "found"


def test_a_machine_without_apt_is_told_what_to_install(path: Path):
    assert path.exists()
    assert databases.inspected(REDIS).mend == "install Redis, and have redis-server on PATH"
    with pytest.raises(StackError, match=r"^PostgreSQL is not installed and this system has no apt-get .*; install PostgreSQL"):
        databases.provided(POSTGRES, silent)


def test_packages_without_the_program(path: Path, tmp_path: Path):
    (tmp_path / "tree/usr/bin").mkdir(parents=True)
    fake_apt(path, REDIS, tmp_path / "tree")
    with pytest.raises(StackError, match="the distribution's redis-server has no redis-server below"):
        databases.provided(REDIS, silent)


def test_a_program_that_does_not_run(path: Path):
    program(path / "redis-server", "echo 'no such library'; exit 127")
    with pytest.raises(StackError, match=r"Redis in \S+ does not run; install Redis.*no such library"):
        databases.provided(REDIS, silent)
