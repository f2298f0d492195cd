"""An Erlang that need not lie where it was built for: its emulator run directly, and made ready for nodes without epmd."""

import os
import shutil
from pathlib import Path

from harness.errors import StackError
from harness.stack.cache import Progress
from harness.stack.commands import call, plain_environment

BEAM = "noepmd.beam"
DISTRIBUTIONS = Path("/usr/lib/erlang")
"""Where Linux distributions put it."""
_SOURCE = Path(__file__).with_name("noepmd.erl")
_STARTER = (
    "#!/bin/sh\n# RabbitMQ runs this to have epmd started; nodes of the harness do without, so there is nothing to do.\nexit 0\n"
)


def erlexec(root: Path) -> Path:
    """Return the program below ROOTDIR that starts the emulator; StackError where it is not there."""
    candidates = sorted(root.glob("erts-*/bin/erlexec"))
    if not candidates:
        message = f"{root} is not an Erlang installation: it has no erts-*/bin/erlexec"
        raise StackError(message)
    return candidates[-1]


def environment(root: Path) -> dict[str, str]:
    """Return what the emulator of this installation needs to be told when its `erl` script is not used."""
    return plain_environment(ROOTDIR=str(root), BINDIR=str(erlexec(root).parent), EMU="beam", PROGNAME="erl")


def prepared(root: Path, into: Path, progress: Progress) -> str:
    """Compile the module that answers instead of epmd into the folder `into`; the OTP release, as the emulator says it."""
    into.mkdir(parents=True, exist_ok=True)
    progress("seeing whether Erlang starts")
    compile_it = (
        f'case compile:file("{_SOURCE}", [{{outdir, "{into}"}}, report]) of {{ok, _}} -> ok; _ -> halt(1) end,'
        ' io:format("~notp ~s~n", [erlang:system_info(otp_release)]), halt().'
    )
    command = [erlexec(root), "-noinput", "-boot", "start_clean", "-eval", compile_it]
    said = call(command, "Erlang does not start", progress=progress, environment={**environment(root), "HOME": str(into)})
    return said.rpartition("otp ")[2].strip()


def without_starter(root: Path) -> None:
    """Replace `erl`: RabbitMQ would run it as its way to start epmd."""
    starter = root / "bin" / "erl"
    starter.unlink(missing_ok=True)
    starter.write_text(_STARTER)
    starter.chmod(0o755)


def shadowed(root: Path, into: Path) -> Path:
    """Return a second root of the installation, made of links but for its `erl`: the first is not ours to change."""
    (into / "bin").mkdir(parents=True)
    for each in root.iterdir():
        if each.name != "bin":
            (into / each.name).symlink_to(each)
    for each in (root / "bin").iterdir():
        (into / "bin" / each.name).symlink_to(each.resolve())
    without_starter(into)
    return into


def installed() -> Path | None:
    """Return the root of the Erlang on this machine, None where there is none."""
    erl = shutil.which("erl")
    near = [Path(os.path.realpath(erl)).parents[1]] if erl else []
    for root in (*near, *(one / "lib" / "erlang" for one in near), DISTRIBUTIONS):
        if any(root.glob("erts-*/bin/erlexec")):
            return root
    return None
