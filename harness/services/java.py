"""Java of services: a class path per version from a POM that has nothing but dependencies, and sources compiled once for all.

Nothing is packed: the jars stay in one repository in the cache, which all versions share, and `java -cp` finds them there.
"""

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from harness.errors import MissingToolError, StartError
from harness.services.cached import Order, alone, fingerprint

PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:build-classpath"
AGAINST = "against"
"""A file beside the sources that names the POM they are compiled against: the oldest version they run on."""
RELEASE = "17"
# Checksums that do not match are an error, and nothing is asked on a terminal.
QUIETLY = ("--batch-mode", "--quiet", "--strict-checksums", "--no-transfer-progress")


def classpath(order: Order) -> Mapping[str, str]:
    """Return what `{classpath}` is: the jars that the POM named by `build = { maven = ... }` stands for, with all they need.

    Where a list of SHA-256 sums stands beside `x.xml`, as `x.sha256`, the jars are exactly those. Raises StartError for others,
    with the place of a list of what was found.
    """
    held = _sums(order).read_bytes() if _sums(order).exists() else b""
    name = f"maven-{order.source.stem}-{fingerprint(order.read(), *filter(None, [held]))}"
    say = f"fetching the jars of {order.service.name} for {order.source.name}"
    folder = order.placed(name, whole="classpath.txt", say=say, make=lambda half: _resolve(order, half))
    return {"classpath": (folder / "classpath.txt").read_text().strip()}


def _resolve(order: Order, half: Path) -> None:
    maven = _tool(order, "mvn")
    half.mkdir()
    shutil.copy(order.source, half / "pom.xml")
    repository = order.cache / "services" / "maven"
    repository.mkdir(exist_ok=True)
    given = (f"-Dmaven.repo.local={repository}", "-Dmdep.outputFile=classpath.txt", "-Dmdep.includeScope=runtime")
    with alone(repository.with_suffix(".lock")):  # two Mavens in one repository disturb each other
        order.call([maven, *QUIETLY, *given, PLUGIN], cwd=half)
    if _sums(order).exists():
        _hold(order, half, (half / "classpath.txt").read_text().strip().split(":"))


def _sums(order: Order) -> Path:
    return order.source.with_suffix(".sha256")


def _hold(order: Order, half: Path, jars: list[str]) -> None:
    """Hold that the jars are those that are listed, by name and content."""
    found = sorted(f"{hashlib.sha256(Path(jar).read_bytes()).hexdigest()}  {Path(jar).name}" for jar in jars)
    wanted = sorted(_sums(order).read_text().splitlines())
    if found != wanted:
        (half / "found.sha256").write_text("\n".join(found) + "\n")
        strange = sorted({line.partition("  ")[2] for line in {*found} ^ {*wanted}})
        message = (
            f"{order.service} cannot be built: the jars are not those of {_sums(order)}: "
            f"{', '.join(strange[:5])}; what was found is listed in {half / 'found.sha256'}"
        )
        raise StartError(message)


def classes(order: Order) -> Mapping[str, str]:
    """Return what `{classes}` is: a class path of the folders named by `build = { javac = "DIR DIR" }`, each compiled once."""
    made = [_compiled(replace(order, named=named)) for named in order.named.split()]
    return {"classes": ":".join(made)}


def _compiled(order: Order) -> str:
    against = replace(order, named=f"{order.named}/{order.read(AGAINST).decode().strip()}")
    jars = classpath(against)["classpath"]
    sources = sorted(order.source.rglob("*.java"))
    name = f"classes-{order.source.name}-{fingerprint(jars.encode(), *(path.read_bytes() for path in sources))}"
    say = f"compiling {order.source.name} of {order.service.name}"

    def make(half: Path) -> None:
        command = [_tool(order, "javac"), "-parameters", "-proc:none", "--release", RELEASE, "-cp", jars, "-d", str(half)]
        order.call([*command, *map(str, sources)])

    return str(order.placed(name, whole=".", say=say, make=make))


def _tool(order: Order, tool: str) -> str:
    found = shutil.which(tool)
    if found is None:
        message = f"{order.service}: {tool}, which builds its java, is not on PATH; install a JDK and Maven"
        raise MissingToolError(message)
    return found
