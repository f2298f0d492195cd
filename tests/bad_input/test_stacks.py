"""A stack that cannot be had as it was asked for: one sentence that names the thing and the mend, and nothing left running.

Of what two runs want at once the second is told, and where they want nothing of each other both go well.
"""

import re
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.stack import Stack
from harness.stack.probe import basic, request
from tests.leaks.killed import victim
from tests.plugin.driven import HEAD, Done, pytest_on

TEXT = "def test_first(sandbox): pass\n"
TWO_JOBS = f"{HEAD}def test_two_jobs(sandbox): require(nothing_dead_lettered(two_jobs(sandbox)))\n"
WAITS = """
import sys, time
def test_that_waits(sandbox, capfd):
    with capfd.disabled():
        print("the stack is there", file=sys.stderr, flush=True)
    time.sleep(600)
"""
USER = "harness-test-no-administrator"


def told(folder: Path, given: dict[str, str]) -> str:
    """Return what is said of a test whose stack cannot be had, and hold that nothing of it is left."""
    with victim(folder, given, TEXT) as one:
        status = one.process.wait(120)
    assert status == 1, one.said
    assert one.left_after() == []
    return Done(status, one.said, folder).failure("test_first")


def test_a_docker_daemon_that_is_down(tmp_path: Path):
    text = told(tmp_path, {"HARNESS_STACK": "containers", "DOCKER_HOST": f"unix://{tmp_path}/docker.sock"})
    assert text == (
        "StackError: no Docker daemon answers ([Errno 2] No such file or directory); start one this user may talk to,"
        " or take --harness-stack=native"
    )


@pytest.fixture
def no_administrator(stack: Stack) -> Iterator[tuple[str, str]]:
    """A user of the broker who may not make vhosts."""
    path, headers = f"/api/users/{USER}", basic(stack.user, stack.password)
    request(stack.management, "PUT", path, body={"password": "theirs", "tags": "management"}, headers=headers)
    yield USER, "theirs"
    request(stack.management, "DELETE", path, headers=headers)


def test_an_external_stack_whose_password_is_wrong(tmp_path: Path, addresses: dict[str, str], stack: Stack):
    text = told(tmp_path, {**addresses, "HARNESS_RABBITMQ_URL": f"amqp://{stack.user}:wrong@{stack.rabbitmq}"})
    assert text == (
        f"StackError: RabbitMQ's management at {stack.management} (HARNESS_RABBITMQ_MANAGEMENT_ADDRESS) refuses user and"
        " password; let HARNESS_RABBITMQ_URL name an administrator"
    )


def test_an_external_stack_whose_user_may_not_make_vhosts(
    tmp_path: Path, addresses: dict[str, str], stack: Stack, no_administrator: tuple[str, str]
):
    text = told(tmp_path, {**addresses, "HARNESS_RABBITMQ_URL": f"amqp://{':'.join(no_administrator)}@{stack.rabbitmq}"})
    assert text == (
        f"StackError: RabbitMQ's management at {stack.management} (HARNESS_RABBITMQ_MANAGEMENT_ADDRESS) lets user {USER!r} in,"
        " but not make the vhost that each sandbox has: it is no administrator; let HARNESS_RABBITMQ_URL name an administrator"
    )


def test_two_runs_at_once_have_a_world_each(tmp_path: Path, addresses: dict[str, str]):
    folders = [tmp_path / "one", tmp_path / "two"]
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda folder: pytest_on(made(folder), TWO_JOBS, more=addresses), folders)

    assert (first.status, second.status) == (0, 0), first.printed + second.printed
    assert first.entry("test_two_jobs").outcome == second.entry("test_two_jobs").outcome == "kept"


def test_two_runs_at_once_that_want_the_same_port(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as found:
        ports = {"HARNESS_STACK": "native", "HARNESS_TOXIPROXY_PORT": str(found.getsockname()[1])}
    with victim(made(tmp_path / "first"), ports, WAITS) as first:
        first.await_said("the stack is there", within=300)
        second = told(tmp_path / "second", ports)
        first.end(signal.SIGINT)

    assert re.fullmatch(
        r"StackError: port \d+ of 127\.0\.0\.1 \(HARNESS_TOXIPROXY_PORT\) cannot be used: process \d+ \(.+\);"
        r" stop that program, or set HARNESS_TOXIPROXY_PORT to another port",
        second,
    )
    assert first.left_after() == []


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder
