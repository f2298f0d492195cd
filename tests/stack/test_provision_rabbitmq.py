"""The servers here are the one that set-up provisioned, laid out as a system would have it, or as packages would unpack."""

from pathlib import Path

import pytest

from harness.errors import StackError, UsageError
from harness.stack import erlang, loader, provision_rabbitmq, suites
from harness.stack.provision import provisioned
from harness.stack.tools import Tools
from tests.stack.programs import bare_path, private_cache, program, silent


@pytest.fixture(scope="module")
def tools() -> Tools:
    return provisioned()


@pytest.fixture
def path(tools: Tools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without RabbitMQ, with an empty cache."""
    assert tools.versions["rabbitmq"]
    private_cache(tmp_path / "cache", monkeypatch)
    monkeypatch.setattr(erlang, "DISTRIBUTIONS", tmp_path / "none")
    monkeypatch.setattr(provision_rabbitmq, "DISTRIBUTIONS", tmp_path / "none")
    return bare_path(tmp_path / "bin", monkeypatch)


def install(path: Path, tools: Tools, folder: Path) -> Path:
    """Put the server where an administrator would have put it, with its scripts on PATH; its home is returned."""
    home = folder / "server"
    (home / "plugins").mkdir(parents=True)
    (home / "plugins" / "rabbit-3.13.7").mkdir()
    (path / "rabbitmq-server").symlink_to(program(home / "sbin" / "rabbitmq-server", ""))
    (path / "erl").symlink_to(tools.erlang_root / "bin" / "erl")
    return home


def fake_apt(path: Path, tools: Tools) -> None:
    """Packages whose unpacking lays links to the server that is there."""
    usr = tools.erlang_root.parents[1]
    program(path / "apt-get", 'case "$1" in download) touch rabbitmq-server.deb;; esac')
    program(path / "apt-cache", "echo rabbitmq-server")
    program(path / "dpkg-deb", f'mkdir -p "$3" && cp -as {usr} "$3"')


def test_the_system_s_server_is_used_and_not_changed(path: Path, tools: Tools, tmp_path: Path):
    home = install(path, tools, tmp_path)
    before = provision_rabbitmq.inspected()
    told: list[str] = []

    rabbitmq = provision_rabbitmq.provided(told.append)

    assert (before.state, before.version, before.path) == ("found", "3.13.7", home)
    assert (rabbitmq.state, rabbitmq.version, rabbitmq.home) == ("found", "3.13.7", home)
    assert (rabbitmq.noepmd / erlang.BEAM).exists()
    assert rabbitmq.erlang_root != tools.erlang_root
    assert told[-1].startswith("the system's RabbitMQ 3.13.7 on Erlang ")
    assert provision_rabbitmq.found() == rabbitmq
    assert provision_rabbitmq.inspected() == rabbitmq.component()


def test_a_server_without_its_erlang_is_none(path: Path, tools: Tools, tmp_path: Path):
    install(path, tools, tmp_path)
    (path / "erl").unlink()

    assert provision_rabbitmq.inspected().state == "missing"


def test_packages_are_unpacked_where_the_system_has_no_server(path: Path, tools: Tools):
    fake_apt(path, tools)
    before = provision_rabbitmq.inspected()

    rabbitmq = provision_rabbitmq.provided(silent)
    again = provision_rabbitmq.provided(silent)

    assert (before.state, before.mend) == ("missing", "harness provision")
    assert rabbitmq == again == provision_rabbitmq.found()
    assert (rabbitmq.state, rabbitmq.version) == ("provisioned", tools.versions["rabbitmq"])
    assert (rabbitmq.noepmd / erlang.BEAM).exists()


def test_packages_without_a_server_in_them(path: Path, tools: Tools):
    fake_apt(path, tools)
    erl = tools.erlang_root
    program(path / "dpkg-deb", f'mkdir -p "$3/usr/lib" && cp -as {erl} "$3/usr/lib"')

    with pytest.raises(StackError, match=r"rabbitmq-server has no server below .*; install RabbitMQ yourself"):
        provision_rabbitmq.provided(silent)


def test_a_system_that_has_neither_a_server_nor_packages(path: Path):
    component = provision_rabbitmq.inspected()

    assert path.exists()
    assert component.state == "missing"
    assert component.mend.startswith("install rabbitmq-server")
    with pytest.raises(StackError, match="no apt-get"):
        provision_rabbitmq.provided(silent)


@pytest.mark.parametrize(
    ("plugin", "version"), [("rabbit-4.0.5", "4.0.5"), ("rabbit-3.8.9.ez", "3.8.9"), ("rabbit_common-4.0.5", "")]
)
def test_the_version_is_that_of_the_main_plugin(tmp_path: Path, plugin: str, version: str):
    (tmp_path / "plugins" / plugin).mkdir(parents=True)

    assert provision_rabbitmq.version_of(tmp_path) == version


def test_a_series_comes_from_the_release_that_has_it(path: Path, tools: Tools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    install(path, tools, tmp_path)
    wrapped: list[Path] = []
    monkeypatch.setattr(loader, "wrapped", lambda root, below: wrapped.append(below))
    monkeypatch.setattr(suites, "own", lambda: "bookworm")
    monkeypatch.setattr(suites, "of_suite", lambda suite, types: f"Types: {types}\nSuites: {suite}\n")
    fake_apt(path, tools)
    before = provision_rabbitmq.inspected("4.0")

    with pytest.raises(StackError, match=r"the distribution's trixie has RabbitMQ 3\.10\.\d+, not 4\.0; leave out"):
        provision_rabbitmq.provided(silent, "4.0")

    assert (before.name, before.state) == ("rabbitmq 4.0", "missing")
    assert [below.name for below in wrapped] == ["erlang"]
    assert provision_rabbitmq.provided(silent, "3.10").version.startswith("3.10.")
    assert provision_rabbitmq.found("3.10") is not None


def test_the_system_s_server_is_used_for_its_own_series_only(path: Path, tools: Tools, tmp_path: Path):
    home = install(path, tools, tmp_path)
    (home / "plugins" / "rabbit-3.13.7").rename(home / "plugins" / "rabbit-4.3.1")

    assert provision_rabbitmq.inspected("4.3").path == home
    assert provision_rabbitmq.inspected("4.0").state == "missing"


def test_a_series_that_there_is_not_is_refused():
    with pytest.raises(UsageError, match=r"--harness-rabbitmq=3\.8: choose one of 3\.10, 4\.0, 4\.3"):
        provision_rabbitmq.provided(silent, "3.8")
