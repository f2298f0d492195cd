"""LocalStack, RabbitMQ and Toxiproxy in containers, published on loopback only, and gone with the run.

Each container carries a label of this run. Whatever ends the run, its warden carries out a last will: it removes everything with
that label. The reaper that testcontainers brings is another image to be pulled, and is not used.
Toxiproxy is on the host's network: its proxies are made at run time, and lead to taps that listen on the host's loopback.
"""

import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import clock
from harness.address import LOOPBACK, Address, free_port
from harness.engine import daemon
from harness.engine.reaper import LABEL, STACK, reap
from harness.errors import StackError, TimedOutError
from harness.stack import probe, provision_faketime, tempo
from harness.stack.cache import Progress
from harness.stack.localstack import LOCALSTACK
from harness.stack.model import Stack
from harness.stack.probe import NoAnswerError
from harness.warden import Warden

IMAGES: Mapping[str, str] = {
    "localstack": "localstack/localstack:4.13.1",
    "rabbitmq": "rabbitmq:4-management",
    "toxiproxy": "harness-toxiproxy:2.12.0",
}
"""What is started unless HARNESS_LOCALSTACK_IMAGE and the like name another; the last is packed here, of the server itself."""
NATIVE = "--harness-stack=native"
USER = PASSWORD = "harness"  # noqa: S105 (RabbitMQ's guest may log in from the container's own loopback only)
WITHIN = 120.0
LAST_LINES = 12
LICENCE = re.compile(r"licen[cs]e|AUTH_TOKEN", re.IGNORECASE)
"""What LocalStack says since it has demanded a token, and ends with exit code 55; 4.14 was the last without."""
ON_LOOPBACK: Any = (LOOPBACK,)
"""How docker is told; testcontainers would publish on all addresses, and knows only numbers."""
PORTS = {"localstack": (4566,), "rabbitmq": (5672, 15672)}
SETTINGS: Mapping[str, Mapping[str, str]] = {
    "localstack": {
        name: value for name, value in LOCALSTACK.items() if name not in {"OVERRIDE_IN_DOCKER", "DOCKER_CMD", "DNS_ADDRESS"}
    },
    "rabbitmq": {"RABBITMQ_DEFAULT_USER": USER, "RABBITMQ_DEFAULT_PASS": PASSWORD},
}
LIBRARY = "/opt/harness/libfaketime.so"
"""Where a container finds the library of its clock: its servers run as users of their own, who may not look into everywhere."""
DOCKERFILE = 'FROM scratch\nCOPY toxiproxy-server /toxiproxy-server\nENTRYPOINT ["/toxiproxy-server"]\n'


def image_of(part: str, series: str | None = None) -> str:
    """Return the image a part of the stack is started from; RabbitMQ's in this series, if one is given."""
    wanted = f"rabbitmq:{series}-management" if series and part == "rabbitmq" else IMAGES[part]
    return os.environ.get(f"HARNESS_{part.upper()}_IMAGE") or wanted


def missing(series: str | None = None) -> str:
    """Say why no containers can be started here: no daemon, or an image that is neither here nor to be had. Empty: they can."""
    reason = daemon.unreachable()
    if reason:
        return f"{reason}, or take {NATIVE}"
    with contextlib.closing(daemon.connected()) as client:
        for part in PORTS:
            reason = daemon.absent(client, image_of(part, series))
            if reason:
                return f"{reason}; set HARNESS_{part.upper()}_IMAGE to one that is, or take {NATIVE}"
    return ""


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
    if image_of("toxiproxy") == IMAGES["toxiproxy"]:
        with contextlib.closing(daemon.connected()) as client:
            packed(client, toxiproxy())
    clock_ = {} if speed == 1 else tempo.begun(warden.run_id, provision_faketime.provided(progress).path, speed, mode=0o666)
    warden.at_end([sys.executable, "-m", "harness.engine.reaper", warden.run_id])
    labels = {LABEL: warden.run_id, STACK: f"{warden.run_id}-x{speed}"}
    try:
        at, versions = _up({part: image_of(part, series) for part in IMAGES}, labels, clock_, progress)
        stack = Stack(
            kind="containers",
            localstack=at["localstack"],
            rabbitmq=at["rabbitmq"],
            management=at["management"],
            toxiproxy=at["toxiproxy"],
            user=USER,
            password=PASSWORD,
            versions=versions,
            speed=speed,
            clock=clock_,
            toxiproxy_kind="server",
        )
        probe.hold_to_clock(stack)
    except BaseException:
        reap(labels[STACK], STACK)
        raise
    return stack


