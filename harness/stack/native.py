"""LocalStack, RabbitMQ and Toxiproxy started side by side by a run's warden, on loopback ports, with private folders."""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path

from harness import clock
from harness.address import LOOPBACK, Address, reserved
from harness.errors import HarnessError, StackError, TimedOutError, UsageError
from harness.stack import provision_faketime, tempo
from harness.stack.cache import Progress
from harness.stack.listeners import listener, listens
from harness.stack.localstack import localstack
from harness.stack.model import Stack
from harness.stack.part import Part
from harness.stack.probe import NoAnswerError, hold_to_clock
from harness.stack.rabbitmq import PASSWORD, USER, rabbitmq
from harness.stack.tools import Tools
from harness.stack.toxiproxy import toxiproxy
from harness.toxiproxy.embedded.api import VERSION
from harness.warden import Child, Warden

WITHIN = 90.0  # s; a warm start takes 4 s, one on a busy machine from a cold disk has taken 40
VARIABLES = {
    "localstack": "HARNESS_LOCALSTACK_PORT",
    "rabbitmq": "HARNESS_RABBITMQ_PORT",
    "management": "HARNESS_RABBITMQ_MANAGEMENT_PORT",
    "toxiproxy": "HARNESS_TOXIPROXY_PORT",
}
"""The environment variables that fix a port; without them any free one is taken."""


def fixed_ports(environ: Mapping[str, str]) -> dict[str, int]:
    """Return the ports the user has fixed, by the names of VARIABLES; raises UsageError for what is no port."""
    found: dict[str, int] = {}
    for name, variable in VARIABLES.items():
        text = environ.get(variable, "")
        if not text:
            continue
        if not (text.isascii() and text.isdigit() and 0 < int(text) < 2**16):
            message = f"{variable}={text} is not a port; it is a number from 1 to 65535, or unset for any free port"
            raise UsageError(message)
        twin = next((VARIABLES[other] for other, port in found.items() if port == int(text)), None)
        if twin is not None:
            message = f"{twin} and {variable} are both {text}; each server needs a port of its own"
            raise UsageError(message)
        found[name] = int(text)
    return found


def start(
    warden: Warden,
    tools: Tools,
    *,
    progress: Progress = lambda _: None,
    logs: Path | None = None,
    ports: Mapping[str, int] | None = None,
    lost: Callable[[str], None] | None = None,
    speed: int = 1,
    toxiproxy_in_recorder: bool = False,
) -> Stack:
    """Start the three and return when each of our own processes answers.

    Their data lie below the warden's folder and go with it; logs are kept where `logs` says (default: there, too). `ports` fixes
    some (default: `fixed_ports(os.environ)`). With a `speed` above 1 time passes so much faster for the two brokers, on
    any free ports. Where each run has its Toxiproxy in its recorder, none is started. When a server ends by itself later, `lost`
    is called with a sentence in a thread.

    Raises StackError where a port is taken, a server ends, or one is not ready in time: with its last lines and what to do.
    Then none of the three is left running.
    """
    suffix = "" if speed == 1 else f"-x{speed}"
    folder = warden.folder / f"stack{suffix}"
    fixed = {} if speed > 1 else fixed_ports(os.environ)
    tempo_ = _clock(warden, speed, progress)
    with _ports(fixed if ports is None else ports) as numbers:
        wanted = _parts(tools, folder, numbers, speed)
        if toxiproxy_in_recorder:
            del wanted["toxiproxy"]
        at = {name: (folder / name, (logs or folder) / f"{name}{suffix}.log") for name in wanted}
        children = _spawned(warden, wanted, at, tempo_)
        versions = _all_ready(wanted, children, progress)
    stack = Stack(
        kind="native",
        **{name: Address(LOOPBACK, numbers[name]) for name in ("localstack", "rabbitmq", "management", "toxiproxy")},
        user=USER,
        password=PASSWORD,
        versions={"toxiproxy": VERSION, **versions},
        speed=speed,
        clock=tempo_,
        toxiproxy_kind="embedded" if tools.embedded else "server",
        toxiproxy_in_recorder=toxiproxy_in_recorder,
    )
    _hold_to_clock(stack, children)
    if lost is not None:
        for name, child in children.items():
            child.on_exit(_teller(warden, wanted[name], child, lost))
    return stack


def _parts(tools: Tools, folder: Path, numbers: Mapping[str, int], speed: int) -> dict[str, Part]:
    server = None if tools.embedded else tools.toxiproxy
    return {
        "localstack": localstack(tools, _made(folder / "localstack"), numbers["localstack"]),
        "rabbitmq": rabbitmq(tools, _made(folder / "rabbitmq"), numbers, speed=speed),
        "toxiproxy": toxiproxy(server, _made(folder / "toxiproxy"), numbers["toxiproxy"]),
    }


def _hold_to_clock(stack: Stack, children: Mapping[str, Child]) -> None:
    try:
        hold_to_clock(stack)
    except StackError:
        _kill(children)
        raise


