"""The pytest plugin: fixtures `stack` and `sandbox`, the marker `scenario`, the options, the story of a failure, run.json.

The only module that knows pytest. It imports the harness when a scenario first needs it: collecting a repository that merely has
this plugin installed pays for nothing.
"""

import contextlib
import os
import re
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.errors import HarnessError, InconclusiveError, MissingToolError, StackLostError, UsageError, Violation
from harness.pytest_plugin import held
from harness.pytest_plugin.cells import WHOLE, cell_of, choose, sources, told_always

if TYPE_CHECKING:
    from harness.report.recording import Recording  # noqa: F401 (of a stash key's type)
    from harness.report.session import Session
    from harness.sandbox.sandbox import Sandbox
    from harness.stack.model import Stack

STACKS = ("auto", "native", "containers", "external")
RABBITMQS = ("3.10", "4.0", "4.3")
SPEEDS = ("1", "20", "100")
MATRICES = ("usual", WHOLE)
TOXIPROXIES = ("server", "embedded")
OPTIONS: dict[str, tuple[str | None, str, tuple[str, ...] | None]] = {
    "stack": ("auto", "which stack: auto, native, containers, external (addresses from HARNESS_* variables)", STACKS),
    "rabbitmq": (None, "which series of RabbitMQ the stack has; default: the one this machine has", RABBITMQS),
    "speed": (None, "cap on a scenario's own speed; default: none", SPEEDS),
    "toxiproxy": (None, "which Toxiproxy; default: the stack's, the server where it can be had", TOXIPROXIES),
    "runs": (".harness/runs", "where run folders go", None),
    "require": ("", "what has to be there, as java,node: missing it is an error instead of a skip", None),
    "matrix": ("usual", "which cells of a matrix: usual, whole (those known from an earlier run are not run again)", MATRICES),
    "seed": (None, "the seed of everything drawn", None),
    "recorder": ("process", "where taps run: process, thread", ("process", "thread")),
}
_TERMINAL: list[int] = []
RECORDING = pytest.StashKey["Recording"]()
SESSION = pytest.StashKey["Session"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options; each has a HARNESS_* environment twin."""
    _TERMINAL.append(os.dup(2))  # plugins are loaded before pytest begins to capture; progress has to be seen meanwhile
    group = parser.getgroup("harness", "cross-service contract and chaos tests")
    for name, (default, text, choices) in OPTIONS.items():
        said = f"{text} (HARNESS_{name.upper()}; default: {default})" + (f" [{'|'.join(choices)}]" if choices else "")
        group.addoption(f"--harness-{name}", dest=f"harness_{name}", default=None, help=said)


def option(config: pytest.Config, name: str) -> str | None:
    """Return an option's value: from the command line, its environment twin, or its default. Raises pytest.UsageError."""
    default, _, choices = OPTIONS[name]
    given: str | None = config.getoption(f"harness_{name}")
    value = given if given is not None else os.environ.get(f"HARNESS_{name.upper()}", default)
    if choices is not None and value not in {*choices, default}:
        message = f"{_said(config, name)}{value}: choose one of {', '.join(choices)}"
        raise pytest.UsageError(message)
    return value


def _said(config: pytest.Config, name: str) -> str:
    """Return how this option was given, for messages."""
    return f"HARNESS_{name.upper()}=" if config.getoption(f"harness_{name}") is None else f"--harness-{name}="


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker and hold that every option means something."""
    config.addinivalue_line(
        "markers",
        "scenario(id, variant=None, *, speed=1, alone=(), rabbitmq=None, always=None): an incident, on real services and brokers",
    )
    config.pluginmanager.register(held.Missed(), held.MISSED)
    for name in OPTIONS:
        option(config, name)
    seed = option(config, "seed")
    if seed is not None and not seed.isdigit():
        message = f"{_said(config, 'seed')}{seed}: a seed is a whole number"
        raise pytest.UsageError(message)


def pytest_unconfigure() -> None:
    """Give back what `pytest_addoption` took."""
    os.close(_TERMINAL.pop())


def _progress(line: str) -> None:
    """Show a line past pytest's capture; it is called from several threads, so it is one write."""
    os.write(_TERMINAL[-1], f"{line}\n".encode())


def _session(config: pytest.Config) -> "Session":
    from harness.report.session import Session
    from harness.stack.choice import Wanted

    if SESSION not in config.stash:
        shared = getattr(config, "workerinput", {}).get("harness_run")
        config.stash[SESSION] = Session(
            runs=Path(option(config, "runs") or "."),
            folder=None if shared is None else Path(shared),
            stack=Wanted(
                option(config, "stack") or "auto",
                rabbitmq=option(config, "rabbitmq"),
                speed=int(option(config, "speed") or 100),
                toxiproxy=option(config, "toxiproxy") or "auto",
            ),
            recorder=option(config, "recorder") or "process",
            seed=option(config, "seed"),
            argv=list(config.invocation_params.args),
            root=config.rootpath,
            here=config.invocation_params.dir,
            progress=_progress,
            lent=getattr(config, "workerinput", {}).get("harness_stack"),
        )
    return config.stash[SESSION]


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: object) -> None:
    """Give a worker of pytest-xdist the run folder, so that all write into one, and where the one stack is lent."""
    config: pytest.Config = node.config  # type: ignore[attr-defined]
    given: dict[str, object] = node.workerinput  # type: ignore[attr-defined]
    given["harness_run"] = str(_session(config).folder.resolve())
    given["harness_stack"] = _session(config).lend()


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest) -> "Stack":
    """LocalStack, RabbitMQ and Toxiproxy, running: attached to or started for this session."""
    return _session(request.config).run.stack


