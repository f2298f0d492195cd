"""Which archives another release comes from: read from files as distributions write them."""

import platform
from pathlib import Path

import pytest

from harness.errors import StackError
from harness.stack import suites

DEB822 = """\
# the archive
Types: deb
URIs: http://archive.invalid/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By:
 /usr/share/keyrings/archive.gpg

Types: deb
URIs: http://archive.invalid/security
Suites: bookworm-security
Components: main
"""
ONE_LINE = """\
# deb http://old.invalid/debian bookworm main
deb [arch=amd64 signed-by=/keys/a.gpg] http://archive.invalid/debian bookworm main contrib
deb http://archive.invalid/debian bookworm-updates main
"""


@pytest.fixture
def etc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose release is bookworm and which knows no archive yet."""
    (tmp_path / "sources.list.d").mkdir()
    monkeypatch.setattr(suites, "SOURCES", tmp_path)
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: {"ID": "debian", "VERSION_CODENAME": "bookworm"})
    return tmp_path


def test_the_archive_of_the_machine_s_own_release_is_asked_for_the_other(etc: Path):
    (etc / "sources.list.d" / "debian.sources").write_text(DEB822)

    assert suites.of_suite("trixie") == (
        "Types: deb\nURIs: http://archive.invalid/debian\nSuites: trixie\nComponents: main\n"
        "Signed-By: /usr/share/keyrings/archive.gpg\n"
    )


def test_the_old_way_of_writing_sources_is_understood(etc: Path):
    (etc / "sources.list").write_text(ONE_LINE)

    assert suites.of_suite("forky", types="deb-src") == (
        "Types: deb-src\nURIs: http://archive.invalid/debian\nSuites: forky\nComponents: main contrib\nSigned-By: /keys/a.gpg\n"
    )


def test_a_machine_that_knows_no_archive_of_its_own_release(etc: Path):
    (etc / "sources.list").write_text("deb http://archive.invalid/debian bullseye main\n")

    with pytest.raises(StackError, match="names no archive of this system's own release 'bookworm', so none of trixie is known"):
        suites.of_suite("trixie")


def test_a_machine_that_does_not_say_what_it_is(monkeypatch: pytest.MonkeyPatch):
    def nothing() -> dict[str, str]:
        raise OSError

    monkeypatch.setattr(platform, "freedesktop_os_release", nothing)

    assert not suites.own()


def test_another_distribution_s_releases_are_not_known(etc: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: {"ID": "ubuntu", "VERSION_CODENAME": "noble"})

    assert etc.exists()
    with pytest.raises(StackError, match="of Debian, and this system is ubuntu; leave out --harness-rabbitmq"):
        suites.of_suite("trixie")
