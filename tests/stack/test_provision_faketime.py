"""libfaketime found, built, or missing with the mend; what is fetched and built is a fake, the real one is used elsewhere."""

from pathlib import Path

import pytest

from harness.errors import StackError
from harness.stack import packages, provision_faketime
from tests.stack.programs import bare_path, private_cache, program, silent


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with an empty cache and without libfaketime."""
    private_cache(tmp_path / "cache", monkeypatch)
    monkeypatch.setattr(provision_faketime, "SYSTEM", (f"{tmp_path}/system",))
    return bare_path(tmp_path / "bin", monkeypatch)


@pytest.fixture
def archive(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A source that is there, a make that copies it, and a tar that unpacks it."""
    source = tmp_path / "faketime_0.9.99.orig.tar.gz"
    source.write_text("sem_clockwait")
    monkeypatch.setattr(packages, "source", lambda *_: source)
    program(path / "cc", "")
    program(path / "tar", 'mkdir -p "$5/libfaketime-0.9.99/src"; cp "$3" "$5/libfaketime-0.9.99/src/source"')
    program(path / "make", 'cp "$2/source" "$2/$3"')
    return source


def test_it_is_built_from_source_once(archive: Path):
    before = provision_faketime.inspected()
    built = provision_faketime.provided(silent)
    again = provision_faketime.provided(silent)

    assert (before.state, before.needed) == ("missing", False)
    assert built == again == provision_faketime.found()
    assert (built.state, built.version, built.path.read_text()) == ("provisioned", "0.9.99", archive.read_text())
    assert provision_faketime.inspected().path == built.path


def test_one_that_lacks_the_symbol_is_not_kept(archive: Path):
    archive.write_text("an older one")

    with pytest.raises(StackError, match=r"just built from faketime_0\.9\.99\.orig\.tar\.gz lacks sem_clockwait: programs would"):
        provision_faketime.provided(silent)


def test_a_machine_without_a_compiler_is_told_what_to_install(path: Path):
    component = provision_faketime.inspected()

    assert path.exists()
    assert component.mend.startswith("install make and a C compiler")
    with pytest.raises(StackError, match="time cannot be compressed: libfaketime needs make and cc to be built"):
        provision_faketime.provided(silent)


def test_the_system_s_is_used_if_it_is_new_enough(path: Path, tmp_path: Path):
    installed = tmp_path / "system" / provision_faketime.LIBRARY
    installed.parent.mkdir()
    installed.write_text("an older one")
    old = provision_faketime.found()
    installed.write_text("with sem_clockwait")

    assert path.exists()
    assert old is None
    assert provision_faketime.provided(silent).path == installed