def _up(
    images: Mapping[str, str], labels: Mapping[str, str], clock_: Mapping[str, str], progress: Progress
) -> tuple[dict[str, Address], dict[str, str]]:
    """Start the three side by side; return where they listen, and in which versions they answer."""
    with ThreadPoolExecutor(len(images), thread_name_prefix="containers") as pool:
        parts = [pool.submit(_started, part, image, labels, clock_, progress) for part, image in images.items()]
        localstack, rabbitmq, proxy = (one.result() for one in parts)
    at = {
        "localstack": Address(LOOPBACK, localstack.ports[4566]),
        "rabbitmq": Address(LOOPBACK, rabbitmq.ports[5672]),
        "management": Address(LOOPBACK, rabbitmq.ports[15672]),
        "toxiproxy": Address(LOOPBACK, proxy.ports[0]),
    }
    probe_of: Mapping[_Started, Callable[[], str]] = {
        localstack: lambda: probe.localstack(at["localstack"]),
        rabbitmq: lambda: _rabbitmq(at["rabbitmq"], at["management"]),
        proxy: lambda: probe.toxiproxy(at["toxiproxy"]),
    }
    began = clock.now()
    versions = {one.part: _answer(one, ask) for one, ask in probe_of.items()}
    progress(f"the containers are ready after {clock.now() - began:.1f} s")
    return at, versions


def packed(client: Any, server: Path) -> None:
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


@dataclass(frozen=True, eq=False)
class _Started:
    """A container that runs, and the host's port for each of its own (Toxiproxy's own is that of the host, as 0)."""

    part: str
    image: str
    container: Any
    ports: Mapping[int, int]


def _started(part: str, image: str, labels: Mapping[str, str], tempo_: Mapping[str, str], progress: Progress) -> _Started:
    """Start one container.

    A compressed clock is shared with processes outside through the host's shared memory.
    """
    from testcontainers.core.config import testcontainers_config  # noqa: PLC0415 (as above)
    from testcontainers.core.container import DockerContainer  # noqa: PLC0415 (as above)

    testcontainers_config.ryuk_disabled = True
    container, number = DockerContainer(image), free_port()
    given: dict[str, Any] = {"labels": dict(labels)}
    if part == "toxiproxy":
        container.with_kwargs(network_mode="host", **given).with_command(["-host", LOOPBACK, "-port", str(number)])
    else:
        container.with_envs(**SETTINGS[part])
        container.ports = dict.fromkeys(map(str, PORTS[part]), ON_LOOPBACK)
        if tempo_:
            given["ipc_mode"] = "host"
            container.with_envs(**{**tempo_, "LD_PRELOAD": LIBRARY}).with_volume_mapping(tempo_["LD_PRELOAD"], LIBRARY)
        container.with_kwargs(**given)
    try:
        container.start()
        ports = {port: int(container.get_exposed_port(port)) for port in PORTS.get(part, ())}
    except Exception as error:  # docker, requests and testcontainers have trees of errors of their own
        if container.get_wrapped_container() is not None:
            _hold_alive(_Started(part, image, container.get_wrapped_container(), {}))
        message = f"the container of {part} ({image}) cannot be started: {daemon.first(error)}"
        raise StackError(message) from error
    progress(f"{part}: {image} is started")
    return _Started(part, image, container.get_wrapped_container(), ports or {0: number})


def _hold_alive(one: _Started) -> None:
    """Raise StackError, with its exit code and its last lines, where the container has ended."""
    one.container.reload()
    if one.container.status == "exited":
        raise StackError(_story(one, f"ended during its start (exit code {one.container.attrs['State']['ExitCode']})"))


def _rabbitmq(amqp: Address, management: Address) -> str:
    probe.amqp(amqp)
    return probe.management(management, USER, PASSWORD)


def _answer(one: _Started, ask: Callable[[], str]) -> str:
    """Return its version once it answers. Raises StackError, with its last lines, where it ends or takes too long."""
    seen = "it does not answer yet"

    def look() -> str:
        nonlocal seen
        _hold_alive(one)
        try:
            return ask()
        except NoAnswerError as error:
            seen = str(error)
            return ""

    try:
        return clock.eventually(look, awaited=one.part, within=WITHIN, every=0.1)
    except TimedOutError as error:
        raise StackError(_story(one, f"was not ready within {WITHIN:g} s: it {seen}")) from error


def _story(one: _Started, what: str) -> str:
    lines = one.container.logs(tail=LAST_LINES).decode("utf-8", "replace").split("\n")
    said = [line.rstrip() for line in lines if line.strip()] or ["(it wrote nothing)"]
    variable = f"HARNESS_{one.part.upper()}_IMAGE"
    mend = f"let {variable} name another image, or take {NATIVE}"
    if LICENCE.search("\n".join(said)):
        mend = f"this image demands a licence token: let {variable} name one that needs none, as {IMAGES[one.part]} does"
    return "\n    ".join([f"{one.part} in its container ({one.image}) {what}; {mend}. The end of its log:", *said])
