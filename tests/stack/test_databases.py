"""The databases of a run, started once by its warden; what the harness asks them itself; what is told where there are none."""

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.address import LOOPBACK, Address, free_port
from harness.errors import MissingToolError, StackLostError
from harness.stack import databases, probe_databases
from harness.stack.databases import USER, Databases
from harness.stack.probe import NoAnswerError
from harness.warden import Warden
from tests.stack.programs import bare_path, silent


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    warden = Warden.start()
    yield Databases(lambda: warden, tmp_path_factory.mktemp("logs"), silent)
    warden.end()


@pytest.fixture
def saying(request: pytest.FixtureRequest) -> Iterator[Address]:
    """A server that says one thing to everybody."""
    with socket.create_server((LOOPBACK, 0)) as listener:

        def serve() -> None:
            one, _ = listener.accept()
            with one:
                one.recv(4096)
                one.sendall(request.param)

        thread = threading.Thread(target=serve)
        thread.start()
        yield Address(LOOPBACK, listener.getsockname()[1])
        thread.join(60)


def test_each_is_started_once_and_forgotten_at_the_end(running: Databases):
    first, second = running.postgres(), running.postgres()
    numbers = {running.number() for _ in range(3)}

    assert first == second
    assert first.version[0].isdigit()
    assert running.redis() == running.redis()
    assert len(numbers) == 3


def test_rows_come_as_text_and_a_refusal_leaves_the_session_usable(running: Databases):
    session = probe_databases.Session(running.postgres().address, USER, "template1")
    rows = session.rows("SELECT 1, NULL, 'ä'")
    with pytest.raises(probe_databases.QueryError, match="PostgreSQL refuses 'SELECT nothing': column") as refused:
        session.rows("SELECT nothing")
    again = session.rows("SELECT 2")
    session.close()

    assert (rows, again, refused.value.code) == ([("1", None, "ä")], [("2",)], "42703")


def test_a_database_that_is_not_there(running: Databases):
    with pytest.raises(probe_databases.QueryError, match='database "nope" does not exist'):
        probe_databases.Session(running.postgres().address, USER, "nope")


def test_nobody_answers():
    nobody = Address(LOOPBACK, free_port())
    with pytest.raises(NoAnswerError, match="does not answer"):
        probe_databases.postgres(nobody, USER)
    with pytest.raises(NoAnswerError, match="does not answer"):
        probe_databases.redis(nobody)
    with pytest.raises(StackLostError, match=r"Redis at .* does not answer any more"):
        probe_databases.flush(nobody, 1)


@pytest.mark.parametrize("saying", [b"-ERR no\r\n"], indirect=True)
def test_something_else_than_redis_answers(saying: Address):
    with pytest.raises(NoAnswerError, match="answers, but not as Redis does: '-ERR no"):
        probe_databases.redis(saying)


@pytest.mark.parametrize("saying", [b"-ERR DB index is out of range\r\n+OK\r\n"], indirect=True)
def test_a_redis_that_does_not_forget(saying: Address):
    with pytest.raises(StackLostError, match="did not forget: '-ERR DB index"):
        probe_databases.flush(saying, 1)


@pytest.mark.parametrize("saying", [b"R\0\0"], indirect=True)
def test_a_postgres_that_ends_in_the_middle(saying: Address):
    with pytest.raises(NoAnswerError, match="has closed the connection"):
        probe_databases.postgres(saying, USER)


@pytest.mark.parametrize(
    ("user", "prefix"), [(1000, ()), (0, ("unshare", "--user", "--ipc", "--map-user=1000", "--map-group=1000"))]
)
def test_postgres_is_never_started_as_root(monkeypatch: pytest.MonkeyPatch, user: int, prefix: tuple[str, ...]):
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setattr("shutil.which", lambda _: "/usr/bin/unshare")

    assert databases.as_user() == prefix


def test_root_without_unshare_is_told_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    bare_path(tmp_path / "bin", monkeypatch)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(MissingToolError, match="PostgreSQL does not run as root, and this machine has no unshare"):
        databases.as_user()
