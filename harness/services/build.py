"""What has to exist before a service can start: tools on PATH, and what is built once per lock into the cache."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from harness.engine import daemon
from harness.errors import MissingToolError
from harness.services import java, node, python
from harness.services.cached import Order, Progress
from harness.services.libraries import versions
from harness.services.runtimes import problem
from harness.services.service import Service, every

BUILDERS: Mapping[str, Callable[[Order], Mapping[str, str]]] = {
    "venv": python.environment,
    "npm": node.modules,
    "maven": java.classpath,
    "javac": java.classes,
}

AT_ONCE = 4
"""Builds side by side: most of each is waiting for a registry."""


def silent(line: str) -> None:
    """Show no progress."""


def require(service: Service) -> None:
    """Hold that each tool the service says it needs is there; else raise MissingToolError, which a test run makes a skip of."""
    problems = [f"{tool}, {why}" for tool in service.needs if (why := problem(tool))]
    if service.image and (why := daemon.unreachable()):
        problems.append(f"docker for its container: {why}, or leave these scenarios out")
    if problems:
        message = f"{service} needs {'; and '.join(problems)}"
        raise MissingToolError(message)


def paths_of(service: Service, cache: Path, progress: Progress = silent) -> dict[str, str]:
    """Return what names such as `{venv}` mean for this service, after building it where it is not built yet.

    Raises MissingToolError for a tool it needs, StartError where the build fails, UsageError for a library that is in no lock.
    """
    require(service)
    versions(service)  # a library that is in no lock is told before anything runs
    paths: dict[str, str] = {}
    for kind, named in service.build.items():
        paths.update(BUILDERS[kind](Order(service, named, cache, progress)))
    return paths


def build_all(cache: Path, progress: Progress = silent) -> None:
    """Build what any version or variant of any service that can be found needs, several at a time.

    What cannot be built because a tool is missing is said once a service. `progress` hears lines from several threads.
    """
    said: set[tuple[str, str]] = set()

    def build(service: Service) -> None:
        try:
            paths_of(service, cache, progress)
        except MissingToolError as error:
            reason = (service.name, str(error).removeprefix(str(service)))
            if reason not in said:
                said.add(reason)
                progress(f"left out: {error}")

    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="build") as pool:
        for built in [pool.submit(build, service) for service in every()]:
            built.result()