def with_toxiproxy(
    stack: Stack, warden: Warden, server: Path, *, logs: Path, progress: Progress, lost: Callable[[str], None]
) -> Stack:
    """Return the stack with this Toxiproxy server instead of its own, started here and ended with the warden.

    Raises StackError where it cannot be started.
    """
    name = f"toxiproxy-beside-x{stack.speed}"
    folder = _made(warden.folder / name)
    with reserved() as keeper:
        port = keeper.getsockname()[1]
        part = toxiproxy(server, folder, port)
        children = _spawned(warden, {"toxiproxy": part}, {"toxiproxy": (folder, logs / f"{name}.log")}, {})
        versions = _all_ready({"toxiproxy": part}, children, progress)
    children["toxiproxy"].on_exit(_teller(warden, part, children["toxiproxy"], lost))
    return replace(
        stack,
        toxiproxy=Address(LOOPBACK, port),
        versions={**stack.versions, **versions},
        toxiproxy_kind="server",
        toxiproxy_in_recorder=False,
    )


def _spawned(
    warden: Warden, wanted: Mapping[str, Part], at: Mapping[str, tuple[Path, Path]], tempo_: Mapping[str, str]
) -> dict[str, Child]:
    """Start each part in its folder with its log; where one cannot be started, none is left running."""
    children: dict[str, Child] = {}
    try:
        for name, part in wanted.items():
            folder, log = at[name]
            # A Go program reads the clock past every library, so Toxiproxy has the real one, whichever it is.
            clock_of = {} if name == "toxiproxy" else tempo_
            environment = tempo.faked(part.environment, clock_of)
            children[name] = warden.spawn(part.name, part.command, environment=environment, log=log, cwd=folder)
    except HarnessError:
        _kill(children)
        raise
    return children


def _clock(warden: Warden, speed: int, progress: Progress) -> dict[str, str]:
    if speed == 1:
        return {}
    library = provision_faketime.provided(progress).path
    return tempo.begun(warden.run_id, library, speed)


@contextlib.contextmanager
def _ports(fixed: Mapping[str, int]) -> Iterator[dict[str, int]]:
    """Give a port for everything that will listen, and keep them all from others until the block ends."""
    with contextlib.ExitStack() as kept:
        numbers = {}
        for name in (*VARIABLES, "distribution"):
            number = fixed.get(name, 0)
            try:
                keeper = kept.enter_context(reserved(number))
            except OSError as error:
                raise StackError(_taken(name, number, error)) from error
            numbers[name] = keeper.getsockname()[1]
        yield numbers


def _taken(name: str, number: int, error: OSError) -> str:
    who = listener(number) or (error.strerror or str(error)).lower()
    variable = VARIABLES.get(name, name)
    return f"port {number} of 127.0.0.1 ({variable}) cannot be used: {who}; stop that program, or set {variable} to another port"


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _all_ready(wanted: Mapping[str, Part], children: Mapping[str, Child], progress: Progress) -> dict[str, str]:
    """Wait for all side by side; the first that fails ends the waiting for the others, because they are killed."""
    with ThreadPoolExecutor(len(wanted), thread_name_prefix="stack") as pool:
        waiting = {pool.submit(ready, part, children[name], progress): name for name, part in wanted.items()}
        try:
            return {waiting[done]: done.result() for done in as_completed(waiting)}
        except BaseException:
            _kill(children)
            raise


def _kill(children: Mapping[str, Child]) -> None:
    for child in children.values():
        child.kill()


def ready(part: Part, child: Child, progress: Progress) -> str:
    """Return the version of a part once it answers. Raises StackError, with its last lines, where it ends or takes too long."""
    began, seen = clock.now(), "does not answer yet"

    def look() -> str:
        nonlocal seen
        if child.status is not None:
            raise StackError(_story(part, child, f"ended during its start ({_how(child.status)})"))
        try:
            return _version(part, child.pid)
        except NoAnswerError as error:
            seen = str(error)
            return ""

    try:
        version = clock.eventually(look, awaited=part.name, within=WITHIN)
    except TimedOutError:
        raise StackError(_story(part, child, f"was not ready within {WITHIN:g} s: it {seen}")) from None
    progress(f"{part.name} {version} is ready after {clock.now() - began:.1f} s")
    return version


def _version(part: Part, pid: int) -> str:
    """Return the version of a part that is ready and our own: LocalStack says "Ready." also when its port is somebody else's."""
    for port in part.ports:
        if not listens(pid, port):
            message = f"does not listen on port {port}"
            raise NoAnswerError(message)
    return part.version()


def _teller(warden: Warden, part: Part, child: Child, lost: Callable[[str], None]) -> Callable[[int], None]:
    def tell(status: int) -> None:
        if not warden.ending:
            lost(_story(part, child, f"ended while it was needed ({_how(status)})"))

    return tell


def _how(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"status {status}"


def _story(part: Part, child: Child, what: str) -> str:
    lines = child.log_tail().splitlines() or ["(it wrote nothing)"]
    return "\n    ".join([f"{part.name} {what}; {part.mend}. The end of {child.log}:", *lines])
