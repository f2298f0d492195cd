"""Builds images under the names that the containers stack asks for, where no image registry is reachable: real servers.

    sudo .venv/bin/python -m tests.docker.stand_ins

needs a Docker daemon (DOCKER_HOST), root, and `debootstrap` with an archive of Debian. RabbitMQ and Python come from Debian's
stable release, LocalStack from the lock that set-up uses, Toxiproxy is the server that set-up made. They listen, and take their
settings, as the published images do, so that the same code starts both. Where docker has no `compose`, Debian's is unpacked into
the cache.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from harness.engine import daemon
from harness.stack import bootstrap, cache, provision_toxiproxy
from harness.stack.containers import IMAGES, packed
from tests.docker import compose

SUITE = "trixie"
PYTHON = "3.13"
PACKAGES = "rabbitmq-server,python3,ca-certificates,curl"
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def main() -> None:
    """Build both images, or say what is missing."""
    lacking = [tool for tool in ("debootstrap", "docker", "tar") if shutil.which(tool) is None]
    if lacking or os.geteuid() != 0:
        sys.exit(f"the stand-in images need root and {', '.join(lacking) or 'nothing else'}")
    with tempfile.TemporaryDirectory(prefix="stand-ins-") as folder:
        tree = Path(folder) / "tree"
        _say(f"unpacking Debian {SUITE} with {PACKAGES}")
        try:
            _run("debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, tree)
            _rabbitmq(tree)
            _localstack(tree)
        finally:
            _unmount(tree)
    with contextlib.closing(daemon.connected()) as client:
        _say(IMAGES["toxiproxy"])
        packed(client, provision_toxiproxy.provided(_say).path)
    if not compose.command():
        compose.unpacked(_say)


def _unmount(tree: Path) -> None:
    """Take away what debootstrap mounts and, where something in the tree still runs, leaves mounted: it must not be removed."""
    for name in ("proc", "sys"):
        subprocess.run(["umount", "--lazy", str(tree / name)], capture_output=True, check=False)


def _rabbitmq(tree: Path) -> None:
    _say(IMAGES["rabbitmq"])
    _run("chroot", tree, "rabbitmq-plugins", "enable", "--offline", "rabbitmq_management")
    settings = tree / "etc" / "rabbitmq"
    (settings / "rabbitmq-env.conf").write_text("")  # Debian's keeps the node on loopback
    (settings / "conf.d").mkdir(exist_ok=True)
    (settings / "conf.d" / "10-reachable.conf").write_text("loopback_users = none\n")
    # As in the published image it is nobody's root, and whoever is let in has the server's home and so its cookie.
    changes = ("USER rabbitmq", f"ENV {PATH} LANG=C.UTF-8 HOME=/var/lib/rabbitmq", "EXPOSE 5672 15672")
    _import(tree, IMAGES["rabbitmq"], 'CMD ["/usr/lib/rabbitmq/bin/rabbitmq-server"]', *changes)


def _localstack(tree: Path) -> None:
    _say(IMAGES["localstack"])
    command = [
        cache.uv(), "pip", "install", "--quiet", "--python-version", PYTHON, "--python-platform", "x86_64-unknown-linux-gnu",
        "--target", tree / "opt" / "localstack", "--require-hashes", "-r", bootstrap.lock_file("localstack.txt"),
    ]  # fmt: skip
    _run(*command)
    start = 'CMD ["python3", "-m", "localstack.runtime.main"]'
    environment = (
        f"ENV {PATH} PYTHONPATH=/opt/localstack GATEWAY_LISTEN=0.0.0.0:4566 LANG=C.UTF-8 OVERRIDE_IN_DOCKER=0 DNS_ADDRESS=0"
    )
    _import(tree, IMAGES["localstack"], start, "EXPOSE 4566", environment)


def _import(tree: Path, name: str, *changes: str) -> None:
    packed = subprocess.Popen(["tar", "-C", str(tree), "--one-file-system", "-c", "."], stdout=subprocess.PIPE)
    given = [word for change in changes for word in ("--change", change)]
    subprocess.run(["docker", "import", *given, "-", name], stdin=packed.stdout, check=True, stdout=subprocess.DEVNULL)
    packed.wait()


def _run(*command: object) -> None:
    words: Sequence[str] = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{words[0]} failed: {done.stderr[-800:] or done.stdout[-800:]}")


def _say(line: str) -> None:
    sys.stdout.write(f"stand-ins: {line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
