"""Asking the Docker daemon: whether one answers, and whether an image is there or can be pulled. Nothing is started here."""

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.errors import StackError

SOCKET = Path("/var/run/docker.sock")
UNIX = "unix://"
LONGEST = 300
"""Characters of what docker says that fit into a sentence."""


def unreachable() -> str:
    """Say why no Docker daemon can be asked, with what to do about it; empty where one answers."""
    if not (os.environ.get("DOCKER_HOST") or SOCKET.exists()):
        return "this machine has no Docker; install it, or set DOCKER_HOST"
    try:
        connected().close()
    except StackError as error:
        return str(error)
    return ""


def connected() -> Any:
    """Return a client of the daemon that the environment names. Raises StackError where none answers."""
    import docker  # noqa: PLC0415 (see the package)
    from docker.errors import DockerException  # noqa: PLC0415 (see the package)

    try:
        _knock(os.environ.get("DOCKER_HOST") or f"{UNIX}{SOCKET}")
        client = docker.from_env()
        client.ping()
    except (DockerException, OSError) as error:
        message = f"no Docker daemon answers ({first(error)}); start one this user may talk to"
        raise StackError(message) from error
    return client


def _knock(host: str) -> None:
    """Connect and hang up: docker's own client leaves a socket open where nobody listens."""
    if host.startswith(UNIX):
        with socket.socket(socket.AF_UNIX) as one:
            one.connect(host.removeprefix(UNIX))


def absent(client: Any, image: str, progress: Callable[[str], None] = lambda _: None) -> str:
    """Return why an image is neither here nor to be had; empty where it is here, perhaps pulled just now."""
    from docker.errors import APIError, ImageNotFound  # noqa: PLC0415 (see the package)

    try:
        client.images.get(image)
    except ImageNotFound:
        progress(f"docker pulls {image}")
        try:
            client.images.pull(image)
        except APIError as error:
            return f"the image {image} is not here and cannot be pulled ({first(error)})"
    return ""


def first(error: Exception) -> str:
    """Return the beginning of what docker says, on one line: the daemon's own words, where they are its."""
    return " ".join(str(getattr(error, "explanation", None) or error).split())[:LONGEST]
