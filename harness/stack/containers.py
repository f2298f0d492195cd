"""LocalStack, RabbitMQ and Toxiproxy in containers, published on loopback only, and gone with the run.

Each container carries a label of this run. Whatever ends the run, its warden carries out a last will: it removes everything with
that label. The reaper that testcontainers brings is another image to be pulled, and is not used.
Toxiproxy is on the host's network: its proxies are made at run time, and lead to taps that listen on the host's loopback.
"""

import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from harness import clock
from harness.address import LOOPBACK, Address, free_port
from harness.errors import StackError, TimedOutError
from harness.stack import probe, provision_faketime, tempo
from harness.stack.cache import Progress
from harness.stack.localstack import LOCALSTACK
from harness.stack.model import Stack
from harness.stack.probe import NoAnswerError
from harness.stack.reaper import LABEL
from harness.warden import Warden

IMAGES: Mapping[str, str] = {
    "localstack": "localstack/localstack:4.13.1",
    "rabbitmq": "rabbitmq:4-management",
    "toxiproxy": "harness-toxiproxy:2.12.0",
}
"""What is started unless HARNESS_LOCALSTACK_IMAGE and the like name another; the last is packed here, of the server itself."""
SOCKET = Path("/var/run/docker.sock")
USER = PASSWORD = "harness"  # noqa: S105 (RabbitMQ's guest may log in from the container's own loopback only)
WITHIN = 120.0
ON_LOOPBACK: Any = (LOOPBACK,)
"""How docker is told; testcontainers would publish on all addresses, and knows only numbers."""
PORTS = {"localstack": (4566,), "rabbitmq": (5672, 15672)}
SETTINGS: Mapping[str, Mapping[str, str]] = {
    "localstack": {
        name: value for name, value in LOCALSTACK.items() if name not in {"OVERRIDE_IN_DOCKER", "DOCKER_CMD", "DNS_ADDRESS"}
    },
    "rabbitmq": {"RABBITMQ_DEFAULT_USER": USER, "RABBITMQ_DEFAULT_PASS": PASSWORD},
}
DOCKERFILE = 'FROM scratch\nCOPY toxiproxy-server /toxiproxy-server\nENTRYPOINT ["/toxiproxy-server"]\n'


def image_of(part: str, series: str | None = None) -> str:
    """Return the image a part of the stack is started from; RabbitMQ's in this series, if one is given."""
    wanted = f"rabbitmq:{series}-management" if series and part == "rabbitmq" else IMAGES[part]
    return os.environ.get(f"HARNESS_{part.upper()}_IMAGE") or wanted


def missing(series: str | None = None) -> str:
    """Say why no containers can be started here: no daemon, or an image that is neither here nor to be had. Empty: they can."""
    if not (os.environ.get("DOCKER_HOST") or SOCKET.exists()):
        return "this machine has no Docker; install it, set DOCKER_HOST, or take --harness-stack=native"
    try:
        client = _client()
    except StackError as error:
        return str(error)
    for part in PORTS:
        reason = _absent(client, part, image_of(part, series))
        if reason:
            return reason
    return ""


def _client() -> Any:
    import docker  # noqa: PLC0415 (half a second that runs without containers need not pay)
    from docker.errors import DockerException  # noqa: PLC0415 (as above)

    try:
        client = docker.from_env()
        client.ping()
    except DockerException as error:
        message = f"no Docker daemon answers ({_first(error)}); start one this user may talk to, or take --harness-stack=native"
        raise StackError(message) from error
    return client


def _absent(client: Any, part: str, name: str) -> str:
    from docker.errors import APIError, ImageNotFound  # noqa: PLC0415 (as above)

    try:
        client.images.get(name)
    except ImageNotFound:
        try:
            client.images.pull(name)
        except APIError as error:
            return (
                f"the image {name} is not here and cannot be pulled ({_first(error)});"
                f" set HARNESS_{part.upper()}_IMAGE to one that is, or take --harness-stack=native"
            )
    return ""


