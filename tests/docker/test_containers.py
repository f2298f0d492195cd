"""The stack in containers: it works, only loopback reaches it, and nothing of it survives its run, whatever ends that."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import docker
import pytest

from harness import clock
from harness.stack import containers, provision_toxiproxy
from harness.stack.provision import silent
from harness.stack.reaper import LABEL, reap
from harness.warden import Warden

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


def left(run_id: str) -> int:
    return len(docker.from_env().containers.list(all=True, filters={"label": f"{LABEL}={run_id}"}, ignore_removed=True))


@pytest.mark.parametrize("speed", [1, 20], ids=["real", "compressed"])
def test_the_three_are_up_on_loopback_and_gone_at_the_end(tmp_path: Path, speed: int):
    warden = Warden.start(tmp_path / "run")
    stack = containers.start(warden, lambda: provision_toxiproxy.provided(silent).path, speed=speed)
    there = docker.from_env().containers.list(filters={"label": f"{LABEL}={warden.run_id}"})
    published = [one for container in there for ports in container.ports.values() for one in ports or ()]
    warden.end()

    assert len(there) == 3
    assert {one["HostIp"] for one in published} == {"127.0.0.1"}
    assert (stack.kind, stack.speed, stack.versions["toxiproxy"]) == ("containers", speed, "2.12.0")
    assert left(warden.run_id) == 0


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


def test_what_a_run_left_is_removed_by_its_label():
    client = docker.from_env()
    client.networks.create("harness-left", labels={LABEL: "a-run"})
    client.volumes.create("harness-left", labels={LABEL: "a-run"})
    client.containers.create(containers.IMAGES["toxiproxy"], labels={LABEL: "a-run"})

    assert reap("a-run") == 3
    assert reap("a-run") == 0
