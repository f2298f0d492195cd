"""Services under test as containers: on a network of their run, ended and removed with it, and otherwise like any process.

A container is started anew after its exit as docker's restart policy does it: the same container, with what it wrote. A deploy is
another container. Its first process is the service's own, as in production: one that handles no SIGTERM ignores it there.
"""

import contextlib
import signal
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from harness.address import Interface
from harness.engine import bridge
from harness.engine.daemon import absent, connected, first
from harness.engine.reaper import LABEL
from harness.errors import StartError
from harness.services.parts import Launch
from harness.warden import Child, Warden

NEVER = -1
"""The pid of a container that had ended before it could be asked for; 0 would be everybody's ancestor."""
LOST = -int(signal.SIGKILL)
HEAD = struct.Struct(">4xL")
SO_ALREADY = (404, 409)
NOT_FROZEN = "is not paused"
"""What docker answers with status 500, to whoever wakes one that does not stand still."""


class Containers:
    """What containers of one run need: the daemon, and their network, made when the first service asks.

    `lost` is told a sentence when the daemon is gone.
    """

    def __init__(self, warden: Callable[[], Warden], progress: Callable[[str], None], lost: Callable[[str], None]) -> None:
        self._warden = warden
        self._progress = progress
        self.lost = lost
        self._at: Interface | None = None

    @property
    def at(self) -> Interface:
        """Where links listen for services in containers. Raises StackError where no daemon answers, or none of this machine."""
        if self._at is None:
            warden = self._warden()
            with contextlib.closing(connected()) as client:
                warden.at_end([sys.executable, "-m", "harness.engine.reaper", warden.run_id])
                self._at = bridge.made(client, warden.run_id)
        return self._at

    @property
    def run_id(self) -> str:
        """The run whose label every container carries."""
        return self._warden().run_id

    def end(self) -> None:
        """Forget the network: it went with the warden of its run."""
        self._at = None

    def made(self, launch: Launch, log: Path) -> "Container":
        """Make the container of a service that writes its output to `log`; it is not started.

        Raises StartError where its image is neither here nor to be had, or docker refuses to make a container of it.
        """
        image = str(launch.image)
        with contextlib.closing(connected()) as client:
            missing = absent(client, image, self._progress)
            if missing:
                message = f"{log.stem}: {missing}; build it on this machine, or name an image that can be had"
                raise StartError(message)
            return Container(self, _created(client, launch, log, self.at, self.run_id), log)


def _created(client: Any, launch: Launch, log: Path, at: Interface, run_id: str) -> str:
    """Make the container and return its id."""
    from docker.errors import APIError  # noqa: PLC0415 (half a second that runs without containers need not pay)
    from docker.types import LogConfig  # noqa: PLC0415 (as above)

    # What it says is read while it runs; a second copy would fill the daemon's disk.
    host = client.api.create_host_config(network_mode=at.device, log_config=LogConfig(type="none"))
    try:
        made = client.api.create_container(
            launch.image,
            command=list(launch.command) or None,
            environment=dict(launch.environment),
            labels={LABEL: run_id},
            host_config=host,
            use_config_proxy=False,
        )
    except APIError as error:
        message = f"{log.stem}: docker makes no container of {launch.image}: {first(error)}"
        raise StartError(message) from error
    return str(made["Id"])


class Container:
    """One container of a service; called, it is started (again). Safe to use from several threads."""

    def __init__(self, containers: Containers, ident: str, log: Path) -> None:
        self._containers = containers
        self._ident = ident
        self._log = log
        log.parent.mkdir(parents=True, exist_ok=True)

    def __call__(self) -> Child:
        """Start it, with its output in its log. Raises StartError where it cannot be started, as when its command is nowhere."""
        from docker.errors import APIError  # noqa: PLC0415 (as above)

        self._log.touch()
        child = Child(self._asked, 0, self._log.stem, self._log)
        client = connected()
        # Attached before it runs, so that its first line is not missed.
        output = _attached(client.api, self._ident)
        try:
            client.api.start(self._ident)
        except APIError as error:
            output.close()
            client.close()
            message = f"{child.name}: its container cannot be started: {first(error)}"
            raise StartError(message) from error
        child.pid = client.api.inspect_container(self._ident)["State"]["Pid"] or NEVER
        threading.Thread(target=self._follow, args=(child, client, output), name=f"output of {child.name}", daemon=True).start()
        return child

    def _follow(self, child: Child, client: Any, output: Any) -> None:
        """Write down what it says; tell its exit status when it has ended and everything is written."""
        from docker.errors import APIError  # noqa: PLC0415 (as above)
        from requests import RequestException  # noqa: PLC0415 (as above)

        status = LOST
        try:
            with output, self._log.open("ab", buffering=0) as log:
                for part in _parts(output.raw):
                    with contextlib.suppress(OSError):  # a full disk ends no service
                        log.write(part)
            status = client.api.wait(self._ident)["StatusCode"]
        except (APIError, RequestException, OSError) as error:
            self._containers.lost(f"Docker lost the container of {child.name}: {first(error)}")
        client.close()
        child.ended(status)

    def _asked(self, request: dict[str, object]) -> dict[str, Any]:
        """Do what is asked of a process's warden: kill it, signal it, or have it stand still and go on."""
        with contextlib.closing(connected()) as client:
            if request["do"] == "kill":
                self._tell(client.api.kill)
                self._tell(client.api.unpause)  # the kernel kills nobody who is frozen
                self._tell(client.api.wait)
            elif request["number"] == int(signal.SIGSTOP):
                self._tell(client.api.pause)
            elif request["number"] == int(signal.SIGCONT):
                self._tell(client.api.unpause)
            else:
                self._tell(lambda ident: client.api.kill(ident, request["number"]))
        return {}

    def _tell(self, act: Callable[[str], object]) -> None:
        """Do this to the container, unless it is so already: ended, frozen, or not."""
        from docker.errors import APIError  # noqa: PLC0415 (as above)

        try:
            act(self._ident)
        except APIError as error:
            if error.status_code not in SO_ALREADY and NOT_FROZEN not in str(error):
                raise

    def host(self) -> str:
        """Return the address of its own ports, which only this machine and its network reach; empty where it does not run."""
        with contextlib.closing(connected()) as client:
            networks = client.api.inspect_container(self._ident)["NetworkSettings"]["Networks"]
        return str(networks[self._containers.at.device]["IPAddress"])

    def remove(self) -> None:
        """Have it gone, and what it kept."""
        with contextlib.closing(connected()) as client:
            self._tell(lambda ident: client.api.remove_container(ident, v=True, force=True))


def _attached(api: Any, ident: str) -> Any:
    """Return the answer that goes on for as long as the container runs; docker's own client leaves its socket open."""
    url = f"{api.base_url}/v{api.api_version}/containers/{ident}/attach"
    answer = api.post(url, params={"stdout": 1, "stderr": 1, "stream": 1}, stream=True, timeout=None)
    answer.raise_for_status()
    return answer


def _parts(stream: Any) -> Iterator[bytes]:
    """Yield what is said in one of docker's streams: each part has a head of its channel and its length."""
    while len(head := stream.read(HEAD.size)) == HEAD.size:
        yield stream.read(HEAD.unpack(head)[0])