@pytest.fixture
def sandbox(request: pytest.FixtureRequest) -> Iterator["Sandbox"]:
    """One scenario's private world: a vhost and an AWS account, links, services, faults, a journal."""
    from harness.report.matrix import TIMES

    session = _session(request.config)
    marker = request.node.get_closest_marker("scenario")
    ident, variant = _told(marker, request.node.name)
    cell = cell_of(request.node)
    asked = (
        {} if marker is None else {name: marker.kwargs[name] for name in ("speed", "rabbitmq", "alone") if name in marker.kwargs}
    )
    variant = TIMES.join(cell.values()) or variant
    files = sources(request.node) if cell and option(request.config, "matrix") == WHOLE and not told_always(request.node) else ()
    known = session.known_cell(request.node.nodeid, files, speed=asked.get("speed", 1)) if files else ""
    if known:
        request.node.stash[held.KNOWN] = True
        pytest.skip(known)
    with session.scenario(ident, variant, request.node.nodeid, cell=cell, sources=files, **asked) as recording:
        request.node.stash[RECORDING] = recording
        yield recording.sandbox


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Order tests by the speed of their scenarios, the real one first: each speed has a stack, and is needed in one go.

    Of a matrix those cells are left out that are not told on every run, unless the whole of it is asked for.
    """
    if option(config, "matrix") != WHOLE:
        choose(config, items)
    items.sort(key=_speed)


def _speed(item: pytest.Item) -> int:
    marker = item.get_closest_marker("scenario")
    speed = 1 if marker is None else marker.kwargs.get("speed", 1)
    return speed if isinstance(speed, int) else 1


def _told(marker: pytest.Mark | None, name: str) -> tuple[str, str | None]:
    if marker is None:
        return name.partition("[")[0], None
    if not marker.args:
        message = f"{name}: the marker scenario needs an id, as in @pytest.mark.scenario('S2-02', 'as it was')"
        raise UsageError(message)
    variant = marker.args[1] if len(marker.args) > 1 else marker.kwargs.get("variant")
    return str(marker.args[0]), None if variant is None else str(variant)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    """Skip a test whose fixtures need a tool that is not there."""
    with _skipping(item):
        return (yield)


@contextlib.contextmanager
def _skipping(item: pytest.Item) -> Iterator[None]:
    """Turn a missing tool into a skip with its reason, unless --harness-require names that tool."""
    try:
        yield
    except MissingToolError as error:
        named = [tool.strip() for tool in (option(item.config, "require") or "").split(",")]
        if any(re.search(rf"(?<![\w-]){re.escape(tool)}(?![\w-])", str(error)) for tool in named if tool):
            raise
        pytest.skip(str(error))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Hold a scenario to the rules of its variant, once its body is through."""
    with _skipping(item):
        result = yield
    recording = item.stash.get(RECORDING, None)
    if recording is not None and item.get_closest_marker("scenario") is not None:
        recording.hold_to_the_rules()
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show a verdict or a harness error as its own words instead of a traceback, and keep the outcome for run.json."""
    report = yield
    error = call.excinfo.value if call.excinfo is not None else None
    if isinstance(error, (Violation, HarnessError, StackLostError)):
        word = "" if isinstance(error, (Violation, InconclusiveError)) else f"{type(error).__name__}: "
        report.longrepr = f"{word}{error}"
    recording = item.stash.get(RECORDING, None)
    if recording is not None:
        recording.phase(report.when, report.outcome, None if report.passed else str(report.longrepr))
    held.mark(item, report)
    return report


def pytest_terminal_summary(terminalreporter: "pytest.TerminalReporter", config: pytest.Config) -> None:
    """End with the table of verdicts, and where the run's folder is."""
    session = config.stash.get(SESSION, None)
    if session is None or hasattr(config, "workerinput"):
        return
    lines = session.summary()
    if lines:
        terminalreporter.section("scenarios")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Write run.json, also of an interrupted run, and end everything that was started; hold tables equal to what ran."""
    shared = session.config.stash.get(SESSION, None)
    if shared is None:
        return
    interrupted = int(exitstatus) == int(pytest.ExitCode.INTERRUPTED)
    worker = hasattr(session.config, "workerinput")
    asked = None if worker else held.selection(session, option(session.config, "matrix") or "")
    try:
        run = shared.end(interrupted=interrupted, asked=asked)
    except HarnessError as error:  # raised, it would take the place of what pytest has to tell
        _progress(f"\nharness: {error}")
        session.exitstatus = session.exitstatus or pytest.ExitCode.INTERNAL_ERROR
        return
    if run is not None and not interrupted:
        held.hold(session, run, shared.folder)
