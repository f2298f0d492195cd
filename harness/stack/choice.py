"""Which stack a run gets: the one that is up, else a native one of its own, or the one whose addresses are given."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from harness.errors import StackError, UsageError
from harness.stack import containers, external, native, provision_faketime, provision_toxiproxy, running
from harness.stack.cache import Progress
from harness.stack.model import Stack
from harness.stack.provision import provisioned
from harness.stack.provision_rabbitmq import is_of
from harness.stack.tempo import STEPS
from harness.toxiproxy.embedded.api import VERSION
from harness.warden import Warden

KINDS = ("auto", "native", "containers", "external")


@dataclass(frozen=True)
class Wanted:
    """The stack a run asks for; `rabbitmq` is a series (4.3), None for the one that this machine has by itself.

    `speed` is the most by which time may be compressed, None for what each scenario allows. `toxiproxy` is server or embedded, or
    auto: whichever the stack has, and in a native one the server where it can be had.
    """

    kind: str = "auto"
    rabbitmq: str | None = None
    speed: int | None = None
    toxiproxy: str = "auto"

    def speed_for(self, scenario: int) -> int:
        """Return how fast time passes for a scenario that allows so much: 1 on an external stack, whose clock is not ours."""
        if scenario not in STEPS:
            message = f"speed={scenario!r}: a scenario allows one of {', '.join(map(str, STEPS))}"
            raise UsageError(message)
        return 1 if self.kind == "external" else min(scenario, self.speed or scenario)


ANY = Wanted()


def compressible(progress: Progress) -> bool:
    """Tell whether time can be made to pass faster here; where it cannot, say why and what follows."""
    try:
        provision_faketime.provided(progress)
    except StackError as error:
        progress(f"stack: {error}; scenarios take their real time")
        return False
    return True


def choose(
    wanted: Wanted, warden: Warden, *, logs: Path, progress: Progress, lost: Callable[[str], None], speed: int = 1
) -> Stack:
    """Return a running stack, saying in one line which and why.

    `auto` attaches to what `harness up` keeps if it is as wanted, else takes containers where a Docker daemon answers and images
    can be had, else starts a native one; `native` and `containers` always start their own, ended with `warden`. Beside a stack
    that has the other Toxiproxy, the wanted one is started. At a `speed` above 1 its clock is compressed. `lost` is told when a
    server of a native stack ends by itself.
    Raises UsageError for another kind, StackError where the stack cannot be had.
    """
    found = _attached(wanted, progress, speed)
    if isinstance(found, str):
        found = _started(wanted, found, warden, logs=logs, progress=progress, lost=lost, speed=speed)
    if wanted.toxiproxy in {"auto", found.toxiproxy_kind}:
        return found
    if wanted.toxiproxy == "embedded":
        return _in_recorder(found)
    progress("stack: its Toxiproxy is the embedded one, so one is started beside it (server, as asked)")
    server = provision_toxiproxy.provided(progress).path
    return native.with_toxiproxy(found, warden, server, logs=logs, progress=progress, lost=lost)


def _in_recorder(stack: Stack) -> Stack:
    """Return the stack with the embedded Toxiproxy, where it costs least: in the very loop of the taps around it."""
    versions = {**stack.versions, "toxiproxy": VERSION}
    return replace(stack, versions=versions, toxiproxy_kind="embedded", toxiproxy_in_recorder=True)


def _attached(wanted: Wanted, progress: Progress, speed: int) -> Stack | str:
    """Return a stack that runs already and is as wanted, or why one has to be started."""
    kind = wanted.kind
    if kind not in KINDS:
        message = f"--harness-stack={kind}: there is no such stack; there are: {', '.join(KINDS)}"
        raise UsageError(message)
    if kind == "external":
        return _fitting(external.attach(os.environ), wanted)
    if kind != "auto":
        return "as asked"
    up = running.find_running(speed)
    if up is None:
        return "because none is up (`harness up` keeps one running)"
    unlike = _unlike(up, wanted)
    if unlike:
        return f"because the one that is up {unlike}"
    progress("stack: attached to the one that `harness up` keeps")
    return _in_recorder(up) if up.toxiproxy_kind == "embedded" else up


def _started(
    wanted: Wanted, why: str, warden: Warden, *, logs: Path, progress: Progress, lost: Callable[[str], None], speed: int
) -> Stack:
    faster = "" if speed == 1 else f", time {speed} times faster"
    no_containers = _no_containers(wanted)
    if not no_containers:
        progress(f"stack: containers{faster}, {why}")
        return containers.start(warden, _toxiproxy(progress), series=wanted.rabbitmq, speed=speed, progress=progress)
    tools = provisioned(progress, rabbitmq_series=wanted.rabbitmq, toxiproxy=wanted.toxiproxy)
    progress(f"stack: native{faster}, {why}{no_containers}")
    return native.start(warden, tools, logs=logs, progress=progress, lost=lost, speed=speed, toxiproxy_in_recorder=tools.embedded)


def _no_containers(wanted: Wanted) -> str:
    """Say why a run does not take containers; empty where it does."""
    if wanted.kind != "auto":
        return "" if wanted.kind == "containers" else "."
    reason = containers.missing(wanted.rabbitmq)
    return f"; not containers: {reason}" if reason else ""


def _toxiproxy(progress: Progress) -> Callable[[], Path]:
    return lambda: provision_toxiproxy.provided(progress).path


def in_range(version: str, versions: str) -> bool:
    """Tell whether a version is in a range written as for packages: ">=4.0", "<4", ">=3.12,<4.3", "==4.0.*"."""
    try:
        return SpecifierSet(versions).contains(version, prereleases=True)
    except InvalidSpecifier as error:
        message = f"rabbitmq={versions!r} is no range of versions; write it as rabbitmq='>=4.0' or rabbitmq='>=3.12,<4.3'"
        raise UsageError(message) from error


def _unlike(stack: Stack, wanted: Wanted) -> str:
    """Return in which way a stack is not as wanted, "" where it is."""
    has = stack.versions.get("rabbitmq", "")
    return "" if is_of(has, wanted.rabbitmq) else f"has RabbitMQ {has}, not {wanted.rabbitmq}"


def _fitting(stack: Stack, wanted: Wanted) -> Stack:
    unlike = _unlike(stack, wanted)
    if unlike:
        message = f"the external stack {unlike}; leave out --harness-rabbitmq, or give the addresses of one that is"
        raise StackError(message)
    return stack
