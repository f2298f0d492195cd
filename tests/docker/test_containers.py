"""The stack in containers: it works, only loopback reaches it, and nothing of it survives its run, whatever ends that."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness import clock
from harness.engine.daemon import connected
from harness.engine.reaper import LABEL, reap
from harness.errors import StackError
from harness.stack import containers, provision_toxiproxy
from harness.stack.provision import silent
from harness.warden import Warden
from tests.docker import images
from tests.docker.worlds import FIXED
from tests.leaks.killed import victim

OWNER = """
import sys, time
from pathlib import Path
from harness.stack import containers, provision_toxiproxy
from harness.warden import Warden
warden = Warden.start(Path(sys.argv[1]))
containers.start(warden, lambda: provision_toxiproxy.provided(print).path)
print("up", warden.run_id, flush=True)
time.sleep(600)
"""
TEXT = """
import sys

import pytest

from harness import Service


@pytest.mark.scenario("leaks", "baseline")
def test_a_world_with_a_container(sandbox, capfd):
    tcs = sandbox.http("tcs", key="/placementId")
    sandbox.rabbitmq.queue("placement-exported", key="/placementId", effect=tcs)
    writer = Service("esr-writer", image="{image}", environment={environment})
    sandbox.start(writer, uses={{"AMQP_URL": sandbox.rabbitmq, "TCS_URL": tcs}})
    sandbox.inject()
    with capfd.disabled():
        print("the drain begins", file=sys.stderr, flush=True)
    sandbox.until(tcs.requested(), within=600)
"""


def left(*runs: str) -> int:
    """Return how many containers and networks of these runs there are."""
    with contextlib.closing(connected()) as client:
        labels = [{"label": f"{LABEL}={run_id}"} for run_id in runs]
        return sum(
            len(client.containers.list(all=True, filters=label, ignore_removed=True)) + len(client.networks.list(filters=label))
            for label in labels
        )


@pytest.mark.parametrize("speed", [1, 20], ids=["real", "compressed"])
def test_the_three_are_up_on_loopback_and_gone_at_the_end(tmp_path: Path, speed: int):
    warden = Warden.start(tmp_path / "run")
    stack = containers.start(warden, lambda: provision_toxiproxy.provided(silent).path, speed=speed)
    with contextlib.closing(connected()) as client:
        there = client.containers.list(filters={"label": f"{LABEL}={warden.run_id}"})
    published = [one for container in there for ports in container.ports.values() for one in ports or ()]
    warden.end()

    assert len(there) == 3
    assert {one["HostIp"] for one in published} == {"127.0.0.1"}
    assert (stack.kind, stack.speed, stack.versions["toxiproxy"]) == ("containers", speed, "2.12.0")
    assert left(warden.run_id) == 0


def test_a_server_that_cannot_load_its_clock_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(containers, "LIBRARY", "/" + "root/clock.so")  # where RabbitMQ's user may not look
    warden = Warden.start(tmp_path / "run")
    with pytest.raises(StackError, match=r"time does not pass 20 times faster in RabbitMQ at 127\.0\.0\.1:\d+: it shows "):
        containers.start(warden, lambda: provision_toxiproxy.provided(silent).path, speed=20)
    there = left(warden.run_id)
    warden.end()

    assert there == 0


def test_kill_9_of_the_owner_leaves_no_container(tmp_path: Path):
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(tmp_path / "run")], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    run_id = next(line.split()[1] for line in owner.stdout if line.startswith("up "))
    before = left(run_id)
    os.kill(owner.pid, signal.SIGKILL)
    owner.wait()
    owner.stdout.close()
    folder = tmp_path / "run"
    clock.eventually(lambda: left(run_id) == 0 and not folder.exists(), awaited="the end of the containers", within=60)

    assert before == 3


@pytest.mark.parametrize("kind", ["native", "containers", "external"])
def test_kill_9_of_pytest_leaves_nothing_of_a_service_in_a_container(
    tmp_path: Path, image: str, kind: str, addresses: dict[str, str]
):
    given = addresses if kind == "external" else {"HARNESS_STACK": kind}
    with victim(tmp_path, given, TEXT.format(image=image, environment=FIXED)) as one:
        one.await_said("the drain begins")
        one.processes()
        before = left(*one.runs)
        one.end(signal.SIGKILL)
    clock.eventually(lambda: left(*one.runs) == 0, awaited="the end of the containers", within=60)

    assert before == (5 if kind == "containers" else 2)  # the service, its network, and the stack's three
    assert one.left_after(within=30) == []


@pytest.mark.usefixtures("image")
def test_what_a_run_left_is_removed_by_its_label():
    with contextlib.closing(connected()) as client:
        client.networks.create("harness-left", labels={LABEL: "a-run"})
        client.volumes.create("harness-left", labels={LABEL: "a-run"})
        client.containers.create(images.WRITER, ["true"], labels={LABEL: "a-run"})

    assert reap("a-run") == 3
    assert reap("a-run") == 0
