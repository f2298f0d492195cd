"""The distribution's tools are fakes, so that a package can be missing; the set-up before the tests has used the real ones."""

import platform
from pathlib import Path

import pytest

from harness.errors import StackError
from harness.stack import packages
from tests.stack.programs import bare_path, program, silent

CLOSURE = """\
rabbitmq-server
  Depends: adduser
  Depends: erlang-base
 |Depends: <esl-erlang>
adduser
erlang-base
"""


def fake_apt(folder: Path, *, closure: str = CLOSURE) -> None:
    """Apt and dpkg-deb: a package is a file that names itself, and is unpacked into a file of its name."""
    program(folder / "apt-get", 'case "$1" in update) ;; download) shift 2; for n in "$@"; do echo $n > $n.deb; done;; esac')
    program(folder / "apt-cache", f"cat <<END\n{closure}END")
    program(folder / "dpkg-deb", 'read name < "$2"; mkdir -p "$3/usr"; touch "$3/usr/$name"')


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return bare_path(tmp_path / "bin", monkeypatch)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


def unpack(work: Path, into: Path) -> None:
    packages.unpacked("rabbitmq-server", ("rabbitmq-server", "erlang-"), work, into, silent)


def test_a_package_is_unpacked_with_those_it_needs_and_no_others(path: Path, work: Path, tmp_path: Path):
    fake_apt(path)

    unpack(work, tmp_path / "into")

    assert sorted(each.name for each in (tmp_path / "into" / "usr").iterdir()) == ["erlang-base", "rabbitmq-server"]


def test_apt_keeps_its_state_in_the_work_folder_and_trusts_what_the_machine_trusts(path: Path, work: Path, tmp_path: Path):
    fake_apt(path)
    program(path / "apt-get", f'cp "$APT_CONFIG" {tmp_path}/seen; case "$1" in download) touch a.deb;; esac')
    program(path / "dpkg-deb", "exit 0")

    unpack(work, tmp_path / "into")
    seen = (tmp_path / "seen").read_text()

    assert f'Dir::State "{work}/state";' in seen
    assert 'AllowInsecureRepositories "false";' in seen
    assert "Dir::Etc" not in seen


def test_a_package_that_the_sources_do_not_have(path: Path, work: Path, tmp_path: Path):
    fake_apt(path, closure="")

    with pytest.raises(StackError, match=r"^the package rabbitmq-server is missing from this system's sources .* by hand"):
        unpack(work, tmp_path / "into")


def test_apt_that_cannot_find_the_package_at_all(path: Path, work: Path, tmp_path: Path):
    fake_apt(path)
    program(path / "apt-cache", "echo 'E: No packages found' >&2; exit 100")

    with pytest.raises(StackError, match=r"^the package rabbitmq-server is missing .*: E: No packages found$"):
        unpack(work, tmp_path / "into")


def test_a_system_without_apt(work: Path, tmp_path: Path, path: Path):
    assert not packages.reachable()
    assert path.exists()
    with pytest.raises(
        StackError, match=r"^RabbitMQ is not installed and this system has no apt-get .*; install rabbitmq-server"
    ):
        unpack(work, tmp_path / "into")


def test_lists_that_cannot_be_read(path: Path, work: Path, tmp_path: Path):
    fake_apt(path)
    program(path / "apt-get", "echo 'Could not resolve the host'; exit 100")

    with pytest.raises(
        StackError, match=r"^the package lists cannot be read; mend `apt-get update`.*Could not resolve the host$"
    ):
        unpack(work, tmp_path / "into")


def test_a_place_says_which_release_it_is_from(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: {"ID": "debian", "VERSION_CODENAME": "bookworm"})

    assert packages.place("rabbitmq", "1") == f"rabbitmq-debian-bookworm-{platform.machine()}-1"


def test_a_place_on_a_system_that_does_not_say_what_it_is(monkeypatch: pytest.MonkeyPatch):
    def nothing() -> dict[str, str]:
        raise OSError

    monkeypatch.setattr(platform, "freedesktop_os_release", nothing)

    assert packages.place("rabbitmq", "1") == f"rabbitmq-linux-unknown-{platform.machine()}-1"
