"""`python -m tests.nightly`: what CI's minutes cannot hold: every stack, every series of RabbitMQ, and what runs for long.

The scenarios have to say the same on each stack as on the native one. Writes .harness/nightly/latest.json; exit code 1 if
anything failed or differed. A step that needs what is not there (a Docker daemon) is skipped with the reason; --require makes
that a failure. `python -m tests.nightly native external containers -k placements` runs some steps with some scenarios.
"""

import argparse
import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import NamedTuple

import msgspec

from harness.clock import now, utc
from harness.report.entries import read_run
from harness.stack import containers, native
from harness.stack.provision import provisioned
from harness.stack.provision_rabbitmq import SUITES
from harness.warden import Warden
from tests.stability.suite import Said, said

USUAL = "native"


class Step(msgspec.Struct, kw_only=True):
    """One step as it went: `how` is well, failed, or skipped with a reason; `differences` are against the native stack.

    With another series of RabbitMQ, scenarios that are about one series are not the same, and with the usual cells alone a matrix
    is not: only what both told is compared.
    """

    name: str
    how: str
    seconds: float = 0.0
    said: Said = []
    rabbitmq: str = ""
    whole: bool = False
    differences: list[str] = []


class Report(msgspec.Struct, kw_only=True):
    """The whole of latest.json."""

    schema: int = 1
    started: str
    steps: list[Step]


class Suite(NamedTuple):
    """All scenarios with these options; `around` gives the environment they are run in, `missing` says why they cannot be.

    Matrices are told `whole`, or with their usual cells.
    """

    name: str
    options: tuple[str, ...]
    whole: bool = False
    workers: int = 2
    missing: Callable[[], str] = str
    around: Callable[[Path], contextlib.AbstractContextManager[Mapping[str, str]]] = lambda _: contextlib.nullcontext({})


@contextlib.contextmanager
def _somebody_else_s(folder: Path) -> Iterator[Mapping[str, str]]:
    """Keep a stack running that the scenarios know by its addresses only; its clock is real, so they take their real time."""
    warden = Warden.start()
    try:
        yield native.start(warden, provisioned(_show), logs=folder / "external", ports={}).environment()
    finally:
        warden.end()


AT_REAL_TIME = 8
"""Workers where time is not compressed: waiting costs nothing, and there is twenty times as much of it."""
SUITES_OF_SCENARIOS = (
    Suite(USUAL, ("--harness-stack=native",), whole=True),
    Suite("containers", ("--harness-stack=containers",), whole=True, missing=containers.missing),
    Suite(
        "external",
        ("--harness-stack=external", "--override-ini=faulthandler_timeout=1800"),
        whole=True,
        workers=AT_REAL_TIME,
        around=_somebody_else_s,
    ),
    Suite("embedded Toxiproxy", ("--harness-stack=native", "--harness-toxiproxy=embedded")),
    *(Suite(f"RabbitMQ {series}", ("--harness-stack=native", f"--harness-rabbitmq={series}")) for series in SUITES),
)
COMMANDS = {
    "tests that need Docker": (sys.executable, "-m", "pytest", "-q", "tests/docker"),
    "decoders under mutation": ("make", "fuzz-wire"),
    "timers at each speed": ("make", "timers"),
    "soak": ("make", "soak"),
    "stability": ("make", "stability", "N=10", "OPTIONS=--two 5 --busy 2"),
}
BESIDE = {"external": ("soak",)}
"""What runs while others do: at real time most of a scenario is waiting, and what waits has no compressed clock to miss."""


def main() -> int:
    """Run the steps asked for; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.nightly", description=__doc__)
    names = [*(one.name for one in SUITES_OF_SCENARIOS), *COMMANDS]
    parser.add_argument("steps", nargs="*", help=f"names of steps (default: all): {', '.join(names)}")
    parser.add_argument("-k", default="", metavar="EXPRESSION", help="which scenarios, as for pytest (default: all)")
    parser.add_argument("--require", default="", help="what has to be there: docker")
    given = parser.parse_args()
    unknown = [name for name in given.steps if name not in names]
    if unknown:
        parser.error(f"there is no step {unknown[0]!r}; there are: {', '.join(names)}")
    started = utc()
    folder = Path(".harness/nightly").absolute() / f"{started:%Y-%m-%dT%H-%M-%SZ}"
    folder.mkdir(parents=True)
    steps = _steps([name for name in names if not given.steps or name in given.steps], folder, given.k)
    _compare(steps)
    report = Report(started=f"{started:%Y-%m-%dT%H:%M:%SZ}", steps=steps)
    (folder.parent / "latest.json").write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")
    for one in steps:
        _show("\n  ".join([f"{one.seconds:>7.1f} s  {one.name}: {one.how}", *one.differences]))
    skipped = any(one.how.startswith("skipped") for one in steps) and "docker" in given.require
    return 1 if skipped or any(one.how == "failed" or one.differences for one in steps) else 0


def _steps(names: Sequence[str], folder: Path, scenarios: str) -> list[Step]:
    """Run them one after the other, with what can run beside one of them beside it; return them in their order."""
    begun: dict[str, Future[Step]] = {}
    with ThreadPoolExecutor() as pool:
        for name in names:
            for one in (name, *BESIDE.get(name, ())):
                if one in names and one not in begun:
                    begun[one] = pool.submit(_step, one, folder, scenarios)
            wait(begun.values())
    return [begun[name].result() for name in names]


def _step(name: str, folder: Path, scenarios: str) -> Step:
    suite = next((one for one in SUITES_OF_SCENARIOS if one.name == name), None)
    _show(f"==== {name}")
    if suite is None:
        return _run(name, list(COMMANDS[name]), folder, {})
    reason = suite.missing()
    if reason:
        return Step(name=name, how=f"skipped: {reason}")
    runs = folder / name.replace(" ", "-")
    side_by_side = ("-n", str(suite.workers), "--dist", "worksteal")
    matrix = "--harness-matrix=whole" if suite.whole else "--harness-matrix=usual"
    options = ("-q", *side_by_side, f"--harness-runs={runs}", matrix, *suite.options)
    with suite.around(folder) as environment:
        step = _run(name, [sys.executable, "-m", "pytest", *options, "scenarios", "-k", scenarios], folder, environment)
    step.whole = suite.whole
    if (runs / "latest" / "run.json").exists():
        run = read_run(runs / "latest")
        step.said = said(run.scenarios)
        step.rabbitmq = run.stack.rabbitmq if run.stack else ""
    return step


def _run(name: str, command: list[str], folder: Path, environment: Mapping[str, str]) -> Step:
    began = now()
    with (folder / f"{name.replace(' ', '-')}.log").open("wb") as log:
        environ = {**os.environ, **environment}
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environ, check=False)
    return Step(name=name, how="well" if done.returncode == 0 else "failed", seconds=round(now() - began, 1))


def _compare(steps: list[Step]) -> None:
    usual = next((one for one in steps if one.name == USUAL), Step(name=USUAL, how="left out"))
    for one in steps:
        if usual.said and one.said:
            both = {line[:2] for line in one.said} & {line[:2] for line in usual.said}
            alike = one.whole and _series(one) == _series(usual)
            more = [f"+ {' | '.join(line)}" for line in one.said if line not in usual.said and (alike or line[:2] in both)]
            less = [f"- {' | '.join(line)}" for line in usual.said if line not in one.said and (alike or line[:2] in both)]
            one.differences = [*more, *less]


def _series(step: Step) -> list[str]:
    return step.rabbitmq.split(".")[:2]


def _show(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
