"""What a service in a container is beside its scenario: who reaches its links, how it ends, how it is told to send."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from harness import Sandbox, Service, require
from harness.address import Address
from harness.checks import accounted, recovered, survived
from harness.engine.daemon import connected
from harness.engine.reaper import LABEL
from harness.errors import HarnessError, StartError, UsageError
from harness.faults import kill
from tests.docker import images
from tests.docker.worlds import World, as_fixed, as_it_was
from tests.sandboxes import Tell

HANDLES = """
import runpy, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
runpy.run_path("writer.py", run_name="__main__")
"""
DIES_ONCE = """
import os, pathlib, requests, runpy
asked, first = requests.Session.request, pathlib.Path("/tmp/first")
def dies(*arguments, **options):
    if not first.exists():
        first.touch()
        print("dies", flush=True)
        os._exit(4)
    return asked(*arguments, **options)
requests.Session.request = dies
runpy.run_path("writer.py", run_name="__main__")
"""
ASKS = "GET / HTTP/1.1\\r\\nHost: tcs\\r\\n\\r\\n"
CONNECT = f"""
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), 60) as one:
    one.sendall(b"{ASKS}")
    sys.exit(0 if one.recv(1) else 1)
"""
EXPORTER = """
import http.server, json, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(200)
    def do_POST(self):
        told = self.rfile.read(int(self.headers["Content-Length"]))
        print("told to send", told.decode(), flush=True)
        self.answer(200 if b"1" in told else 500)
    def answer(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()
http.server.HTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
"""
ASKED = """
name = "exporter"
image = "{image}"
ready = "http"
[environment]
PORT = "{{port}}"
[sends]
jobs = {{ http = "POST /exports" }}
"""


@pytest.fixture
def sandbox(tell: Tell) -> Iterator[Sandbox]:
    with tell("baseline") as one:
        yield one


def from_a_container(network: str, at: Address) -> bool:
    """Tell whether a container on this network gets an answer there."""
    client = connected()
    try:
        client.containers.run(images.WRITER, ["python3", "-c", CONNECT, at.host, str(at.port)], network=network, remove=True)
    except docker.errors.ContainerError:
        return False
    finally:
        client.close()
    return True


def from_here(at: Address) -> bool:
    """Tell whether a process of this machine gets an answer there."""
    command = [sys.executable, "-c", CONNECT, at.host, str(at.port)]
    return subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0


def test_links_are_reached_from_the_bridge_of_the_run_and_from_nowhere_else(sandbox: Sandbox, image: str):
    world = World(sandbox, as_fixed(image))
    link = Address.parse(world.environment()["TCS_URL"].removeprefix("http://"))
    reached = {
        "its own": from_a_container(world.network(), link),
        "another": from_a_container("bridge", link),
        "this machine": from_here(link),
        "its loopback": from_here(Address("127.0.0.1", link.port)),
    }

    assert reached == {"its own": True, "another": False, "this machine": False, "its loopback": False}


def test_a_container_is_gone_with_its_scenario_and_its_network_with_the_run(tell: Tell, image: str):
    with tell("baseline") as sandbox:
        world = World(sandbox, as_fixed(image))
        run_id = world.network().partition("-")[2]
        before = labelled(run_id)
    assert before == (1, 1)
    assert labelled(run_id) == (0, 1)


def labelled(run_id: str) -> tuple[int, int]:
    client, label = connected(), {"label": f"{LABEL}={run_id}"}
    found = len(client.containers.list(all=True, filters=label)), len(client.networks.list(filters=label))
    client.close()
    return found


def test_a_first_process_that_handles_no_sigterm_ignores_it_and_is_killed_for_its_restart(sandbox: Sandbox, image: str):
    world = World(sandbox, as_fixed(image))
    history = world.told(kill(world.writer, begins=world.tcs.answered(5), lasts=1, signal="TERM"))

    assert world.exits(history)[0] == ("harness", 137)


def test_one_that_handles_it_ends_as_it_says(sandbox: Sandbox, image: str):
    world = World(sandbox, as_fixed(image, "python3", "-c", HANDLES))
    history = world.told(kill(world.writer, begins=world.tcs.answered(5), lasts=1, signal="TERM"))
    require(accounted(history), recovered(history, within=30))

    assert world.exits(history)[0] == ("harness", 3)


def test_an_exit_of_its_own_is_recorded_and_a_supervisor_starts_it_again(sandbox: Sandbox, image: str):
    world = World(sandbox, as_fixed(image, "python3", "-c", DIES_ONCE), restart_after=1)
    history = world.told()
    require(accounted(history), survived(history).broken_as("exited"))

    assert world.exits(history)[0] == ("", 4)
    assert world.writer.log.read_text().count("dies") == 1


def test_a_deploy_is_another_container_with_the_same_wiring(sandbox: Sandbox, image: str):
    world = World(sandbox, as_fixed(image, "python3", "-c", HANDLES))
    first = world.told()
    before = world.inspected()["Id"], world.environment()["ON_FAILURE"]
    world.writer.upgrade(as_it_was(image))
    second = world.told()
    after = world.inspected()["Id"], world.environment()["ON_FAILURE"]
    require(accounted(first), accounted(second))

    assert before[0] != after[0]
    assert (before[1], after[1]) == ("retry later", "reject")


def test_a_process_does_not_become_a_container(sandbox: Sandbox, image: str):
    world = World(sandbox, as_fixed(image))
    with pytest.raises(UsageError, match=r"a process and a container cannot have the same wiring$"):
        world.writer.upgrade(Service("esr-writer", command=["writer"]))


@pytest.mark.parametrize(
    ("image_", "command", "said"),
    [
        (
            "harness-test/nowhere:1",
            (),
            r"esr-writer: the image harness-test/nowhere:1 is not here and cannot be pulled \(.+\); build",
        ),
        (images.WRITER, ("writer",), r"esr-writer: its container cannot be started: .*writer.* not found"),
    ],
    ids=["no image", "no command"],
)
@pytest.mark.usefixtures("image")
def test_what_cannot_be_started_is_named(sandbox: Sandbox, image_: str, command: tuple[str, ...], said: str):
    with pytest.raises(StartError, match=said):
        World(sandbox, as_fixed(image_, *command))


def test_a_death_before_ready_is_told_with_status_and_last_lines(sandbox: Sandbox, image: str):
    world = World(sandbox, as_fixed(image, "python3", "-c", "raise SystemExit('DATABASE_URL is not set')"))
    with pytest.raises(StartError, match=r"ended before it was ready, with exit status 1; its last lines in .*\nDATABASE_URL is"):
        world.told()


def test_one_that_is_told_by_http_to_send_is_asked_on_its_own_network(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    name = images.made(tmp_path, "harness-test/exporter:1", "exporter.py", {"exporter.py": EXPORTER})
    (tmp_path / "services" / "exporter").mkdir(parents=True)
    (tmp_path / "services" / "exporter" / "service.toml").write_text(ASKED.format(image=name))
    monkeypatch.setenv("HARNESS_SERVICES", str(tmp_path / "services"))
    jobs = sandbox.rabbitmq.queue("jobs", key="/id")
    exporter = sandbox.start(Service.named("exporter"), uses={"AMQP_URL": sandbox.rabbitmq})
    jobs.publish([{"id": 1}], by=exporter)
    with pytest.raises(HarnessError, match=r"^exporter answered 500 to POST /exports, when told to send to jobs\. Its last log"):
        jobs.publish([{"id": 2}], by=exporter)
