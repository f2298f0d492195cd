"""What the command line says of what cannot be: one sentence on stderr, exit code 3, and nothing left running."""

import os
import re
import shutil
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import cli
from harness.stack import cache, erlang, provision_faketime, provision_rabbitmq
from tests.histories import journal
from tests.leaks.killed import listening
from tests.stack.programs import bare_path

Said = Callable[..., str]
TOOLS = ("localstack-*", "rabbitmq-*", "toxiproxy-*", "uv-*")


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with the tools of the real one in it, and no stack that is up."""
    real, own = cache.folder(), tmp_path / "cache"
    own.mkdir()
    for pattern in TOOLS:
        for tool in real.glob(pattern):
            (own / tool.name).symlink_to(tool)
    monkeypatch.setenv("HARNESS_CACHE", str(own))
    return own


@pytest.fixture
def said(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Said:
    """Run a command that fails with exit code 3 and leaves nothing; return what it says last."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))

    def run(*arguments: object) -> str:
        before = listening(os.getpid())
        with pytest.raises(SystemExit, match=r"^3$"):
            cli.main([str(one) for one in arguments])
        assert list(temporary.iterdir()) == []
        assert listening(os.getpid()) == before
        return capfd.readouterr().err.strip().splitlines()[-1]

    return run


def test_an_option_that_is_none(said: Said):
    found = said("up", "--nope")
    assert found.startswith("harness: No such option: --nope")
    assert found.endswith("; see harness --help")


def test_a_command_that_is_none(said: Said):
    assert said("upp").startswith("harness: No such command 'upp'")


def test_a_port_that_is_taken(said: Said, own_cache: Path, monkeypatch: pytest.MonkeyPatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("HARNESS_RABBITMQ_PORT", str(port))
        text = said("up")
    assert re.fullmatch(
        rf"harness: port {port} of 127\.0\.0\.1 \(HARNESS_RABBITMQ_PORT\) cannot be used: process {os.getpid()} \(.+\);"
        " stop that program, or set HARNESS_RABBITMQ_PORT to another port",
        text,
    )
    assert not (own_cache / "running.json").exists()


def test_a_port_that_is_none(said: Said, own_cache: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HARNESS_RABBITMQ_PORT", "amqp")
    text = said("up")
    assert text == "harness: HARNESS_RABBITMQ_PORT=amqp is not a port; it is a number from 1 to 65535, or unset for any free port"
    assert not (own_cache / "running.json").exists()


@pytest.mark.parametrize("speed", ["0", "-20", "7", "101"])
def test_a_speed_that_is_no_step(said: Said, own_cache: Path, speed: str):
    assert said("up", f"--speed={speed}") == f"harness: --speed={speed}: choose one of 1, 20, 100"
    assert not (own_cache / f"running-x{speed}.json").exists()


def test_a_libfaketime_without_the_symbol(said: Said, own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    old = tmp_path / "faketime" / provision_faketime.LIBRARY
    old.parent.mkdir()
    old.write_text("an older one, as bookworm has it")
    monkeypatch.setattr(provision_faketime, "SYSTEM", (str(old.parent),))
    monkeypatch.setattr(shutil, "which", lambda _: None)
    text = said("up", "--speed=20")
    assert text == (
        f"harness: time cannot be compressed: {old} lacks sem_clockwait, and libfaketime needs make and cc to be built; install"
        " make and a C compiler, so that it can be built, or a libfaketime with sem_clockwait (0.9.11 or later)"
    )
    assert not (own_cache / "running-x20.json").exists()


@pytest.mark.parametrize("command", ["up", "status", "doctor", "provision"])
def test_a_cache_folder_that_is_a_file(said: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str):
    (tmp_path / "taken").touch()
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "taken"))
    assert said(command) == (
        f"harness: the cache folder {tmp_path}/taken is a file, or lies below one; let HARNESS_CACHE name a folder that can be"
        " written to"
    )


@pytest.mark.parametrize("command", ["up", "provision"])
def test_a_machine_that_has_no_rabbitmq_and_cannot_get_it(
    said: Said, own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
):
    for one in list(own_cache.glob("rabbitmq-*")):  # all of them: a folder that changes while it is listed hides some
        one.unlink()
    monkeypatch.setattr(erlang, "DISTRIBUTIONS", tmp_path / "none")
    monkeypatch.setattr(provision_rabbitmq, "DISTRIBUTIONS", tmp_path / "none")
    bare_path(tmp_path / "bin", monkeypatch)
    assert re.fullmatch(r"harness: .*no apt-get.*install rabbitmq-server.*", said(command), re.IGNORECASE)


def test_a_journal_with_a_line_that_is_none(said: Said, tmp_path: Path):
    path = journal(tmp_path, "0.1 harness attempted q a", "0.2 harness acknowledged q a", "0.3 drained quiet")
    lines = path.read_text().splitlines()
    lines[3] = lines[3][:-5]
    path.write_text("\n".join(lines) + "\n")
    text = said("recheck", path.parent)
    assert re.fullmatch(rf"harness( recheck)?: {re.escape(str(path))}:4 is not an event: .+", text)


def test_a_run_that_is_none(said: Said, tmp_path: Path):
    text = said("recheck", tmp_path / "nowhere")
    assert str(tmp_path / "nowhere") in text