def _first(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def start(
    warden: Warden,
    toxiproxy: Callable[[], Path],
    *,
    series: str | None = None,
    speed: int = 1,
    progress: Progress = lambda _: None,
) -> Stack:
    """Start the three and return when each answers; `toxiproxy` gives the server that is packed where no image of it is named.

    `series` is one of RabbitMQ (4.3). At a `speed` above 1 time passes so much faster in the two brokers.
    Raises StackError where no daemon answers, an image cannot be had, or a server is not ready in time; nothing is left then.
    """
    reason = missing(series)
    if reason:
        raise StackError(reason)
    client = _client()
    if image_of("toxiproxy") == IMAGES["toxiproxy"]:
        _packed(client, toxiproxy())
    clock_ = {} if speed == 1 else tempo.begun(warden.run_id, provision_faketime.provided(progress).path, speed, mode=0o666)
    warden.at_end([sys.executable, "-m", "harness.stack.reaper", warden.run_id])
    with ThreadPoolExecutor(3, thread_name_prefix="containers") as pool:
        images = {part: image_of(part, series) for part in IMAGES}
        parts = [pool.submit(_started, part, image, warden.run_id, clock_, progress) for part, image in images.items()]
        localstack, rabbitmq, proxy = (one.result() for one in parts)
    addresses = {
        "localstack": Address(LOOPBACK, localstack[4566]),
        "rabbitmq": Address(LOOPBACK, rabbitmq[5672]),
        "management": Address(LOOPBACK, rabbitmq[15672]),
        "toxiproxy": Address(LOOPBACK, proxy[0]),
    }
    versions = _ready(addresses, progress)
    return Stack(
        "containers",
        **addresses,
        user=USER,
        password=PASSWORD,
        versions=versions,
        speed=speed,
        clock=clock_,
        toxiproxy_kind="server",
    )


def _packed(client: Any, server: Path) -> None:
    """Make the image of the Toxiproxy server that set-up built: the published ones are older, or in another registry."""
    from docker.errors import ImageNotFound  # noqa: PLC0415 (as above)

    try:
        client.images.get(IMAGES["toxiproxy"])
    except ImageNotFound:
        with tempfile.TemporaryDirectory() as folder:
            context = Path(folder)
            (context / "Dockerfile").write_text(DOCKERFILE)
            (context / "toxiproxy-server").write_bytes(server.read_bytes())
            (context / "toxiproxy-server").chmod(0o755)
            client.images.build(path=folder, tag=IMAGES["toxiproxy"], rm=True)


def _started(part: str, image: str, run_id: str, tempo_: Mapping[str, str], progress: Progress) -> dict[int, int]:
    """Start one container; return the host's port for each of its own (Toxiproxy's own is that of the host, as 0).

    A compressed clock is shared with processes outside through the host's shared memory.
    """
    from testcontainers.core.config import testcontainers_config  # noqa: PLC0415 (as above)
    from testcontainers.core.container import DockerContainer  # noqa: PLC0415 (as above)

    testcontainers_config.ryuk_disabled = True
    container, number = DockerContainer(image), free_port()
    given: dict[str, Any] = {"labels": {LABEL: run_id}}
    if part == "toxiproxy":
        container.with_kwargs(network_mode="host", **given).with_command(["-host", LOOPBACK, "-port", str(number)])
    else:
        container.with_envs(**SETTINGS[part], **tempo_)
        container.ports = dict.fromkeys(map(str, PORTS[part]), ON_LOOPBACK)
        if tempo_:
            given["ipc_mode"] = "host"
            container.with_volume_mapping(tempo_["LD_PRELOAD"], tempo_["LD_PRELOAD"])
        container.with_kwargs(**given)
    try:
        container.start()
        ports = {port: int(container.get_exposed_port(port)) for port in PORTS.get(part, ())}
    except Exception as error:  # docker, requests and testcontainers have trees of errors of their own
        message = f"the container of {part} ({image}) cannot be started: {_first(error)}"
        raise StackError(message) from error
    progress(f"{part}: {image} is started")
    return ports or {0: number}


def _ready(at: Mapping[str, Address], progress: Progress) -> dict[str, str]:
    probe_of: Mapping[str, Callable[[], str]] = {
        "localstack": lambda: probe.localstack(at["localstack"]),
        "rabbitmq": lambda: _rabbitmq(at["rabbitmq"], at["management"]),
        "toxiproxy": lambda: probe.toxiproxy(at["toxiproxy"]),
    }
    began = clock.now()
    versions = {part: _answer(part, ask) for part, ask in probe_of.items()}
    progress(f"the containers are ready after {clock.now() - began:.1f} s")
    return versions


def _rabbitmq(amqp: Address, management: Address) -> str:
    probe.amqp(amqp)
    return probe.management(management, USER, PASSWORD)


def _answer(part: str, ask: Callable[[], str]) -> str:
    seen = "it does not answer yet"

    def look() -> str:
        nonlocal seen
        try:
            return ask()
        except NoAnswerError as error:
            seen = str(error)
            return ""

    try:
        return clock.eventually(look, awaited=part, within=WITHIN, every=0.1)
    except TimedOutError as error:
        licence = " (an image of 2026.3 or later demands a licence token: take 4.14.0 or older)" if part == "localstack" else ""
        message = f"{part} in its container was not ready within {WITHIN:g} s: it {seen}{licence}"
        raise StackError(message) from error
