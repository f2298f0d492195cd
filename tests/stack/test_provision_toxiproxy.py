"""Go and the servers on PATH are fakes in every state that a machine may have; set-up has built the real one."""

from pathlib import Path

import pytest

from harness.errors import StackError
from harness.stack import cache
from harness.stack import provision_toxiproxy as toxiproxy
from tests.stack.programs import bare_path, private_cache, program, silent

BUILDS = """
case "$1" in
version) echo go version {go} linux/amd64;;
install) echo "$*" "$GOTOOLCHAIN" "$CGO_ENABLED" > {asked}
  mkdir -p "$GOPATH"; printf '#!/bin/sh\\necho toxiproxy-server version {built}\\n' > "$GOBIN/server"; chmod +x "$GOBIN/server";;
esac
"""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    private_cache(tmp_path / "cache", monkeypatch)
    return bare_path(tmp_path / "bin", monkeypatch)


def fake_server(path: Path, version: str) -> Path:
    return program(path / "toxiproxy-server", f"echo toxiproxy-server version {version}")


def fake_go(program_path: Path, *, go: str = "go1.26.8", built: str = "2.12.0") -> Path:
    return program(program_path, BUILDS.format(go=go, built=built, asked=program_path.parent / "asked"))


def test_the_server_that_set_up_built():
    component = toxiproxy.inspected()

    assert component.state in {"provisioned", "found"}
    assert component.version


def test_a_server_on_path_is_used(path: Path):
    server = fake_server(path, "2.12.0")

    assert toxiproxy.provided(silent).path == server
    assert toxiproxy.inspected().mend == ""


def test_a_server_of_another_version_is_used_with_a_warning(path: Path):
    fake_server(path, "2.9.0")
    told: list[str] = []

    program = toxiproxy.provided(told.append)

    assert (program.state, program.version) == ("found", "2.9.0")
    assert told == ["Toxiproxy 2.9.0 is used; the harness is tested with 2.12.0"]
    assert toxiproxy.inspected().mend == told[0]


@pytest.mark.parametrize("version", ["2.1.4", "git"])
def test_a_server_on_path_that_is_too_old_is_not_used(path: Path, version: str):
    fake_server(path, version)

    component = toxiproxy.inspected()

    assert component.state == "missing"
    assert "harness provision" in component.mend


def test_a_server_is_built_at_its_exact_version(path: Path):
    fake_go(path / "go")

    program = toxiproxy.provided(silent)

    assert (program.state, program.version) == ("provisioned", "2.12.0")
    assert "cmd/server@v2.12.0 local 0" in (path / "asked").read_text()
    assert toxiproxy.found() == program
    assert list((cache.folder() / "work").iterdir()) == []


def test_a_go_that_is_too_old_is_not_used_but_one_fetched(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    fake_go(path / "go", go="go1.19.8")
    fetched = fake_go(tmp_path / "fetched" / "go")
    fake_uv = program(
        tmp_path / "uv",
        f"""
        echo "$*" >> {tmp_path}/uv-asked
        [ "$1" = venv ] && for venv in "$@"; do :; done && mkdir -p "$venv/lib/python3.11/site-packages/go/bin" &&
          cp {fetched} "$venv/lib/python3.11/site-packages/go/bin/go"
        exit 0
        """,
    )
    monkeypatch.setattr(cache, "uv", lambda: fake_uv)

    program_built = toxiproxy.provided(silent)

    assert program_built.version == "2.12.0"
    assert (tmp_path / "fetched" / "asked").exists()
    assert not (path / "asked").exists()
    assert "--require-hashes" in (tmp_path / "uv-asked").read_text()


def test_no_go_and_no_registry(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert path.exists()
    monkeypatch.setattr(cache, "uv", lambda: program(tmp_path / "uv", "echo no route to the registry; exit 2"))

    with pytest.raises(
        StackError, match=r"^Go cannot be fetched; put a toxiproxy-server 2.12.0 on PATH.*no route to the registry$"
    ):
        toxiproxy.provided(silent)


def test_a_build_that_fails(path: Path):
    program(path / "go", 'case "$1" in version) echo go1.26;; *) echo no module proxy >&2; exit 1;; esac')

    with pytest.raises(StackError, match=r"^Toxiproxy cannot be built; put a toxiproxy-server .*: no module proxy$"):
        toxiproxy.provided(silent)


def test_a_build_of_something_else(path: Path):
    fake_go(path / "go", built="git")

    with pytest.raises(StackError, match=r"^the Toxiproxy just built says that it is git, not 2.12.0"):
        toxiproxy.provided(silent)
