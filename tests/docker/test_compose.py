"""docker-compose.yml as its head says to use it: brought up, a scenario run against it, brought down."""

import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.address import free_port
from harness.engine.daemon import connected
from tests.docker import compose
from tests.plugin.driven import HEAD, pytest_on

FILE = Path(__file__).parents[2] / "docker-compose.yml"
PORTS = ("LOCALSTACK_PORT", "RABBITMQ_PORT", "RABBITMQ_MANAGEMENT_PORT", "TOXIPROXY_PORT")
TOLD = f"""{HEAD}
@scenario("T-1", "baseline")
def test_kept(sandbox):
    require(nothing_dead_lettered(two_jobs(sandbox)))
"""


class Project:
    """The services of the file under a name and on ports of their own."""

    def __init__(self) -> None:
        self.name = f"harness-test-{uuid.uuid4().hex[:8]}"
        self.ports = {name: str(free_port()) for name in PORTS}

    def run(self, *arguments: str) -> None:
        """Call compose; raises CalledProcessError, with what it said in the captured output."""
        words = [*compose.command(), "--project-name", self.name, "--file", str(FILE), *arguments]
        subprocess.run(words, env={**os.environ, **self.ports}, check=True, timeout=600)

    def left(self) -> list[str]:
        """Return the names of its containers."""
        client = connected()
        found = client.containers.list(all=True, filters={"label": f"com.docker.compose.project={self.name}"})
        client.close()
        return [str(one.name) for one in found]

    def addresses(self) -> dict[str, str]:
        """Return what the head of the file says to export."""
        localstack, rabbitmq, management, toxiproxy = (f"127.0.0.1:{self.ports[name]}" for name in PORTS)
        return {
            "HARNESS_LOCALSTACK_ADDRESS": localstack,
            "HARNESS_RABBITMQ_URL": f"amqp://harness:harness@{rabbitmq}",
            "HARNESS_RABBITMQ_MANAGEMENT_ADDRESS": management,
            "HARNESS_TOXIPROXY_ADDRESS": toxiproxy,
        }


@pytest.fixture
def project() -> Iterator[Project]:
    if not compose.command():
        pytest.skip("there is no docker compose here; install its plugin, or run tests/docker/stand_ins.py, which unpacks one")
    one = Project()
    yield one
    one.run("down", "--volumes")


def test_a_scenario_is_kept_on_the_stack_of_the_compose_file(project: Project, tmp_path: Path):
    project.run("up", "--detach", "--wait")
    done = pytest_on(tmp_path, TOLD, "--harness-stack=external", more=project.addresses())
    project.run("down")

    assert done.status == 0, done.printed
    assert done.entry("test_kept").outcome == "kept"
    assert project.left() == []


@pytest.mark.parametrize("name", list(Project().addresses()))
def test_every_variable_is_named_in_the_head_of_the_file(name: str):
    assert f"export {name}=" in FILE.read_text()
